//! How long an App's messages, queues and files are kept, and their end.
//!
//! The gateway says it with every call and session, and when it asks for the evidence of sweeps. The
//! last word is stored, so that an App that nobody calls is swept as well. An App of which nothing was
//! said keeps everything.

mod asked;
mod clocks;
mod due;
mod evidence;
mod report;
mod sweep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::app_key::AppKey;
use crate::centre::{Centre, Stop};
use crate::store::cipher::Keyspace;
use crate::store::key::{Key, Span};
use crate::store::{Edit, Order, StoreError, View};

pub(crate) use clocks::note;
pub(crate) use evidence::{ROUTE, is_asked, serve};

/// What is known of Apps, and where their sweeps stopped.
#[derive(Default)]
pub(crate) struct Retention {
    clocks: clocks::Clocks,
    days: Mutex<HashMap<AppKey, u64>>,
    /// Held by a sweep: one at a time.
    sweeping: tokio::sync::Mutex<HashMap<(AppKey, Keyspace), Span>>,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    org: String,
    app: String,
    days: u64,
}

impl Retention {
    /// What a gateway said last, since this process began.
    pub(crate) fn days(&self, app: &AppKey) -> Option<u64> {
        self.days.lock().get(app).copied()
    }

    /// Nothing is known of an App whose data was erased.
    pub(crate) fn forget(&self, app: &AppKey) {
        self.days.lock().remove(app);
    }
}

/// Unix milliseconds before which nothing is served.
pub(crate) fn oldest(now: u64, days: u64) -> u64 {
    now.saturating_sub(days.saturating_mul(DAY_MILLIS))
}

/// Learns from a call's headers. What can't be read is left to who needs it.
pub(crate) async fn learn_from(centre: &Centre, app: &AppKey, headers: &HeaderMap) {
    let days = headers.get("domicile-retention-days");
    let days = days.and_then(|days| days.to_str().ok()?.parse().ok());
    let Some(days) = days else { return };
    learn_or_log(centre, app, days).await;
}

/// A failure is no reason to refuse the call: the next one tries again.
pub(crate) async fn learn_or_log(centre: &Centre, app: &AppKey, days: u64) {
    if let Err(error) = learn(centre, app, days).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "can't store how long an App's messages are kept");
    }
}

async fn learn(centre: &Centre, app: &AppKey, days: u64) -> Result<(), StoreError> {
    learn_page(centre, &[(app.clone(), days)]).await
}

/// Stores what is new of it, in one transaction.
async fn learn_page(centre: &Centre, apps: &[(AppKey, u64)]) -> Result<(), StoreError> {
    let known = &centre.retention;
    let new = apps
        .iter()
        .filter(|(app, days)| known.days(app) != Some(*days));
    let new: Vec<_> = new.cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    let write = move |edit: &Edit<'_>| {
        for (app, days) in &new {
            edit.put(Keyspace::Apps, &Key::of(app), &Stored::of(app, *days))?;
        }
        Ok::<_, StoreError>(new)
    };
    let new = centre.store.write(write).await?;
    known.days.lock().extend(new);
    Ok(())
}

impl Stored {
    fn of(app: &AppKey, days: u64) -> Stored {
        Stored {
            org: app.org().to_owned(),
            app: app.app().to_owned(),
            days,
        }
    }
}

/// Sweeps all Apps, again and again, until the data centre stops.
pub(crate) async fn sweep_again_and_again(centre: Arc<Centre>, every: Duration, stop: Stop) {
    let sweeping = async {
        loop {
            if let Err(error) = sweep_all(&centre).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a sweep failed; the next one goes on");
            }
            tokio::time::sleep(every).await;
        }
    };
    stop.soft.run_until_cancelled(sweeping).await;
}

/// Every App gets a turn; where one fails, the others have theirs.
async fn sweep_all(centre: &Centre) -> Result<(), StoreError> {
    let read = |view: &View<'_>| {
        view.scan::<Stored>(Keyspace::Apps, &Span::all(), Order::Rising, usize::MAX)
    };
    for stored in centre.store.read::<_, StoreError, _>(read).await? {
        let Some(app) = AppKey::new(&stored.org, &stored.app) else {
            continue;
        };
        if let Err(error) = sweep::sweep(centre, &app, stored.days).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the sweep of an App failed; the next one goes on");
        }
    }
    Ok(())
}

pub(crate) const DAY_MILLIS: u64 = 86_400_000;

//! `POST /management/sweeps`: a gateway says how long Apps' messages are kept, has what is past it deleted, and
//! gets the reports of sweeps for its audit log, for a page of Apps at a time. A report is told again until it
//! is acknowledged: at least once, with an id by which a second time is known.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::asked::Asked;
use super::due::due;
use super::learn_page;
use super::report::{self, Report};
use super::sweep::{Swept, sweep};
use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::erasure::{check, read};
use crate::server::answer::{Response, json_response};
use crate::server::fault::Fault;
use crate::store::{Edit, StoreError, View};

pub(crate) const ROUTE: &str = "POST management/sweeps";

pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == "/management/sweeps"
}

pub(crate) async fn serve(
    centre: &Arc<Centre>,
    request: Request<Incoming>,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    check(&head.headers, &centre.zone)?;
    let asked = Asked::read(&read(body, BODY_MAX).await?)?;
    let clocks = &centre.retention.clocks;
    clocks.compare(centre.clock.unix_millis(), asked.now);
    acknowledge(centre, asked.acknowledged).await?;
    learn_page(centre, &asked.apps).await?;
    let (shared, apps) = (centre.clone(), asked.apps.clone());
    // A task of its own, so that a batch of it is never cut in two by a gateway that leaves.
    let sweeping = centre
        .tracker
        .spawn(async move { sweep_page(&shared, apps).await });
    let complete = sweeping.await.map_err(|_| Fault::Stopping)??;
    let told = centre
        .store
        .read(move |view: &View<'_>| tell(view, &asked.apps))
        .await?;
    Ok(json_response(StatusCode::OK, &told.json(complete)))
}

async fn acknowledge(centre: &Centre, told: Vec<(AppKey, u64)>) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    let write = move |edit: &Edit<'_>| {
        let mut told = told.iter();
        told.try_for_each(|(app, id)| report::acknowledge(edit, app, *id))
    };
    centre.store.write(write).await
}

/// Says whether nothing past the retentions is left. What there was no time for, the data centre's own next
/// sweep does.
async fn sweep_page(centre: &Centre, apps: Vec<(AppKey, u64)>) -> Result<bool, Fault> {
    let now = centre.clock.unix_millis();
    let read = move |view: &View<'_>| due(view, now, apps);
    let due = centre.store.read::<_, StoreError, _>(read).await?;
    let began = Instant::now();
    let mut complete = true;
    for (app, days) in due {
        if began.elapsed() > PATIENCE {
            return Ok(false);
        }
        complete &= sweep(centre, &app, days).await? == Swept::Whole;
    }
    Ok(complete)
}

/// The oldest reports of each App, as far as one answer goes.
#[derive(Default)]
struct Told {
    apps: Vec<(String, Vec<Report>)>,
    count: usize,
    more: bool,
}

fn tell(view: &View<'_>, apps: &[(AppKey, u64)]) -> Result<Told, StoreError> {
    let mut told = Told::default();
    for (app, _) in apps {
        let mut reports = report::waiting(view, app)?;
        // One that is full may have more behind it.
        told.more |= reports.len() >= report::REPORTS || told.count + reports.len() > ALL;
        reports.truncate(ALL - told.count);
        told.count += reports.len();
        if !reports.is_empty() {
            told.apps.push((report::hash(app), reports));
        }
    }
    Ok(told)
}

impl Told {
    fn json(&self, complete: bool) -> Value {
        let app = |(hash, reports): &(String, Vec<Report>)| {
            let sweeps: Vec<Value> = reports.iter().map(Report::json).collect();
            json!({ "app_key_sha256": hash, "sweeps": sweeps })
        };
        let apps: Vec<Value> = self.apps.iter().map(app).collect();
        json!({ "complete": complete, "more": self.more, "apps": apps })
    }
}

/// 1000 Apps and as many acknowledgements, with the longest names.
const BODY_MAX: usize = 512 * 1024;
/// Reports in one answer, at most.
const ALL: usize = 512;
/// After it no sweep of another App begins: a gateway waits for 60 s.
const PATIENCE: Duration = Duration::from_secs(20);

//! What data centres have deleted because it was past its App's retention. The request also tells the Apps'
//! retentions as they are now, and has what is past them deleted: a page of Apps at a time, on one connection.
//! As an erasure, it goes to the zone that the Apps are pinned to and nowhere else. What must be served is in
//! `docs/data-centre.md`.

mod answer;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::bind::Home;
use super::erase::{reach, request};
use super::exchange::Conversation;
use super::upstream::Target;
use super::{EraseError, Homes};
use crate::domain::ZoneId;
use crate::registry::App;

pub use answer::{Sweep, Swept};

/// The way to one zone's data centre for a round of sweeps.
pub struct Sweeping {
    home: Arc<Home>,
    open: Option<(Arc<Target>, Conversation)>,
}

/// The last report of an App that is in the audit log, with all before it.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    app_key: String,
    sweep_id: String,
}

#[derive(Serialize)]
struct Asked<'a> {
    /// This gateway's clock, in Unix milliseconds.
    now: u64,
    apps: Vec<Kept<'a>>,
    acknowledged: &'a [Told],
}

/// How long an App's messages are kept.
#[derive(Serialize)]
struct Kept<'a> {
    app_key: &'a str,
    retention_days: u32,
}

impl Homes {
    /// Each zone's, with nothing dialled yet.
    pub fn sweeping(&self) -> Vec<Sweeping> {
        let homes = self.homes.iter().cloned();
        homes.map(|home| Sweeping { home, open: None }).collect()
    }
}

impl Told {
    pub fn new(app: &App, last: &Sweep) -> Self {
        Self {
            app_key: app.app_key.as_str().to_owned(),
            sweep_id: last.sweep_id.clone(),
        }
    }
}

impl Sweeping {
    /// Apps of one request, at most.
    pub const PAGE: usize = 1_000;

    pub fn zone(&self) -> &ZoneId {
        &self.home.id
    }

    /// Has the data centre sweep these Apps, and gives the reports behind the acknowledged ones. `now` is in
    /// Unix milliseconds.
    ///
    /// # Errors
    /// See [`EraseError`]; [`EraseError::NoSuchZone`] when an App is of another zone: nothing was sent.
    /// [`EraseError::Unsupported`] where the data centre has no such call.
    pub async fn ask(
        &mut self,
        now: u64,
        apps: &[Arc<App>],
        acknowledged: &[Told],
    ) -> Result<Swept, EraseError> {
        if apps.iter().any(|app| app.zone != self.home.id) {
            return Err(EraseError::NoSuchZone);
        }
        let kept = apps.iter().map(|app| Kept {
            app_key: app.app_key.as_str(),
            retention_days: app.retention_days,
        });
        let asked = Asked {
            now,
            apps: kept.collect(),
            acknowledged,
        };
        let swept = tokio::time::timeout(WHOLE, self.converse(&asked)).await;
        let body = swept.unwrap_or(Err(EraseError::Timeout)).inspect_err(|_| {
            self.open = None;
        })?;
        Swept::read(&body, apps)
    }

    /// On the open connection or, where that has ended meanwhile, once more on another: asking twice does no
    /// harm.
    async fn converse(&mut self, asked: &Asked<'_>) -> Result<bytes::Bytes, EraseError> {
        if let Some((target, conversation)) = self.open.as_mut().filter(|(_, c)| c.goes_on()) {
            let request = request(&self.home, target, (PATH, asked))?;
            match conversation.ask(request, ANSWER).await {
                Err(EraseError::Broken(_)) => {}
                answered => return answered,
            }
        }
        let (target, stream) = reach(&self.home).await?;
        let request = request(&self.home, &target, (PATH, asked))?;
        let conversation = Conversation::open(stream).await?;
        let (_, conversation) = self.open.insert((target, conversation));
        conversation.ask(request, ANSWER).await
    }
}

const PATH: &str = "/management/sweeps";
/// The most of an answer's body, in bytes: 512 reports, each with all channels and kinds.
const ANSWER: usize = 1024 * 1024;
/// Connecting, asking, sweeping and answering together.
const WHOLE: Duration = Duration::from_secs(60);

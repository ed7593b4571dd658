//! Evidence of what data centres have deleted, into this region's audit log.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::audit::{self, AuditError};
use crate::domain::{AppId, ZoneId};
use crate::gateway::Shared;
use crate::observe::Swept;
use crate::registry::{App, LookUpError};
use crate::zone::{EraseError, Sweep, Sweeping, Told};

/// Why evidence did not get into the log. It is told again the next time.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("the Apps cannot be listed")]
    Apps(#[from] LookUpError),
    #[error("the data centre was not asked, or did not answer")]
    Centre(#[from] EraseError),
    #[error("the audit log cannot be written")]
    Audit(#[from] AuditError),
}

/// Tells each zone's data centre how long it keeps its Apps' messages, a page of Apps at a time, has it delete
/// what is past that, and writes what it has deleted. A data centre that fails is let be until the next round;
/// the others are asked all the same.
///
/// # Errors
/// When the Apps cannot be listed, or the log not be written.
pub async fn audit_sweeps(shared: &Arc<Shared>) -> Result<(), EvidenceError> {
    let zones = shared.homes.sweeping().into_iter();
    let mut rounds: Vec<_> = zones.map(Round::of).collect();
    let mut cursor = None;
    loop {
        let page = shared
            .registry
            .list(cursor, Sweeping::PAGE, &|_, _| true)
            .await?;
        for round in &mut rounds {
            let own = page.items.iter().filter(|app| round.is_of(app));
            let own: Vec<_> = own.cloned().collect();
            round.page(shared, &own).await?;
        }
        cursor = page.next_cursor;
        // Nobody is left to be told of the other pages, which cost reads of the registry.
        if cursor.is_none() || rounds.iter().all(Round::has_failed) {
            break;
        }
    }
    for round in &mut rounds {
        round.finish(shared).await?;
        if round.outcome == Swept::Done {
            let zone = round.sweeping.zone();
            shared.metrics.zone_swept(zone, shared.clock.unix());
        }
    }
    Ok(())
}

/// One zone's part of a round.
struct Round {
    sweeping: Sweeping,
    /// On disk here, and not acknowledged yet: a crash has it told twice, with the same id.
    written: Vec<Told>,
    outcome: Swept,
}

impl Round {
    const fn of(sweeping: Sweeping) -> Self {
        Self {
            sweeping,
            written: Vec::new(),
            outcome: Swept::Done,
        }
    }

    fn has_failed(&self) -> bool {
        self.outcome != Swept::Done
    }

    fn is_of(&self, app: &App) -> bool {
        app.zone == *self.sweeping.zone()
    }

    async fn page(&mut self, shared: &Shared, apps: &[Arc<App>]) -> Result<(), EvidenceError> {
        if self.has_failed() {
            return Ok(());
        }
        for _ in 0..ANSWERS {
            if apps.is_empty() || !self.ask(shared, apps).await? {
                break;
            }
        }
        for app in apps {
            shared.metrics.swept(&app.zone, self.outcome);
        }
        Ok(())
    }

    /// Acknowledges what the last page has told.
    async fn finish(&mut self, shared: &Shared) -> Result<(), EvidenceError> {
        if !self.has_failed() && !self.written.is_empty() {
            self.ask(shared, &[]).await?;
        }
        Ok(())
    }

    /// Says whether more waits to be told of these Apps.
    async fn ask(&mut self, shared: &Shared, apps: &[Arc<App>]) -> Result<bool, EvidenceError> {
        let now = shared.clock.unix_millis();
        let swept = match self.sweeping.ask(now, apps, &self.written).await {
            Ok(swept) => swept,
            Err(error) => {
                self.fail(&error);
                return Ok(false);
            }
        };
        self.written.clear();
        write(shared, self.sweeping.zone(), &swept.reports).await?;
        let told = swept.reports.iter();
        let told = told.filter_map(|(app, sweeps)| Some(Told::new(app, sweeps.last()?)));
        self.written.extend(told);
        Ok(swept.more)
    }

    fn fail(&mut self, error: &EraseError) {
        // Without the call it deletes by its own rules, and has told the operator so.
        self.outcome = if matches!(error, EraseError::Unsupported) {
            Swept::Unsupported
        } else {
            let zone = self.sweeping.zone();
            tracing::warn!(%zone, %error, "a data centre was not swept");
            Swept::Failed
        };
    }
}

/// An entry for each App, channel and kind; as many at once as share a sync of the log.
async fn write(shared: &Shared, zone: &ZoneId, reports: &[Report]) -> Result<(), AuditError> {
    let entries: Vec<_> = reports.iter().flat_map(entries).collect();
    for some in entries.chunks(AT_ONCE) {
        let writing = some.iter().cloned();
        let writing = writing.map(|(app_id, sweep, count)| {
            let audit = &shared.audit;
            audit.swept(app_id, sweep, count)
        });
        try_join_all(writing).await?;
        for (_, sweep, count) in some {
            let metrics = &shared.metrics;
            metrics.deleted(zone, &sweep.channel, &sweep.kind, *count);
        }
    }
    Ok(())
}

/// What one App's data centre has told of it.
type Report = (Arc<App>, Vec<Sweep>);

fn entries((app, sweeps): &Report) -> Vec<(AppId, audit::Sweep, u64)> {
    let mut entries = Vec::new();
    for sweep in sweeps {
        for (channel, kinds) in &sweep.deleted {
            entries.extend(kinds.iter().map(|(kind, count)| {
                let told = audit::Sweep {
                    id: sweep.sweep_id.clone(),
                    channel: channel.clone(),
                    kind: kind.clone(),
                    older_than: sweep.older_than,
                };
                (app.app_id, told, *count)
            }));
        }
    }
    entries
}

/// Answers for one page that are taken at a time, at most.
const ANSWERS: usize = 8;
/// Entries that wait for the log at once.
const AT_ONCE: usize = 256;

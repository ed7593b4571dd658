//! Evidence of what data centres have deleted, into this region's audit log.

use std::sync::Arc;

use crate::audit::{self, AuditError};
use crate::domain::ZoneId;
use crate::gateway::Shared;
use crate::observe::Swept;
use crate::registry::{App, LookUpError};
use crate::zone::{EraseError, Sweep};

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

/// Tells each App's data centre how long it keeps messages, has it delete what is past that, and writes
/// what it has deleted. Where one data centre fails, the others are asked all the same.
///
/// # Errors
/// When the Apps cannot be listed, or the log not be written.
pub async fn audit_sweeps(shared: &Arc<Shared>) -> Result<(), EvidenceError> {
    let mut unswept: Vec<ZoneId> = Vec::new();
    let mut cursor = None;
    loop {
        let page = shared.registry.list(cursor, PAGE, &|_, _| true).await?;
        for app in &page.items {
            let swept = outcome(audit_app(shared, app).await, app)?;
            shared.metrics.swept(&app.zone, swept);
            if swept != Swept::Done && !unswept.contains(&app.zone) {
                unswept.push(app.zone.clone());
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let now = shared.clock.unix();
    let zones = shared.homes.homes().iter().map(|home| &home.id);
    for zone in zones.filter(|zone| !unswept.contains(zone)) {
        shared.metrics.zone_swept(zone, now);
    }
    Ok(())
}

/// What became of one App's sweep; what stops them all is the error.
fn outcome(asked: Result<(), EvidenceError>, app: &App) -> Result<Swept, EvidenceError> {
    match asked {
        Ok(()) => Ok(Swept::Done),
        // It deletes by its own rules then, and has told the operator so.
        Err(EvidenceError::Centre(EraseError::Unsupported)) => Ok(Swept::Unsupported),
        Err(EvidenceError::Centre(error)) => {
            tracing::warn!(app_id = %app.app_id, %error, "a data centre was not swept");
            Ok(Swept::Failed)
        }
        Err(error) => Err(error),
    }
}

/// Acknowledges only what is on disk: a crash in between has it told twice, with the same id.
async fn audit_app(shared: &Shared, app: &App) -> Result<(), EvidenceError> {
    let mut written = None;
    for _ in 0..ROUNDS {
        let sweeps = shared.homes.sweep(app, written.as_deref()).await?;
        let Some(last) = sweeps.last() else { break };
        let last = last.sweep_id.clone();
        for sweep in sweeps {
            write(shared, app, sweep).await?;
        }
        written = Some(last);
    }
    Ok(())
}

/// An entry for each channel and kind.
async fn write(shared: &Shared, app: &App, sweep: Sweep) -> Result<(), AuditError> {
    for (channel, kinds) in sweep.deleted {
        for (kind, count) in kinds {
            shared.metrics.deleted(&app.zone, &channel, &kind, count);
            let told = audit::Sweep {
                id: sweep.sweep_id.clone(),
                channel: channel.clone(),
                kind,
                older_than: sweep.older_than,
            };
            shared.audit.swept(app.app_id, told, count).await?;
        }
    }
    Ok(())
}

const PAGE: usize = 200;
/// Answers of one App that are taken at a time, at most.
const ROUNDS: usize = 8;

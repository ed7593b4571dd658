//! The region's first owner, when the registry is not believed at the start (SPEC 7): nobody knows
//! then whether there is one, and the gateway starts all the same, unready.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::generation::Lasting;
use crate::admin::{AdoptError, adopt_owner};
use crate::audit::AuditLog;
use crate::registry::Registry;

/// Whether that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    Settled,
    /// Once the registry is believed.
    Later,
}

/// Adopts the owner in `file`, if the region has no account.
///
/// # Errors
/// When the registry is believed, and it cannot be done all the same.
pub async fn adopt(
    registry: &Registry,
    audit: &AuditLog,
    file: &Path,
) -> Result<Adoption, StartError> {
    match adopt_owner(registry, audit, file).await {
        Ok(_) => Ok(Adoption::Settled),
        Err(AdoptError::Registry(_)) if !registry.state().trusted => {
            tracing::error!(
                region = %registry.region(),
                "the registry is not believed: this gateway starts unready and serves no App until it is; /readyz has the reason, docs/backup.md what to do"
            );
            Ok(Adoption::Later)
        }
        Err(error) => Err(error.into()),
    }
}

/// How often the registry is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Adopts the owner once the registry is believed.
pub async fn adopt_later(lasting: Arc<Lasting>, file: PathBuf) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        if !lasting.registry.state().trusted {
            continue;
        }
        match adopt_owner(&lasting.registry, &lasting.audit, &file).await {
            Ok(_) => return,
            // It went away again.
            Err(AdoptError::Registry(_)) => {}
            Err(error) => {
                return tracing::error!(%error, "the region's first owner is not adopted");
            }
        }
    }
}

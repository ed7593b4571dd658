//! What the handlers work with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::endpoints::Endpoints;
use super::refusal::{Home, Refusal};
use crate::audit::{Act, AuditLog, Deed};
use crate::config::Catalogue;
use crate::domain::{AppId, Clock, RegionId, ZoneId};
use crate::per_address::PerAddress;
use crate::registry::{App, Home as AppHome, PinBytes, Randomness, Registry};

/// What the admin API is given.
pub struct AdminState {
    /// This gateway's region.
    pub region: RegionId,
    pub catalogue: Arc<Catalogue>,
    pub registry: Arc<Registry>,
    pub audit: Arc<AuditLog>,
    pub clock: Arc<dyn Clock>,
    /// For the salts of tokens.
    pub randomness: Arc<dyn Randomness>,
    pub events: Arc<dyn AdminEvents>,
    pub zones: Arc<dyn ZoneHealth>,
    pub tokens: TokenRules,
    /// Acts go on here when their caller leaves: wait for it before the registry and the audit log close.
    pub tasks: TaskTracker,
}

/// What is counted.
pub trait AdminEvents: Send + Sync + 'static {
    /// Somebody asked for an App to be moved.
    fn migration_attempt(&self);

    /// A call was refused with this code.
    fn refused(&self, code: &'static str);
}

/// How the zones of this region are.
pub trait ZoneHealth: Send + Sync + 'static {
    /// Whether a zone's upstreams take traffic; `None` when that is not known.
    fn is_healthy(&self, zone: &ZoneId) -> Option<bool>;
}

/// How long the token server's tokens may live.
#[derive(Debug, Clone, Copy)]
pub struct TokenRules {
    pub max_age: Duration,
}

/// What an act was about, as it turned out.
pub(super) struct About<'a> {
    pub app_id: AppId,
    /// Of a new App: whoever has lost the registry finds them in the log.
    pub pins: Option<&'a PinBytes>,
}

impl About<'_> {
    pub const fn app(app_id: AppId) -> Self {
        Self { app_id, pins: None }
    }

    fn write(self, act: Act) -> Act {
        let act = act.about(self.app_id);
        match self.pins {
            None => act,
            Some(pins) => act.pinned(&pins.id, &pins.key),
        }
    }
}

/// Wrong keys that an address may try in a minute.
const WRONG_KEYS: u32 = 60;

/// What all handlers share.
pub(super) struct Shared {
    pub given: AdminState,
    attempts: PerAddress,
}

impl Shared {
    pub fn new(given: AdminState) -> Self {
        let attempts = PerAddress::new(WRONG_KEYS, Arc::clone(&given.clock));
        Self { given, attempts }
    }

    pub fn wrong_key(&self, from: IpAddr) -> Refusal {
        match self.attempts.count(from) {
            None => Refusal::Unauthenticated,
            Some(retry_after) => Refusal::TooManyAttempts { retry_after },
        }
    }

    /// Does something between its entries in the audit log: `begun` before, `done` or `failed` after.
    /// It goes on to its end even if the caller leaves.
    pub async fn act<T: Send + 'static>(
        self: &Arc<Self>,
        deed: Deed,
        effect: impl Future<Output = Result<T, Refusal>> + Send + 'static,
        about: fn(&T) -> About<'_>,
    ) -> Result<T, Refusal> {
        let shared = Arc::clone(self);
        let task = self.given.tasks.spawn(async move {
            let act = shared.given.audit.begin(deed).await?;
            match effect.await {
                Ok(value) => {
                    about(&value).write(act).done().await?;
                    Ok(value)
                }
                Err(refusal) => {
                    act.failed(refusal.code()).await?;
                    Err(refusal)
                }
            }
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an administrative act broke off");
            Err(Refusal::Internal)
        })
    }

    /// An App of this region.
    pub async fn app(&self, app_id: &AppId) -> Result<Arc<App>, Refusal> {
        match self.given.registry.app(app_id).await? {
            None => Err(Refusal::AppUnknown),
            Some(AppHome::Here(app)) => Ok(app),
            Some(AppHome::Elsewhere(region)) => Err(self.elsewhere(region)),
        }
    }

    /// The answer to who asks here for what lives in `region`.
    pub fn elsewhere(&self, region: RegionId) -> Refusal {
        match self.given.catalogue.region(&region) {
            Some(entry) => Refusal::Elsewhere(Home {
                endpoints: Endpoints::of(entry),
                region,
            }),
            // A pin's region is in the catalogue; where it is not, nobody knows the way.
            None => Refusal::RegistryUntrusted,
        }
    }
}

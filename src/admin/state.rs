//! What the handlers work with.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::endpoints::Endpoints;
use super::erasure::Eraser;
use super::permission::Orgs;
use super::refusal::{Home, Refusal};
use crate::audit::{Act, AuditLog, Deed};
use crate::config::Catalogue;
use crate::domain::{AppId, Clock, RegionId, ZoneId};
use crate::per_address::PerAddress;
use crate::registry::{Account, App, ChangeError, Home as AppHome, PinBytes, Randomness, Registry};

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
    pub eraser: Arc<dyn Eraser>,
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
    /// None: about no App, or the one that was named at the beginning.
    pub app_id: Option<AppId>,
    /// Of a new App: whoever has lost the registry finds them in the log.
    pub pins: Option<&'a PinBytes>,
}

impl About<'_> {
    pub const fn app(app_id: AppId) -> Self {
        Self {
            app_id: Some(app_id),
            pins: None,
        }
    }

    /// What was said at the beginning is all there is.
    pub const fn same() -> Self {
        Self {
            app_id: None,
            pins: None,
        }
    }

    fn write(self, act: Act) -> Act {
        let act = match self.app_id {
            None => act,
            Some(app_id) => act.about(app_id),
        };
        match self.pins {
            None => act,
            Some(pins) => act.pinned(&pins.id, &pins.key),
        }
    }
}

/// Wrong keys that an address may try in a minute.
const WRONG_KEYS: u32 = 60;

/// Seconds for which a use of an account need not be written again.
const USE: u64 = 3_600;

/// Accounts whose use is remembered. Beyond them all are forgotten, and written once more.
const USES: usize = 4_096;

/// When each account's use was last handed on, in unix seconds.
#[derive(Default)]
struct Uses(HashMap<String, u64>);

/// What all handlers share.
pub(super) struct Shared {
    pub given: AdminState,
    attempts: PerAddress,
    /// What was handed to the registry.
    used: Mutex<Uses>,
}

impl Shared {
    pub fn new(given: AdminState) -> Self {
        let attempts = PerAddress::new(WRONG_KEYS, Arc::clone(&given.clock));
        Self {
            given,
            attempts,
            used: Mutex::default(),
        }
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
        self.finish(async move {
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
        })
        .await
    }

    /// Does all of something, even if the caller leaves.
    pub async fn finish<T: Send + 'static>(
        &self,
        whole: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let task = self.given.tasks.spawn(whole);
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an administrative act broke off");
            Err(Refusal::Internal)
        })
    }

    /// Remembers that an account is in use, once an hour. The call does not wait for it.
    pub fn used(&self, account: &Account) {
        let now = self.given.clock.unix();
        let recent = |at: u64| now < at.saturating_add(USE);
        if account.last_used_at.is_some_and(recent) {
            return;
        }
        if self.used.lock().again(&account.id, now) {
            return;
        }
        let (registry, id) = (Arc::clone(&self.given.registry), account.id.clone());
        self.given.tasks.spawn(async move {
            if let Err(error) = registry.touch_account(&id).await {
                tracing::warn!(%error, account = id, "the use of an account is not remembered");
            }
        });
    }

    /// An App of this region and of the caller's orgs.
    pub async fn app(&self, orgs: &Orgs, app_id: &AppId) -> Result<Arc<App>, Refusal> {
        let known = self.given.registry.app(app_id).await?;
        let known = known.filter(|known| orgs.contain(&known.app_key));
        match known.map(|known| known.home) {
            None => Err(Refusal::AppUnknown),
            Some(AppHome::Here(app)) => Ok(app),
            Some(AppHome::Elsewhere(region)) => Err(self.elsewhere(region)),
        }
    }

    /// The answer when an App's record was not changed.
    pub fn unchanged(&self, error: ChangeError) -> Refusal {
        match error {
            ChangeError::Unknown => Refusal::AppUnknown,
            ChangeError::Elsewhere(region) => self.elsewhere(region),
            ChangeError::Retired => Refusal::AppRetired,
            ChangeError::Stale => Refusal::Stale,
            ChangeError::Unavailable => Refusal::RegistryUnavailable,
            ChangeError::Untrusted => Refusal::RegistryUntrusted,
            ChangeError::Seal(error) => {
                tracing::error!(%error, "an App's record cannot be sealed");
                Refusal::Internal
            }
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

impl Uses {
    /// Whether the account's use was handed on within the hour. If not, it is now.
    fn again(&mut self, id: &str, now: u64) -> bool {
        let recent = |at: &u64| now < at.saturating_add(USE);
        if self.0.get(id).is_some_and(recent) {
            return true;
        }
        if self.0.len() >= USES {
            self.0.clear();
        }
        self.0.insert(id.to_owned(), now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_handed_on_once_an_hour_and_not_remembered_for_ever() {
        let mut uses = Uses::default();
        assert!(!uses.again("a", 1_000) && uses.again("a", 1_000 + USE - 1));
        assert!(!uses.again("a", 1_000 + USE) && uses.again("a", 1_000 + USE));
        for n in 0..3 * USES {
            uses.again(&n.to_string(), 10_000);
            assert!(uses.0.len() <= USES);
        }
    }
}

//! "Whose App is this?", answered from memory where possible.

use std::sync::Arc;

use super::Registry;
use super::known::{AppName, Home, Known};
use super::locate::LookUpError;
use super::memory::{Epoch, Remembered};
use super::names::{Hash, PinKind, exact, id_hash, key_hash};
use super::stats::LookUpResult;
use super::trust::{Fault, Named, Verified};
use crate::domain::{AppId, AppKey};

/// What one reading of the store gave, and what had been written before it began.
#[derive(Clone)]
pub(super) struct Reading {
    epoch: Epoch,
    result: Result<Option<Arc<Remembered>>, Fault>,
}

/// A name that isn't in memory.
#[derive(Clone, Copy)]
struct Asked {
    name: AppName,
    /// Where its pin stands.
    hash: Hash,
    exact: Hash,
    /// Beside an AppKey, the App ID that it may have: it saves a read.
    likely: Option<AppId>,
}

impl Registry {
    /// Whose App is this? `None`: nobody registered it, or it is spelt otherwise.
    ///
    /// # Errors
    /// When the registry cannot be asked, or its answer does not verify.
    pub async fn look_up(&self, name: AppName) -> Result<Option<Arc<Known>>, LookUpError> {
        match name {
            AppName::Key(key) => self.look_up_key(key, || None).await,
            AppName::Id(id) => match self.memory.id(&id_hash(&id)) {
                Some((exactly, key)) if exactly == id => self.look_up_key(key, || Some(id)).await,
                Some(_) => Ok(self.cached(None)),
                None => self.ask(Asked::new(name), None).await,
            },
        }
    }

    /// What the store says of an App now, whatever is remembered. If the store is away or was rolled back, what
    /// is remembered; not if it contradicts that.
    ///
    /// # Errors
    /// As [`Registry::look_up`].
    pub async fn app(&self, id: &AppId) -> Result<Option<Known>, LookUpError> {
        let fresh = match self.require_trust().await {
            Ok(()) => self.read_by_id(id).await,
            Err(fault) => Err(fault),
        };
        match fresh {
            Ok(found) => Ok(found.map(|(key, verified)| {
                let home = self.home(&key, verified);
                Known::new(key, home)
            })),
            Err(fault) => {
                let known = fault.leaves_known_apps().then(|| self.known_by_id(id));
                known.flatten().map(Some).ok_or_else(|| self.failed(fault))
            }
        }
    }

    /// [`Registry::look_up`] of an AppKey. `likely` gives the App ID that the caller names with it,
    /// and is asked if the store is: with the right one, an App of this region takes one read
    /// instead of two. A wrong one changes no answer.
    pub(super) async fn look_up_key(
        &self,
        key: AppKey,
        likely: impl FnOnce() -> Option<AppId>,
    ) -> Result<Option<Arc<Known>>, LookUpError> {
        let remembered = self.memory.known(&key_hash(&key));
        match remembered {
            Some(found) if found.known.app_key != key => Ok(self.cached(None)),
            Some(found) if !found.known.is_stale() => {
                Ok(self.cached(Some(Arc::clone(&found.known))))
            }
            other => {
                let asked = Asked {
                    likely: likely(),
                    ..Asked::new(AppName::Key(key))
                };
                self.ask(asked, other).await
            }
        }
    }

    /// Asks the store; `stale` is what is known if it is away.
    async fn ask(
        &self,
        asked: Asked,
        stale: Option<Arc<Remembered>>,
    ) -> Result<Option<Arc<Known>>, LookUpError> {
        match self.reading(asked, stale.is_some()).await {
            Ok(found) => Ok(found.map(|f| Arc::clone(&f.known))),
            Err(fault) => match stale {
                Some(stale) if fault.leaves_known_apps() => {
                    Ok(self.cached(Some(Arc::clone(&stale.known))))
                }
                _ => Err(self.failed(fault)),
            },
        }
    }

    async fn reading(
        &self,
        asked: Asked,
        is_known: bool,
    ) -> Result<Option<Arc<Remembered>>, Fault> {
        self.require_trust().await?;
        loop {
            let epoch = self.memory.epoch(&asked.hash);
            let now = self.clock.unix_millis();
            if !is_known && self.memory.is_absent(&asked.exact, epoch, now) {
                self.counters.looked_up(LookUpResult::Cached);
                return Ok(None);
            }
            let load = || self.load(asked);
            let reading = self.flights.join(asked.exact, load).await;
            // A reading that began before the latest write doesn't answer who asks after it.
            if reading.epoch >= epoch {
                return reading.result;
            }
        }
    }

    async fn load(&self, asked: Asked) -> Reading {
        let epoch = self.memory.epoch(&asked.hash);
        let result = match asked.name {
            AppName::Key(key) => self.load_key(&key, asked.likely.as_ref(), epoch).await,
            AppName::Id(id) => self.load_id(&id).await,
        };
        match &result {
            Ok(None) => {
                let now = self.clock.unix_millis();
                self.memory.remember_absence(asked.exact, epoch, now);
                self.counters.looked_up(LookUpResult::Unknown);
            }
            Ok(Some(found)) => self.counters.looked_up(match found.known.home {
                Home::Here(_) => LookUpResult::Home,
                Home::Elsewhere(_) => LookUpResult::Elsewhere,
            }),
            Err(_) => {}
        }
        Reading { epoch, result }
    }

    async fn load_key(
        &self,
        key: &AppKey,
        likely: Option<&AppId>,
        epoch: Epoch,
    ) -> Result<Option<Arc<Remembered>>, Fault> {
        match self.read_key(key, likely).await? {
            Named::Taken(verified) => Ok(Some(self.remember(key, epoch, verified))),
            Named::Free | Named::SpeltOtherwise => Ok(None),
        }
    }

    async fn load_id(&self, id: &AppId) -> Result<Option<Arc<Remembered>>, Fault> {
        let Named::Taken((pin, key)) = self.read_id(id).await? else {
            return Ok(None);
        };
        let epoch = self.memory.epoch(&key_hash(&key));
        let found = self.load_key(&key, Some(id), epoch).await?;
        let found = found.ok_or(super::distrust::Distrust::LonePin)?;
        found.agrees(&pin)?;
        self.memory.remember_id(pin.says().hash, *id, key);
        Ok(Some(found))
    }

    fn remember(&self, key: &AppKey, epoch: Epoch, verified: Verified) -> Arc<Remembered> {
        let pin = verified.pin.says();
        let (hash, pair) = (pin.hash, pin.pair);
        let (region, zone) = (pin.region.clone(), pin.zone.clone());
        let known = Arc::new(Known::new(*key, self.home(key, verified)));
        let found = Arc::new(Remembered {
            known,
            region,
            zone,
            pair,
        });
        self.memory.remember(hash, epoch, &found);
        found
    }

    pub(super) fn home(&self, key: &AppKey, verified: Verified) -> Home {
        let zone = verified.pin.says().zone.clone();
        match verified.record {
            None => Home::Elsewhere(verified.pin.says().region.clone()),
            Some(stored) => {
                let load = self.memory.loads.of(key_hash(key));
                Home::Here(Arc::new(stored.record.into_app(zone, load)))
            }
        }
    }

    fn known_by_id(&self, id: &AppId) -> Option<Known> {
        let (exactly, key) = self.memory.id(&id_hash(id))?;
        let found = self.memory.known(&key_hash(&key))?;
        let home = match &found.known.home {
            Home::Here(app) => Home::Here(Arc::clone(app)),
            Home::Elsewhere(region) => Home::Elsewhere(region.clone()),
        };
        (exactly == *id).then(|| Known::new(key, home))
    }

    fn cached(&self, answer: Option<Arc<Known>>) -> Option<Arc<Known>> {
        self.counters.looked_up(LookUpResult::Cached);
        answer
    }

    /// Counts a failure, and says it once to the operator.
    pub(super) fn failed(&self, fault: Fault) -> LookUpError {
        match fault {
            Fault::Unavailable(_) => {
                self.counters.looked_up(LookUpResult::Unavailable);
                LookUpError::Unavailable
            }
            Fault::Distrust(reason) => {
                self.counters.looked_up(LookUpResult::Untrusted);
                self.distrusted(reason);
                LookUpError::Untrusted
            }
        }
    }
}

impl Asked {
    fn new(name: AppName) -> Self {
        let (hash, exact) = match &name {
            AppName::Key(key) => (key_hash(key), exact(PinKind::Key, key.as_str())),
            AppName::Id(id) => (id_hash(id), exact(PinKind::Id, id.as_str())),
        };
        Self {
            name,
            hash,
            exact,
            likely: None,
        }
    }
}

impl Fault {
    /// A store that is away or was rolled back doesn't change what was verified before. An App
    /// whose own entry is contradicted is in doubt.
    fn leaves_known_apps(self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Distrust(super::distrust::Distrust::RolledBack)
        )
    }
}

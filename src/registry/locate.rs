//! The look-up of a request's App, and the proof that it lives here: [`Pinned`].
//!
//! A [`Locator`] belongs to one core. It remembers answers of the shared registry until they go
//! stale, so that a known App costs one hash look-up and nothing that cores share is written.

use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use parking_lot::Mutex;

use super::Registry;
use super::known::{App, Home, Known};
use crate::domain::{AppId, AppKey, RegionId};
use crate::recent::Recent;

/// Something that asks for an App.
pub trait Addressed {
    fn app_key(&self) -> AppKey;

    /// The App ID that it names besides, unverified. It can spare a read of the store, and decides
    /// nothing; asked where the App is not known.
    fn likely_app_id(&self) -> Option<AppId> {
        None
    }
}

/// A call whose App lives in this region. Only [`Locator::locate`] makes one.
#[derive(Debug)]
pub struct Pinned<C> {
    call: C,
    seen: Arc<Seen>,
}

/// One core's handle on an App of this region.
#[derive(Debug)]
pub struct Seen {
    known: Arc<Known>,
    app: Arc<App>,
    /// The App ID and its retention, ready as header values.
    pub(crate) app_id: HeaderValue,
    pub(crate) retention_days: HeaderValue,
    /// The same as lines of a head, once a request was told of them.
    pub(crate) lines: OnceLock<Box<[u8]>>,
}

/// Why the registry gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookUpError {
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry's entry for this App does not verify")]
    Untrusted,
}

/// Why a call is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    #[error("no such App is registered")]
    Unknown,
    #[error("the App lives in {0}")]
    Elsewhere(RegionId),
    #[error(transparent)]
    LookUp(#[from] LookUpError),
}

/// Answers a generation that one core remembers.
const GENERATION: usize = 8_192;

/// One core's way to the registry.
pub struct Locator {
    registry: Arc<Registry>,
    recent: Mutex<Recent<AppKey, Entry>>,
}

impl Locator {
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            recent: Mutex::new(Recent::new(GENERATION)),
        }
    }

    /// Finds the home of the call's App, and hands the call on if that is here.
    ///
    /// # Errors
    /// Unknown, at home elsewhere, or in doubt.
    pub async fn locate<C: Addressed>(&self, call: C) -> Result<Pinned<C>, LocateError> {
        let key = call.app_key();
        let recent = self.recent.lock().find(&key, |entry| !entry.is_stale());
        let entry = match recent {
            Some(entry) => entry,
            // Boxed: a look-up in the store is rare and large, and every call carries its place.
            None => Box::pin(self.ask(key, || call.likely_app_id())).await?,
        };
        match entry {
            Entry::Here(seen) => Ok(Pinned { call, seen }),
            Entry::Elsewhere(known, region) => {
                drop(known);
                Err(LocateError::Elsewhere(region))
            }
        }
    }

    async fn ask(
        &self,
        key: AppKey,
        likely: impl FnOnce() -> Option<AppId>,
    ) -> Result<Entry, LocateError> {
        let known = self.registry.look_up_key(key, likely).await?;
        let entry = Entry::new(known.ok_or(LocateError::Unknown)?);
        self.recent.lock().insert(key, entry.clone());
        Ok(entry)
    }
}

impl<C> Pinned<C> {
    pub fn call(&self) -> &C {
        &self.call
    }

    pub fn app(&self) -> &App {
        &self.seen.app
    }

    pub(crate) fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    /// For the gate alone, to let a call read its own body.
    pub(crate) fn call_mut(&mut self) -> &mut C {
        &mut self.call
    }

    pub(crate) fn into_parts(self) -> (C, Arc<Seen>) {
        (self.call, self.seen)
    }
}

impl Seen {
    fn new(known: Arc<Known>, app: Arc<App>) -> Self {
        let app_id = HeaderValue::from_str(app.app_id.as_str());
        Self {
            // An App ID is 32 hexadecimal digits.
            app_id: app_id.unwrap_or(HeaderValue::from_static("")),
            retention_days: HeaderValue::from(app.retention_days),
            lines: OnceLock::new(),
            known,
            app,
        }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Whether the record has changed since.
    pub fn is_stale(&self) -> bool {
        self.known.is_stale()
    }
}

#[derive(Clone)]
enum Entry {
    Here(Arc<Seen>),
    Elsewhere(Arc<Known>, RegionId),
}

impl Entry {
    fn new(known: Arc<Known>) -> Self {
        match &known.home {
            Home::Here(app) => {
                let app = Arc::clone(app);
                Self::Here(Arc::new(Seen::new(known, app)))
            }
            Home::Elsewhere(region) => {
                let region = region.clone();
                Self::Elsewhere(known, region)
            }
        }
    }

    fn is_stale(&self) -> bool {
        match self {
            Self::Here(seen) => seen.is_stale(),
            Self::Elsewhere(known, _) => known.is_stale(),
        }
    }
}

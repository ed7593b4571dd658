//! The look-up of a request's App, and the proof that it lives here: [`Pinned`].
//!
//! A [`Locator`] belongs to one core. It remembers answers of the shared registry until they go
//! stale, so that a known App costs one hash look-up and nothing that cores share is written.

use std::cell::Cell;
use std::hash::BuildHasher as _;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::Registry;
use super::known::{App, Home, Known};
use crate::domain::{AppId, AppKey, Holder, RegionId};
use crate::recent::Recent;

/// Something that asks for an App.
pub trait Addressed {
    fn app_key(&self) -> &AppKey;

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
    /// The App's last token, as it was when the App was found.
    last: Last,
}

/// A token that verified, with its hash.
type Last = Option<(u64, Arc<Holder>)>;

/// One core's handle on an App of this region.
#[derive(Debug)]
pub struct Seen {
    known: Arc<Known>,
    app: Arc<App>,
    /// What data centres are told of the App, as lines of a head, once one was.
    pub(crate) lines: OnceLock<Box<[u8]>>,
    /// Of the App's tokens the one that verified last, with its hash.
    last: Mutex<Last>,
}

/// What a processor's cache loads at once, in bytes.
const LINE: usize = 64;

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

/// One core's way to the registry.
pub struct Locator {
    registry: Arc<Registry>,
    recent: Mutex<Recent<Entry>>,
    hasher: RandomState,
}

impl Locator {
    /// `most` is how many answers it remembers.
    pub fn new(registry: Arc<Registry>, most: usize) -> Self {
        Self {
            registry,
            recent: Mutex::new(Recent::new(most)),
            hasher: RandomState::default(),
        }
    }

    /// Finds the home of the call's App, and hands the call on if that is here.
    ///
    /// # Errors
    /// Unknown, at home elsewhere, or in doubt.
    pub async fn locate<C: Addressed>(&self, call: C) -> Result<Pinned<C>, LocateError> {
        let hash = self.hasher.hash_one(call.app_key());
        let (entry, last) = match self.remembered(hash, call.app_key()) {
            Some(remembered) => remembered,
            // Boxed: a look-up in the store is rare and large, and every call carries its place.
            None => {
                let key = *call.app_key();
                let asked = Box::pin(self.ask(hash, key, || call.likely_app_id()));
                (asked.await?, None)
            }
        };
        match entry {
            Entry::Here(seen) => Ok(Pinned { call, seen, last }),
            Entry::Elsewhere(known, region) => {
                drop(known);
                Err(LocateError::Elsewhere(region))
            }
        }
    }

    fn remembered(&self, hash: u64, key: &AppKey) -> Option<(Entry, Last)> {
        let last = Cell::new(None);
        let is = |entry: &Entry| {
            last.set(entry.prefetch());
            entry.app_key() == key
        };
        let good = |entry: &Entry| !entry.is_stale();
        let entry = self.recent.lock().find(hash, is, good).cloned()?;
        Some((entry, last.into_inner()))
    }

    async fn ask(
        &self,
        hash: u64,
        key: AppKey,
        likely: impl FnOnce() -> Option<AppId>,
    ) -> Result<Entry, LocateError> {
        let known = self.registry.look_up_key(key, likely).await?;
        let entry = Entry::new(known.ok_or(LocateError::Unknown)?);
        let is = |entry: &Entry| entry.app_key() == &key;
        self.recent.lock().insert(hash, is, entry.clone());
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

    /// Whom the App's last token stands for, if that has this hash.
    pub(crate) fn last_holder(&self, hash: u64) -> Option<&Arc<Holder>> {
        let (its, holder) = self.last.as_ref()?;
        (*its == hash).then_some(holder)
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
        Self {
            lines: OnceLock::new(),
            last: Mutex::new(None),
            known,
            app,
        }
    }

    /// Remembers the App's last token.
    pub fn hold(&self, hash: u64, holder: Arc<Holder>) {
        let before = self.last.lock().replace((hash, holder));
        drop(before);
    }

    /// Gives the App's last token, and reads a byte of each line that a request of this App is about to need,
    /// without use for any. Of many Apps none is in the processor's caches: so its lines come all at once, where
    /// each would be waited for.
    fn prefetch(&self) -> Last {
        let (known, app) = (&*self.known, &*self.app);
        let mut read = touch(known.app_key.as_bytes()) ^ u8::from(known.is_stale());
        read ^= touch(app.app_id.as_bytes()) ^ touch(app.zone.as_str().as_bytes());
        read ^= app.status as u8 ^ app.auth_mode as u8 ^ u8::from(app.limits.in_flight.is_some());
        read ^= touch(self.lines.get().map_or(&[], |lines| lines));
        read ^= u8::from(app.load.in_flight.is_taken());
        let last = self.last.lock().clone();
        if let Some((_, holder)) = &last {
            read ^= touch(&holder.token) ^ touch(holder.user_id.as_bytes());
        }
        black_box(read);
        last
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Whether the record has changed since.
    pub fn is_stale(&self) -> bool {
        self.known.is_stale()
    }
}

#[cfg(test)]
impl Seen {
    pub fn of(app: App) -> Self {
        let app = Arc::new(app);
        let known = Known::new(app.app_key, Home::Here(Arc::clone(&app)));
        Self::new(Arc::new(known), app)
    }

    /// As the locator finds it.
    pub fn pinned(self: &Arc<Self>) -> Pinned<()> {
        Pinned {
            call: (),
            seen: Arc::clone(self),
            last: self.prefetch(),
        }
    }
}

/// Something of each line of the bytes, wherever in a line they begin.
fn touch(bytes: &[u8]) -> u8 {
    let lines = bytes.iter().step_by(LINE).chain(bytes.last());
    lines.fold(0, |read, byte| read ^ byte)
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

    fn known(&self) -> &Known {
        match self {
            Self::Here(seen) => &seen.known,
            Self::Elsewhere(known, _) => known,
        }
    }

    fn app_key(&self) -> &AppKey {
        &self.known().app_key
    }

    fn prefetch(&self) -> Last {
        match self {
            Self::Here(seen) => seen.prefetch(),
            Self::Elsewhere(..) => None,
        }
    }

    fn is_stale(&self) -> bool {
        self.known().is_stale()
    }
}

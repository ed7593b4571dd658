//! Sealing anew under the newest key what an older one sealed, and counting what each key seals.
//!
//! A text stays what it is, and so does its revision: only its sealing is another one. No place is
//! kept on disk: each sealing names its key, so who is interrupted just looks again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Registry;
use super::check::WriteError;
use super::names::Hash;
use super::seal::{SealError, Subject, Unopened, sealed_under};
use super::store::{Entry, Key, Place, Txn, Unavailable};
use super::trust::Fault;

/// How many texts each key seals, by its id.
pub type Census = BTreeMap<String, Sealed>;

/// What one key seals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed {
    pub records: u64,
    pub accounts: u64,
}

impl Sealed {
    pub const fn total(self) -> u64 {
        self.records + self.accounts
    }
}

/// What one walk through the region's part did and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// As it stands behind the walk.
    pub census: Census,
    /// Sealed anew.
    pub resealed: u64,
    /// Under an older key, but not opened by it: altered, or the key is not there.
    pub unopened: u64,
    /// Somebody else wrote it just then: the next walk looks again.
    pub passed: u64,
}

/// Why a walk ended early. What it did stays done.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry is not believed")]
    Untrusted,
    #[error("a text cannot be sealed")]
    Seal(#[from] SealError),
}

/// How many entries are read, and written in one transaction.
const BATCH: usize = 64;
/// For each text sealed anew: at most about 1,000 a second, so that others get their turn. What
/// is only read leaves the store at least half of the time.
const REST: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Count,
    Reseal,
}

#[derive(Clone, Copy)]
enum Kind {
    Account,
    Record,
}

/// A text to be sealed anew, as it stands and as it shall.
struct Change {
    place: Place,
    key: Key,
    was: Vec<u8>,
    sealed: Vec<u8>,
    old_id: String,
}

impl Registry {
    /// The id of the key that seals.
    pub fn newest_seal_key(&self) -> std::sync::Arc<str> {
        self.sealer.newest()
    }

    /// Counts what each key seals.
    ///
    /// # Errors
    /// When the store can't be asked or believed.
    pub async fn census(&self) -> Result<Census, ResealError> {
        Ok(self.walk(Work::Count).await?.census)
    }

    /// Seals everything anew that an older key sealed, once through, at its leisure.
    ///
    /// # Errors
    /// When the store can't be asked or believed, or nothing can be sealed.
    pub async fn reseal(&self) -> Result<Walk, ResealError> {
        self.walk(Work::Reseal).await
    }

    async fn walk(&self, work: Work) -> Result<Walk, ResealError> {
        let mut walk = Walk::default();
        for kind in [Kind::Account, Kind::Record] {
            let mut after = None;
            loop {
                self.require_trust().await?;
                let began = Instant::now();
                let entries = self.store.range(kind.prefix(self), after, BATCH).await;
                let took = began.elapsed();
                let entries = entries.inspect_err(|_| self.facts.away())?;
                let more = entries.len() == BATCH;
                after = entries.last().map(|(key, _)| key.clone());
                let before = walk.resealed;
                self.batch(kind, work, entries, &mut walk).await?;
                let resealed = u32::try_from(walk.resealed - before).unwrap_or(u32::MAX);
                tokio::time::sleep(took.max(REST * resealed.max(1))).await;
                if !more {
                    break;
                }
            }
        }
        Ok(walk)
    }

    async fn batch(
        &self,
        kind: Kind,
        work: Work,
        entries: Vec<Entry>,
        walk: &mut Walk,
    ) -> Result<(), ResealError> {
        let newest = self.sealer.newest();
        let mut changes = Vec::new();
        for (key, bytes) in entries {
            let id = sealed_under(&bytes).unwrap_or(NO_KEY).to_owned();
            if work == Work::Count || *id == *newest {
                walk.count(kind, &id);
                continue;
            }
            match self.change(kind, key, bytes, &id).await? {
                Some(change) => changes.push(change),
                None => {
                    walk.unopened += 1;
                    walk.count(kind, &id);
                }
            }
        }
        self.write(kind, changes, walk).await
    }

    /// `None`: it does not open.
    async fn change(
        &self,
        kind: Kind,
        key: Key,
        was: Vec<u8>,
        old_id: &str,
    ) -> Result<Option<Change>, ResealError> {
        let name = key.after(&kind.prefix(self)).unwrap_or_default();
        let Some((place, hash)) = kind.place(name) else {
            return Ok(None);
        };
        let subject = match &hash {
            Some(hash) => Subject::Record(hash),
            None => Subject::Account(name),
        };
        let opened = match self.sealer.open(subject, &was).await {
            Ok(opened) => opened,
            Err(Unopened::Untrue) => return Ok(None),
            Err(Unopened::NoKeys) => return Err(ResealError::Unavailable),
        };
        let sealed = self.sealer.seal(subject, opened.revision, &opened.text);
        Ok(Some(Change {
            sealed: sealed.await?,
            place,
            old_id: old_id.to_owned(),
            key,
            was,
        }))
    }

    /// All at once; if somebody else wrote one of them first, one by one.
    async fn write(
        &self,
        kind: Kind,
        changes: Vec<Change>,
        walk: &mut Walk,
    ) -> Result<(), ResealError> {
        if changes.is_empty() {
            return Ok(());
        }
        let newest = self.sealer.newest();
        if self.commit_all(&changes).await? {
            walk.resealed += changes.len() as u64;
            changes.iter().for_each(|_| walk.count(kind, &newest));
            return Ok(());
        }
        for change in changes {
            if self.commit_all(std::slice::from_ref(&change)).await? {
                walk.resealed += 1;
                walk.count(kind, &newest);
            } else {
                walk.passed += 1;
                walk.count(kind, &change.old_id);
            }
        }
        Ok(())
    }

    /// Whether all were still what was read.
    async fn commit_all(&self, changes: &[Change]) -> Result<bool, ResealError> {
        let mut txn = Txn::new(self.region.clone());
        for change in changes {
            txn = txn
                .equals(change.key.clone(), change.was.clone())
                .put(&change.place, change.sealed.clone());
        }
        match self.commit(txn).await {
            Ok(()) => Ok(true),
            Err(WriteError::Conflict) => {
                // The store may have lost commits: that is no race.
                self.verify().await;
                self.require_trust().await?;
                Ok(false)
            }
            Err(WriteError::Unavailable(_)) => Err(ResealError::Unavailable),
            Err(WriteError::Anchor(error)) => {
                tracing::error!(%error, "what was sealed anew cannot be anchored");
                Err(ResealError::Unavailable)
            }
        }
    }
}

/// In the place of an id, for what is no sealing.
const NO_KEY: &str = "?";

impl Walk {
    fn count(&mut self, kind: Kind, id: &str) {
        let sealed = self.census.entry(id.to_owned()).or_default();
        match kind {
            Kind::Account => sealed.accounts += 1,
            Kind::Record => sealed.records += 1,
        }
    }
}

impl Kind {
    fn prefix(self, registry: &Registry) -> Key {
        match self {
            Self::Account => Key::accounts(&registry.region),
            Self::Record => Key::apps(&registry.region),
        }
    }

    fn place(self, name: &str) -> Option<(Place, Option<Hash>)> {
        match self {
            Self::Account => Some((Place::Account(name.to_owned()), None)),
            Self::Record => {
                let hash = Hash::parse(name)?;
                Some((Place::App(hash), Some(hash)))
            }
        }
    }
}

impl From<Unavailable> for ResealError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Fault> for ResealError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable(_) => Self::Unavailable,
            Fault::Distrust(_) => Self::Untrusted,
        }
    }
}

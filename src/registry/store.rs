//! Where pins and records are kept: what every backend does.
//!
//! Keys are ASCII paths:
//!
//! | key | value |
//! |---|---|
//! | `regions` | the sorted region ids, a line each; only the administrator writes it |
//! | `pins/{region}/{hash}` | a signed pin, JSON (`pin.rs`) |
//! | `apps/{region}/{AppKey hash}` | a sealed record (`seal.rs`) |
//! | `accounts/{region}/{id}` | a sealed account (`seal.rs`) |
//! | `chain/{region}/{n}` | the link's hash in hex; n has 20 decimal digits (`chain.rs`) |
//!
//! Nothing is ever deleted: a record that ends is overwritten with its tombstone.

use std::fmt;
use std::sync::Weak;

use futures_util::future::BoxFuture;

use super::chain::Link;
use super::names::Hash;
use super::transfer::{Import, Importing};
use crate::domain::RegionId;

/// A key of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    pub fn regions() -> Self {
        Self("regions".to_owned())
    }

    pub fn pin(region: &RegionId, hash: &Hash) -> Self {
        Self(format!("pins/{region}/{hash}"))
    }

    pub fn app(region: &RegionId, hash: &Hash) -> Self {
        Self(format!("apps/{region}/{hash}"))
    }

    pub fn account(region: &RegionId, id: &str) -> Self {
        Self(format!("accounts/{region}/{id}"))
    }

    pub fn link(region: &RegionId, n: u64) -> Self {
        Self(format!("chain/{region}/{n:020}"))
    }

    /// What all keys of a region's records start with.
    pub fn apps(region: &RegionId) -> Self {
        Self(format!("apps/{region}/"))
    }

    pub fn accounts(region: &RegionId) -> Self {
        Self(format!("accounts/{region}/"))
    }

    pub fn links(region: &RegionId) -> Self {
        Self(format!("chain/{region}/"))
    }

    /// A key as a backend read it.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows `prefix`.
    pub fn after<'a>(&'a self, prefix: &Self) -> Option<&'a str> {
        self.0.strip_prefix(&prefix.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a region may write: nothing outside its own part of the store.
#[derive(Debug, Clone)]
pub enum Place {
    Pin(Hash),
    App(Hash),
    Account(String),
}

/// What must hold for a transaction to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Absent(Key),
    Equals(Key, Vec<u8>),
}

impl Condition {
    pub fn key(&self) -> &Key {
        match self {
            Self::Absent(key) | Self::Equals(key, _) => key,
        }
    }

    pub fn holds(&self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Absent(_) => value.is_none(),
            Self::Equals(_, wanted) => value == Some(wanted),
        }
    }
}

/// One atomic compare-and-write of a region. All conditions hold and all is written, or nothing is.
#[derive(Debug, Clone)]
pub struct Txn {
    region: RegionId,
    conditions: Vec<Condition>,
    puts: Vec<(Key, Vec<u8>)>,
}

impl Txn {
    pub const fn new(region: RegionId) -> Self {
        Self {
            region,
            conditions: Vec::new(),
            puts: Vec::new(),
        }
    }

    #[must_use]
    pub fn absent(mut self, key: Key) -> Self {
        self.conditions.push(Condition::Absent(key));
        self
    }

    #[must_use]
    pub fn equals(mut self, key: Key, value: Vec<u8>) -> Self {
        self.conditions.push(Condition::Equals(key, value));
        self
    }

    #[must_use]
    pub fn put(mut self, place: &Place, value: Vec<u8>) -> Self {
        let key = match place {
            Place::Pin(hash) => Key::pin(&self.region, hash),
            Place::App(hash) => Key::app(&self.region, hash),
            Place::Account(id) => Key::account(&self.region, id),
        };
        self.puts.push((key, value));
        self
    }

    /// What a broken store makes of it.
    #[cfg(test)]
    #[must_use]
    pub fn without(mut self, dropped: impl Fn(&Condition) -> bool) -> Self {
        self.conditions.retain(|condition| !dropped(condition));
        self
    }

    pub const fn region(&self) -> &RegionId {
        &self.region
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    pub fn puts(&self) -> &[(Key, Vec<u8>)] {
        &self.puts
    }
}

/// The store did not answer. What was asked for may have happened or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry's store cannot be reached")]
pub struct Unavailable;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold; nothing was written.
    #[error("something else was written first")]
    Conflict,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A key and its value.
pub type Entry = (Key, Vec<u8>);

/// What a store was asked for.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// Who hears of writes.
pub trait Listener: Send + Sync {
    /// These keys were written. A backend calls it for its own commits before it answers them, and
    /// for commits of other processes as soon as it hears of them. It must not block.
    fn changed(&self, keys: &[Key]);

    /// Changes may have been missed: what is remembered must be asked for again.
    fn missed(&self);
}

/// A backend: linearizable reads and compare-and-write transactions.
pub trait Store: Send + Sync + 'static {
    /// The values of the keys, in their order, as one consistent snapshot.
    fn read(&self, keys: Vec<Key>) -> Asked<'_, Vec<Option<Vec<u8>>>>;

    /// At most `limit` entries whose keys start with `prefix`, in order, from behind `after`.
    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>>;

    /// How many records the region has. A backend doesn't read them all to know.
    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64>;

    /// Writes the transaction and, in the same step, its region's next link (`Link::next`).
    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>>;

    /// The region's newest link; `None` while nothing was committed.
    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>>;

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>>;

    /// Tells `listener` of every write from now on, until it is dropped.
    fn listen(&self, listener: Weak<dyn Listener>);

    /// Writes `regions`, if it is still what it was. Only the store's administrator may.
    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>>;

    /// Puts in a region's part as a backup has it, all or nothing, where there is nothing of that
    /// region; `regions` only where it is not there. Gives how many entries it wrote. Only for
    /// restoring: no gateway of the region runs, and the caller writes the audit log.
    fn import(&self, import: Import) -> Importing<'_>;

    /// What is wrong with it right now, in a few words for the operator.
    fn trouble(&self) -> Option<&'static str> {
        None
    }
}

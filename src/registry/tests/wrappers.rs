//! Stores that count, wait, or fail.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::domain::RegionId;
use crate::registry::{
    Asked, CommitError, Condition, Entry, Import, Importing, Key, Link, Listener, Store, Txn,
    Unavailable,
};

/// Which conditions a broken store doesn't look at.
pub type Drops = fn(&Condition) -> bool;

/// Passes everything on, unless told otherwise.
pub struct Wrapped {
    inner: Mutex<Arc<dyn Store>>,
    pub reads: AtomicUsize,
    /// Entries that ranges have given.
    pub ranged: AtomicUsize,
    pub away: AtomicBool,
    /// Reads take one of these; none are left while it is closed.
    pub gate: Semaphore,
    /// Of so many commits, one gets no answer: it is made now, or later. 0: all are answered.
    lost: AtomicUsize,
    commits: AtomicUsize,
    drops: Mutex<Option<Drops>>,
    /// What happens when the next commit is on its way.
    pub before_commit: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Wrapped {
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(inner),
            reads: AtomicUsize::new(0),
            ranged: AtomicUsize::new(0),
            away: AtomicBool::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            lost: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            drops: Mutex::new(None),
            before_commit: Mutex::new(None),
        })
    }

    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub fn lose_answers(&self, one_of: usize) {
        self.lost.store(one_of, Ordering::SeqCst);
    }

    /// A broken store: it doesn't look at these conditions.
    pub fn drop_conditions(&self, drops: Option<Drops>) {
        *self.drops.lock() = drops;
    }

    /// Another history in the store's place.
    pub fn replace(&self, inner: Arc<dyn Store>) {
        *self.inner.lock() = inner;
    }

    fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner.lock())
    }

    fn up(&self) -> Result<(), Unavailable> {
        if self.away.load(Ordering::SeqCst) {
            Err(Unavailable)
        } else {
            Ok(())
        }
    }
}

impl Store for Wrapped {
    fn read(&self, keys: Vec<Key>) -> Asked<'_, Vec<Option<Vec<u8>>>> {
        async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let values = self.inner().read(keys).await;
            drop(self.gate.acquire().await);
            self.up()?;
            values
        }
        .boxed()
    }

    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>> {
        async move {
            self.up()?;
            let entries = self.inner().range(prefix, after, limit).await?;
            self.ranged.fetch_add(entries.len(), Ordering::SeqCst);
            Ok(entries)
        }
        .boxed()
    }

    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64> {
        let region = region.clone();
        async move {
            self.up()?;
            self.inner().count_apps(&region).await
        }
        .boxed()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        async move {
            self.up()?;
            let before = self.before_commit.lock().take();
            if let Some(before) = before {
                before.await;
            }
            let txn = match *self.drops.lock() {
                Some(drops) => txn.without(drops),
                None => txn,
            };
            let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
            let one_of = self.lost.load(Ordering::SeqCst);
            let times = number.checked_div(one_of).unwrap_or(0);
            if times * one_of != number || one_of == 0 {
                return self.inner().commit(txn).await;
            }
            let inner = self.inner();
            let late = tokio::spawn(async move { inner.commit(txn).await });
            if times.is_multiple_of(2) {
                let _made_or_not = late.await;
            }
            Err(Unavailable.into())
        }
        .boxed()
    }

    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>> {
        let region = region.clone();
        async move {
            self.up()?;
            self.inner().newest_link(&region).await
        }
        .boxed()
    }

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>> {
        let region = region.clone();
        async move {
            self.up()?;
            self.inner().link(&region, n).await
        }
        .boxed()
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.inner().listen(listener);
    }

    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>> {
        async move { self.inner().put_admin(was, regions).await }.boxed()
    }

    fn import(&self, import: Import) -> Importing<'_> {
        async move { self.inner().import(import).await }.boxed()
    }
}

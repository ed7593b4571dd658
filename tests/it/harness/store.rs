//! A store that can be away, and whose entries can be altered behind the registry's back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use domicile::domain::RegionId;
use domicile::registry::{
    CommitError, EmbeddedStore, Import, Importing, Key, Link, Listener, Store, Txn, Unavailable,
};
use futures_util::future::BoxFuture;

/// An embedded store with a test's hand in between.
pub struct FaultyStore {
    inner: Arc<EmbeddedStore>,
    away: Arc<AtomicBool>,
    reads: AtomicUsize,
    altered: Mutex<BTreeMap<Key, Option<Vec<u8>>>>,
    listeners: Mutex<Vec<Arc<Relay>>>,
    _folder: tempfile::TempDir,
}

/// Passes on what is written, unless the store is away.
struct Relay {
    away: Arc<AtomicBool>,
    to: Weak<dyn Listener>,
}

impl Listener for Relay {
    fn changed(&self, keys: &[Key]) {
        if let Some(to) = self
            .to
            .upgrade()
            .filter(|_| !self.away.load(Ordering::SeqCst))
        {
            to.changed(keys);
        }
    }

    fn missed(&self) {
        if let Some(to) = self.to.upgrade() {
            to.missed();
        }
    }
}

impl FaultyStore {
    pub fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(Self {
            inner: EmbeddedStore::open(&folder.path().join("registry.redb")).unwrap(),
            away: Arc::default(),
            reads: AtomicUsize::new(0),
            altered: Mutex::default(),
            listeners: Mutex::default(),
            _folder: folder,
        })
    }

    /// From now on nothing is answered, or everything again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
        if !away {
            self.forget();
        }
    }

    /// The store itself, for another gateway that still reaches it.
    pub fn inner(&self) -> Arc<EmbeddedStore> {
        Arc::clone(&self.inner)
    }

    /// Answers with another value, or with none.
    pub fn alter(&self, key: Key, value: Option<Vec<u8>>) {
        self.altered.lock().unwrap().insert(key, value);
        self.forget();
    }

    /// What really stands there, of everything below a prefix.
    pub async fn entries(&self, prefix: &str) -> Vec<(Key, Vec<u8>)> {
        self.inner
            .range(Key::from_text(prefix), None, 1000)
            .await
            .unwrap()
    }

    /// Makes the gateways ask again.
    pub fn forget(&self) {
        for listener in self.listeners.lock().unwrap().iter() {
            listener.missed();
        }
    }

    fn here(&self) -> Result<(), Unavailable> {
        if self.away.load(Ordering::SeqCst) {
            Err(Unavailable)
        } else {
            Ok(())
        }
    }
}

impl Store for FaultyStore {
    fn read(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Vec<u8>>>, Unavailable>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.here()?;
            let mut values = self.inner.read(keys.clone()).await?;
            let altered = self.altered.lock().unwrap();
            for (key, value) in keys.iter().zip(&mut values) {
                if let Some(other) = altered.get(key) {
                    value.clone_from(other);
                }
            }
            Ok(values)
        })
    }

    fn range(
        &self,
        prefix: Key,
        after: Option<Key>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Key, Vec<u8>)>, Unavailable>> {
        Box::pin(async move {
            self.here()?;
            self.inner.range(prefix, after, limit).await
        })
    }

    fn count_apps(&self, region: &RegionId) -> BoxFuture<'_, Result<u64, Unavailable>> {
        let region = region.clone();
        Box::pin(async move {
            self.here()?;
            self.inner.count_apps(&region).await
        })
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        Box::pin(async move {
            self.here()?;
            self.inner.commit(txn).await
        })
    }

    fn newest_link(&self, region: &RegionId) -> BoxFuture<'_, Result<Option<Link>, Unavailable>> {
        let region = region.clone();
        Box::pin(async move {
            self.here()?;
            self.inner.newest_link(&region).await
        })
    }

    fn link(&self, region: &RegionId, n: u64) -> BoxFuture<'_, Result<Option<Link>, Unavailable>> {
        let region = region.clone();
        Box::pin(async move {
            self.here()?;
            self.inner.link(&region, n).await
        })
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        let relay = Arc::new(Relay {
            away: Arc::clone(&self.away),
            to: listener,
        });
        let weak: Weak<dyn Listener> = Arc::downgrade(&relay) as _;
        self.inner.listen(weak);
        self.listeners.lock().unwrap().push(relay);
    }

    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            self.here()?;
            self.inner.put_admin(was, regions).await
        })
    }

    fn import(&self, import: Import) -> Importing<'_> {
        self.inner.import(import)
    }
}

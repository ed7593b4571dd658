//! The store in etcd: the common suite over a real one, and what only etcd can show.

mod chain;
mod faults;
mod link;
mod process;
mod requests;
mod resume;
mod setup;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use self::process::EtcdProcess;
use super::kit::region;
use crate::config::EtcdConfig;
use crate::registry::suite::{self, Backend};
use crate::registry::{EtcdStore, Key, Listener, Place, Store, Txn};

/// One for all tests of this binary; each has its own prefix.
static ETCD: LazyLock<EtcdProcess> = LazyLock::new(EtcdProcess::for_ever);
static NEXT: AtomicUsize = AtomicUsize::new(0);

struct Part {
    store: Arc<EtcdStore>,
}

/// A part of that etcd which nobody else uses.
fn config() -> EtcdConfig {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    config_of(&ETCD.url(), &format!("/test/{n}"))
}

fn config_of(url: &str, prefix: &str) -> EtcdConfig {
    EtcdConfig {
        endpoints: vec![url.to_owned()],
        prefix: prefix.to_owned(),
        user: None,
        ca: None,
        identity: None,
    }
}

/// A store for all regions, once it hears of everything.
async fn open(config: &EtcdConfig) -> Arc<EtcdStore> {
    let store = EtcdStore::open_for_all(config).unwrap();
    until("a watch", async || store.is_watching()).await;
    store
}

/// Waits for what may take a while on a slow machine.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let polled = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), polled).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

/// Writes an account of Frankfurt.
fn account(name: &str) -> Txn {
    let home = region("frankfurt");
    Txn::new(home.clone())
        .absent(Key::account(&home, name))
        .put(&Place::Account(name.to_owned()), name.as_bytes().to_vec())
}

/// What a store told.
#[derive(Default)]
struct Ear {
    changed: Mutex<Vec<Key>>,
    missed: AtomicUsize,
}

impl Ear {
    fn of(store: &EtcdStore) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        let listener: Arc<dyn Listener> = Arc::clone(&ear) as _;
        let weak: Weak<dyn Listener> = Arc::downgrade(&listener);
        store.listen(weak);
        ear
    }

    fn heard(&self, key: &Key) -> usize {
        self.changed.lock().iter().filter(|k| *k == key).count()
    }

    fn missed(&self) -> usize {
        self.missed.load(Ordering::SeqCst)
    }
}

impl Listener for Ear {
    fn changed(&self, keys: &[Key]) {
        self.changed.lock().extend_from_slice(keys);
    }

    fn missed(&self) {
        self.missed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Backend for Part {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    fn tamper(&self, key: Key, value: Option<Vec<u8>>) -> BoxFuture<'_, ()> {
        async move { self.store.tamper(&key, value).await }.boxed()
    }
}

async fn part() -> Arc<Part> {
    let store = open(&config()).await;
    Arc::new(Part { store })
}

suite::tests!(part().await);

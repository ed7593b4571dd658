//! The store in etcd: the common suite over a real one, and what only etcd can show.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::etcd_process::EtcdProcess;
use crate::config::EtcdConfig;
use crate::registry::suite::{self, Backend, eventually};
use crate::registry::{EtcdStore, Key, Store};

/// One for all tests of this binary; each has its own prefix.
static ETCD: LazyLock<EtcdProcess> = LazyLock::new(EtcdProcess::for_ever);
static NEXT: AtomicUsize = AtomicUsize::new(0);

pub struct Part {
    store: Arc<EtcdStore>,
}

pub fn config(prefix: &str) -> EtcdConfig {
    EtcdConfig {
        endpoints: vec![ETCD.url()],
        prefix: prefix.to_owned(),
        user: None,
        ca: None,
        identity: None,
    }
}

pub fn fresh_prefix() -> String {
    format!("/test/{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn part() -> Arc<Part> {
    let store = EtcdStore::open_for_all(&config(&fresh_prefix())).unwrap();
    eventually(async || {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        store.is_watching()
    })
    .await;
    Arc::new(Part { store })
}

impl Backend for Part {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    fn tamper(&self, key: Key, value: Option<Vec<u8>>) -> BoxFuture<'_, ()> {
        async move { self.store.tamper(&key, value).await }.boxed()
    }
}

suite::tests!(part().await);

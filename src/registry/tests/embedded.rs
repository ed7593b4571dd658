//! The embedded store: the common suite, and what only a file can show.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tempfile::TempDir;

use crate::registry::suite::{self, Backend};
use crate::registry::{EmbeddedError, EmbeddedStore, Key, Store};

pub struct File {
    store: Arc<EmbeddedStore>,
    folder: TempDir,
}

impl File {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = EmbeddedStore::open(&folder.path().join("registry.redb")).unwrap();
        Self { store, folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("registry.redb")
    }
}

impl Backend for File {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    fn tamper(&self, key: Key, value: Option<Vec<u8>>) -> BoxFuture<'_, ()> {
        self.store.tamper(&key, value.as_deref());
        ready(()).boxed()
    }
}

suite::tests!(Arc::new(File::new()));

#[test]
fn a_file_is_opened_once() {
    let file = File::new();
    let again = EmbeddedStore::open(&file.path());
    assert!(matches!(again, Err(EmbeddedError::InUse)));
}

#[test]
fn a_closed_file_is_free() {
    let file = File::new();
    let path = file.path();
    let File { store, folder } = file;
    drop(store);
    EmbeddedStore::open(&path).unwrap();
    drop(folder);
}

#[test]
fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new();
    let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

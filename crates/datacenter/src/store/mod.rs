//! The store: one redb file for a zone, one table for each keyspace, every value sealed.
//!
//! redb keeps what was removed in free pages. So an erasure ends with [`Store::renew`], which puts a new
//! file in the place of the old one.
//!
//! redb blocks, so each transaction runs on the blocking pool; the tracker counts it, so that the file
//! is closed when the data centre has shut down.

pub(crate) mod cipher;
mod index;
pub(crate) mod key;
mod renew;
pub(crate) mod seal;
mod transaction;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::Database;
use tokio_util::task::TaskTracker;

use crate::settings::SealKeys;
use cipher::{Cipher, CipherError};
pub(crate) use transaction::{Edit, Entry, Order, Picked, View, first_id_at};

/// The store of one data centre.
#[derive(Clone)]
pub(crate) struct Store {
    shared: Arc<Shared>,
    tracker: TaskTracker,
}

struct Shared {
    file: PathBuf,
    /// Another one once the file was renewed.
    database: RwLock<Database>,
    /// Held by who writes: redb has one writer at a time in any case.
    writing: Mutex<()>,
    cipher: Arc<dyn Cipher>,
}

/// The store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("can't make the folder {}", .0.display())]
    Folder(PathBuf, #[source] std::io::Error),
    #[error("can't open the store {}", .0.display())]
    Database(PathBuf, #[source] redb::DatabaseError),
    #[error("can't make the store's tables")]
    Tables(#[source] StoreError),
    #[error("the store {} was sealed with another key: none of the key file's keys opens it", .0.display())]
    WrongKey(PathBuf),
    #[error(
        "the store {} is in the clear, from a version that did not seal: it can't be sealed afterwards; \
         move it away and begin with a new one",
        .0.display()
    )]
    NotSealed(PathBuf),
}

/// A transaction of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("can't begin a transaction")]
    Begin(#[from] redb::TransactionError),
    #[error("can't open a table")]
    Table(#[from] redb::TableError),
    #[error("can't read or write")]
    Access(#[from] redb::StorageError),
    #[error("can't commit")]
    Commit(#[from] redb::CommitError),
    /// Without the text of the parser's error, which may quote what is stored.
    #[error("a stored value is not what it should be: {0:?}")]
    Value(serde_json::error::Category),
    #[error(transparent)]
    Cipher(#[from] CipherError),
    #[error("a key is too long")]
    LongKey,
    #[error("the transaction was cut short")]
    Task(#[from] tokio::task::JoinError),
    #[error("can't make the store's new file")]
    NewFile(#[source] redb::DatabaseError),
    #[error("can't replace the store's file")]
    Replace(#[source] std::io::Error),
}

impl Store {
    /// Opens the file, or makes it, with all its tables, sealed with these keys.
    pub(crate) fn open(
        file: &Path,
        keys: &SealKeys,
        tracker: TaskTracker,
    ) -> Result<Store, OpenError> {
        Store::open_by(file, tracker, |database| {
            Ok(Arc::new(index::seal(database, file, keys)?))
        })
    }

    /// As [`Store::open`], with what seals it given; the crate itself has nothing but [`seal::Seal`].
    pub(crate) fn open_by(
        file: &Path,
        tracker: TaskTracker,
        cipher: impl FnOnce(&Database) -> Result<Arc<dyn Cipher>, OpenError>,
    ) -> Result<Store, OpenError> {
        let database = make(file)?;
        let cipher = cipher(&database)?;
        Ok(Store::of(file, database, cipher, tracker))
    }

    fn of(file: &Path, database: Database, cipher: Arc<dyn Cipher>, tracker: TaskTracker) -> Store {
        let shared = Shared {
            file: file.to_owned(),
            database: RwLock::new(database),
            writing: Mutex::new(()),
            cipher,
        };
        // What a killed process left of an erasure. Serving is no worse without it than before.
        if let Err(error) = shared.renew() {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "can't take what was erased out of the store's file");
        }
        Store {
            shared: Arc::new(shared),
            tracker,
        }
    }

    /// What seals this store, for what belongs to it and is elsewhere.
    pub(crate) fn cipher(&self) -> Arc<dyn Cipher> {
        self.shared.cipher.clone()
    }

    /// Runs `work` on one state of the store.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let shared = self.shared.clone();
        let task = move || {
            let database = shared.database.read();
            work(&View::begin(&database, &*shared.cipher)?)
        };
        self.tracker
            .spawn_blocking(task)
            .await
            .map_err(StoreError::from)?
    }

    /// Runs `work` and commits what it changed, durably; nothing is changed when it fails.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Edit<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let shared = self.shared.clone();
        let task = move || {
            let _writing = shared.writing.lock();
            let database = shared.database.read();
            let edit = Edit::begin(&database, &*shared.cipher)?;
            let done = work(&edit)?;
            edit.commit()?;
            Ok(done)
        };
        self.tracker
            .spawn_blocking(task)
            .await
            .map_err(StoreError::from)?
    }

    /// Takes what was erased out of the file, if anything was. Nobody writes meanwhile.
    pub(crate) async fn renew(&self) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        self.tracker.spawn_blocking(move || shared.renew()).await?
    }
}

fn make(file: &Path) -> Result<Database, OpenError> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|e| OpenError::Folder(folder.to_owned(), e))?;
    }
    let database = database(file).map_err(|e| OpenError::Database(file.to_owned(), e))?;
    transaction::make_tables(&database).map_err(OpenError::Tables)?;
    Ok(database)
}

/// Opens a file, or makes it.
fn database(file: &Path) -> Result<Database, redb::DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(file)
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Value(error.classify())
    }
}

/// redb's own default is 1 GiB, too much for five data centres in one process.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

//! The store: one redb file for a zone, one table for each keyspace, every value sealed.
//!
//! redb blocks, so each transaction runs on the blocking pool; the tracker counts it, so that the file
//! is closed when the data centre has shut down.

pub(crate) mod cipher;
pub(crate) mod key;
mod transaction;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;
use tokio_util::task::TaskTracker;

use cipher::{Cipher, CipherError};
pub(crate) use transaction::{Edit, Order, View, first_id_at};

/// The store of one data centre.
#[derive(Clone)]
pub(crate) struct Store {
    database: Arc<Database>,
    cipher: Arc<dyn Cipher>,
    tracker: TaskTracker,
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
    #[error("the transaction was cut short")]
    Task(#[from] tokio::task::JoinError),
}

impl Store {
    /// Opens the file, or makes it, with all its tables.
    pub(crate) fn open(
        file: &Path,
        cipher: Arc<dyn Cipher>,
        tracker: TaskTracker,
    ) -> Result<Store, OpenError> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|e| OpenError::Folder(folder.to_owned(), e))?;
        }
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(file)
            .map_err(|e| OpenError::Database(file.to_owned(), e))?;
        transaction::make_tables(&database).map_err(OpenError::Tables)?;
        Ok(Store {
            database: Arc::new(database),
            cipher,
            tracker,
        })
    }

    /// Runs `work` on one state of the store.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        let task = move || work(&View::begin(&store.database, &*store.cipher)?);
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
        let store = self.clone();
        let task = move || {
            let edit = Edit::begin(&store.database, &*store.cipher)?;
            let done = work(&edit)?;
            edit.commit()?;
            Ok(done)
        };
        self.tracker
            .spawn_blocking(task)
            .await
            .map_err(StoreError::from)?
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Value(error.classify())
    }
}

/// redb's own default is 1 GiB, too much for five data centres in one process.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

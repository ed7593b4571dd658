//! The store: one redb file for a zone, one table for each keyspace, every value sealed.
//!
//! redb keeps what was removed in free pages. So an erasure ends with [`Store::renew`], which puts a new
//! file in the place of the old one.
//!
//! redb blocks, so each transaction runs on the blocking pool; the tracker counts it, so that the file
//! is closed when the data centre has shut down.

pub(crate) mod cipher;
mod file;
mod index;
pub(crate) mod key;
mod renew;
mod reseal;
pub(crate) mod seal;
mod transaction;
#[cfg(test)]
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use redb::{Database, StorageError};
use tokio_util::task::TaskTracker;

use crate::settings::SealKeys;
use cipher::{Cipher, CipherError};
use file::OpenFile;
pub(crate) use transaction::{Edit, Entry, Order, Picked, View, first_id_at};

/// The store of one data centre.
#[derive(Clone)]
pub(crate) struct Store {
    shared: Arc<Shared>,
    tracker: TaskTracker,
}

struct Shared {
    file: OpenFile,
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
        "the key {id} is missing in the key file, and may have sealed what is in the store {}: put its line \
         back, below the newest, until the log says that it has sealed nothing any more",
        .file.display()
    )]
    MissingKey { file: PathBuf, id: String },
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
    Access(#[from] StorageError),
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
    #[error("there is no room on the store's disk")]
    NoRoom(#[source] std::io::Error),
    #[error("the store is closed until its disk works again")]
    Closed,
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
        let file = OpenFile::open(file)?;
        let cipher = file.read(cipher)?;
        Ok(Store::of(file, cipher, tracker))
    }

    fn of(file: OpenFile, cipher: Arc<dyn Cipher>, tracker: TaskTracker) -> Store {
        let shared = Shared {
            file,
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
            let cipher = &*shared.cipher;
            (shared.file).read(|database| work(&View::begin(database, cipher)?))
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
            shared.file.write(|database| {
                let edit = Edit::begin(database, &*shared.cipher)?;
                let done = work(&edit)?;
                edit.commit()?;
                Ok(done)
            })
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

impl StoreError {
    /// Whether the disk is to blame: it is full, say. Then the same may succeed later.
    pub(crate) fn is_of_disk(&self) -> bool {
        match self {
            StoreError::Begin(redb::TransactionError::Storage(error))
            | StoreError::Table(redb::TableError::Storage(error))
            | StoreError::Access(error)
            | StoreError::Commit(redb::CommitError::Storage(error))
            | StoreError::NewFile(redb::DatabaseError::Storage(error)) => {
                matches!(error, StorageError::Io(_) | StorageError::PreviousIo)
            }
            StoreError::Replace(_) | StoreError::NoRoom(_) | StoreError::Closed => true,
            _ => false,
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> OpenError {
        OpenError::Tables(error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Value(error.classify())
    }
}

//! The store's file, and opening it anew: after a disk has failed once (it was full, say), redb does
//! nothing more with a file that it has open. What was committed is in it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{RwLock, RwLockReadGuard};
use redb::{Database, DatabaseError, TransactionError};

use super::{OpenError, StoreError, transaction};

/// The file, open unless its disk has failed.
pub(super) struct OpenFile {
    path: PathBuf,
    database: RwLock<Option<Database>>,
    /// From a failure until something was committed again.
    failed: AtomicBool,
}

impl OpenFile {
    /// Opens the file, or makes it, with all its tables.
    pub(super) fn open(path: &Path) -> Result<OpenFile, OpenError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| OpenError::Folder(folder.to_owned(), e))?;
        }
        let database = database(path).map_err(|e| OpenError::Database(path.to_owned(), e))?;
        transaction::make_tables(&database).map_err(OpenError::Tables)?;
        Ok(OpenFile {
            path: path.to_owned(),
            database: RwLock::new(Some(database)),
            failed: AtomicBool::new(false),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads from it.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, E>,
    ) -> Result<T, E> {
        self.see_that_it_is_open()?;
        let done = self.with(work);
        if done.is_err() {
            self.recover();
        }
        done
    }

    /// Changes it; the caller is the only one. After a failure nothing is tried until there is room.
    pub(super) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.failed.load(Ordering::Acquire) {
            self.has_room()?;
        }
        self.see_that_it_is_open()?;
        let done = self.with(work);
        match done {
            Ok(_) => self.failed.store(false, Ordering::Release),
            Err(_) => self.recover(),
        }
        done
    }

    /// Puts another in its place, once nobody reads the old one.
    pub(super) fn replace(&self, new: Database) {
        *self.database.write() = Some(new);
    }

    fn with<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, E>,
    ) -> Result<T, E> {
        let database = self.lock()?;
        work(database.as_ref().ok_or(StoreError::Closed)?)
    }

    /// Opening a large file takes as long as reading it: nobody waits for that.
    fn lock(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, StoreError> {
        let database = self.database.try_read_for(PATIENCE);
        database.ok_or(StoreError::Closed)
    }

    fn see_that_it_is_open(&self) -> Result<(), StoreError> {
        if self.lock()?.is_some() {
            return Ok(());
        }
        self.has_room()?;
        self.open_anew();
        Ok(())
    }

    /// Opens it anew if it does nothing any more.
    fn recover(&self) {
        let works = |database: &Database| match database.try_begin_write() {
            Err(TransactionError::Storage(_)) => Err(StoreError::Closed),
            // Somebody else is writing.
            Ok(_) | Err(_) => Ok(()),
        };
        if self.with(works).is_ok() {
            return;
        }
        self.failed.store(true, Ordering::Release);
        self.open_anew();
    }

    fn open_anew(&self) {
        let mut place = self.database.write();
        // Somebody else may have come first. One that does not work is locked for as long as it is open.
        if place.as_ref().is_some_and(|d| d.try_begin_write().is_ok()) {
            return;
        }
        *place = None;
        match database(&self.path) {
            Ok(opened) => {
                *place = Some(opened);
                tracing::warn!("the store was opened anew after its disk had failed");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the store can't be opened anew");
            }
        }
    }

    /// Opening it anew and failing again costs more than asking the disk.
    fn has_room(&self) -> Result<(), StoreError> {
        let path = self.path.with_extension("room");
        let tried = File::create(&path).and_then(|mut file| {
            file.write_all(&[0; ROOM])?;
            file.sync_data()
        });
        let removed = fs::remove_file(&path);
        tried.and(removed).map_err(StoreError::NoRoom)
    }
}

/// Opens a file, or makes it.
pub(super) fn database(file: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(file)
}

/// redb's own default is 1 GiB, too much for five data centres in one process.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// How long a request waits for a file that is being opened.
const PATIENCE: Duration = Duration::from_secs(5);
/// What has to fit on the disk before it is tried again.
const ROOM: usize = 1024 * 1024;

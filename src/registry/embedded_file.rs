//! The registry's file, and opening it anew: after a disk has failed once (it was full, say), redb
//! does nothing more with a file that it has open. What was committed is in it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::RwLock;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageError};

use super::embedded::EmbeddedError;
use super::embedded_tables;

/// Bytes of the file kept in memory; the system's page cache has the rest.
const CACHE: usize = 128 << 20;

/// The file, open unless its disk has failed.
pub(super) struct OpenFile {
    path: PathBuf,
    database: RwLock<Option<Database>>,
}

impl OpenFile {
    /// Opens the file, or makes it (mode 0600).
    ///
    /// # Errors
    /// When another process has it open, or it is no registry.
    pub(super) fn open(path: &Path) -> Result<Self, EmbeddedError> {
        Ok(Self {
            path: path.to_owned(),
            database: RwLock::new(Some(open(path)?)),
        })
    }

    /// Does something with it.
    ///
    /// # Errors
    /// When it is closed or is being opened: nobody waits for that.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        let database = self.database.try_read();
        match database.as_ref().and_then(|database| database.as_ref()) {
            Some(database) => work(database),
            None => Err(StorageError::PreviousIo.into()),
        }
    }

    /// Opens it anew if it does nothing any more. Whether it was opened: what was told of it before
    /// may not be so.
    pub(super) fn recover(&self) -> bool {
        if self.with(is_working).is_ok() {
            return false;
        }
        let mut database = self.database.write();
        // It is locked for as long as it is open.
        *database = None;
        match open(&self.path) {
            Ok(opened) => {
                *database = Some(opened);
                tracing::info!("the embedded registry was opened anew after its disk had failed");
                true
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the embedded registry cannot be opened anew");
                false
            }
        }
    }
}

/// redb says of each new transaction whether the file has failed before.
fn is_working(database: &Database) -> Result<(), redb::Error> {
    Ok(database.begin_write()?.abort()?)
}

fn open(path: &Path) -> Result<Database, EmbeddedError> {
    let file = open_file(path).map_err(EmbeddedError::File)?;
    let backend = FileBackend::new(file).map_err(refused)?;
    let database = Database::builder()
        .set_cache_size(CACHE)
        .create_with_backend(backend)
        .map_err(refused)?;
    let made = embedded_tables::make(&database);
    made.map_err(|e| EmbeddedError::Database(Box::new(e)))?;
    Ok(database)
}

fn open_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(path)?;
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        // The name of a new file must be as durable as what is acknowledged in it.
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn refused(error: DatabaseError) -> EmbeddedError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => EmbeddedError::InUse,
        error => EmbeddedError::Database(Box::new(error.into())),
    }
}

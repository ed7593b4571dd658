//! A new file in the place of the old one, with nothing in it but what is stored.
//!
//! redb writes a changed page to another place and gives the old one free, its bytes and all; keys also
//! stay in inner pages behind the entries that they were of. Compaction moves pages and leaves such
//! bytes where they are. So what is stored is copied into a file of its own, which takes the old one's
//! name; the old one is overwritten.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::cipher::Keyspace;
use super::transaction::{ERASED, LAST, SEQUENCE, table};
use super::{Shared, StoreError, database};
use crate::wipe;

impl Shared {
    /// Renews the file, if anything was erased since it was made.
    pub(super) fn renew(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock();
        let path = self.beside();
        wipe::remove(&path).map_err(StoreError::Replace)?;
        if !has_erased(&self.database.read())? {
            return Ok(());
        }
        let new = database(&path).map_err(StoreError::NewFile)?;
        copy(&self.database.read(), &new)?;
        self.replace(&path, new).map_err(StoreError::Replace)
    }

    /// Whoever reads has the one file or the other, and both say the same.
    fn replace(&self, path: &Path, new: Database) -> io::Result<()> {
        let old = OpenOptions::new().write(true).open(&self.file)?;
        fs::rename(path, &self.file)?;
        if let Some(folder) = self.file.parent() {
            File::open(folder)?.sync_all()?;
        }
        drop(mem::replace(&mut *self.database.write(), new));
        wipe::overwrite(&old)
    }

    /// Where the new file is written.
    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(&self.file);
        name.push(".new");
        name.into()
    }
}

fn has_erased(database: &Database) -> Result<bool, StoreError> {
    let sequence = database.begin_read()?.open_table(SEQUENCE)?;
    Ok(sequence.get(ERASED)?.is_some())
}

fn copy(from: &Database, to: &Database) -> Result<(), StoreError> {
    let source = from.begin_read()?;
    for keyspace in Keyspace::ALL {
        copy_keyspace(&source, to, keyspace)?;
    }
    let target = to.begin_write()?;
    if let Some(last) = source.open_table(SEQUENCE)?.get(LAST)? {
        target.open_table(SEQUENCE)?.insert(LAST, last.value())?;
    }
    Ok(target.commit()?)
}

fn copy_keyspace(
    source: &ReadTransaction,
    to: &Database,
    keyspace: Keyspace,
) -> Result<(), StoreError> {
    let target = to.begin_write()?;
    let mut copied = target.open_table(table(keyspace))?;
    for entry in source.open_table(table(keyspace))?.iter()? {
        let (key, value) = entry?;
        copied.insert(key.value(), value.value())?;
    }
    drop(copied);
    Ok(target.commit()?)
}

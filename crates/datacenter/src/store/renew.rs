//! A new file in the place of the old one, with nothing in it but what is stored.
//!
//! redb writes a changed page to another place and gives the old one free, its bytes and all; keys also
//! stay in inner pages behind the entries that they were of. Compaction moves pages and leaves such
//! bytes where they are. So what is stored is copied into a file of its own, which takes the old one's
//! name; the old one is overwritten.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::cipher::Keyspace;
use super::file::database;
use super::reseal::MARKS;
use super::transaction::{ERASED, INDEX, LAST, SEALED, SEQUENCE, SWEPT, make_tables, table};
use super::{Shared, StoreError};
use crate::wipe;

impl Shared {
    /// Renews the file, if anything was erased since it was made.
    pub(super) fn renew(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock();
        let path = self.beside();
        wipe::remove(&path).map_err(StoreError::Replace)?;
        if !self.file.read(has_erased)? {
            return Ok(());
        }
        let made = self.file.read(|old| copied(old, &path));
        let replaced = made.and_then(|new| self.replace(&path, new).map_err(StoreError::Replace));
        if replaced.is_err() {
            // Half of it would only take room on a disk that may be full.
            let removed = wipe::remove(&path).or_else(|_| fs::remove_file(&path));
            removed.map_err(StoreError::Replace)?;
        }
        replaced
    }

    /// Whoever reads has the one file or the other, and both say the same.
    fn replace(&self, path: &Path, new: Database) -> io::Result<()> {
        let old = OpenOptions::new().write(true).open(self.file.path())?;
        fs::rename(path, self.file.path())?;
        if let Some(folder) = self.file.path().parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file.replace(new);
        wipe::overwrite(&old)
    }

    /// Where the new file is written.
    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(self.file.path());
        name.push(".new");
        name.into()
    }
}

fn copied(from: &Database, path: &Path) -> Result<Database, StoreError> {
    let new = database(path).map_err(StoreError::NewFile)?;
    copy(from, &new)?;
    Ok(new)
}

fn has_erased(database: &Database) -> Result<bool, StoreError> {
    let sequence = database.begin_read()?.open_table(SEQUENCE)?;
    Ok(sequence.get(ERASED)?.is_some())
}

fn copy(from: &Database, to: &Database) -> Result<(), StoreError> {
    // Also those that nothing is in: whoever reads opens them.
    make_tables(to)?;
    let source = from.begin_read()?;
    for keyspace in Keyspace::ALL {
        copy_keyspace(&source, to, keyspace)?;
    }
    let target = to.begin_write()?;
    for number in [LAST, SWEPT] {
        if let Some(kept) = source.open_table(SEQUENCE)?.get(number)? {
            target.open_table(SEQUENCE)?.insert(number, kept.value())?;
        }
    }
    if let Some(index) = source.open_table(SEALED)?.get(INDEX)? {
        target.open_table(SEALED)?.insert(INDEX, index.value())?;
    }
    for mark in source.open_table(MARKS)?.iter()? {
        let (mark, id) = mark?;
        target.open_table(MARKS)?.insert(mark.value(), id.value())?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::task::TaskTracker;

    use super::super::cipher::Clear;
    use super::super::key::Key;
    use super::super::{Edit, Store, View};
    use super::*;
    use crate::app_key::AppKey;

    const CANARY: &str = "a text that nothing else has";

    fn open(file: &Path) -> Store {
        Store::open_by(file, TaskTracker::new(), |_| Ok(Arc::new(Clear))).unwrap()
    }

    fn key(number: u64) -> Key {
        Key::of(&AppKey::new("acme", "chat").unwrap()).id(number)
    }

    fn holds_canary(file: &Path) -> bool {
        let bytes = fs::read(file).unwrap();
        bytes
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes())
    }

    async fn fill(store: &Store) {
        let write = |edit: &Edit<'_>| {
            (0..500).try_for_each(|number| edit.put(Keyspace::Users, &key(number), &CANARY))?;
            edit.next_id(7)
        };
        store.write(write).await.unwrap();
    }

    async fn erase(store: &Store) {
        let write = |edit: &Edit<'_>| {
            for number in 1..500 {
                assert!(edit.erase(Keyspace::Users, &key(number))?);
            }
            edit.redact(Keyspace::Users, &key(0), &"kept")
        };
        store.write::<_, StoreError, _>(write).await.unwrap();
    }

    /// Before any message there is no id to go on from.
    #[tokio::test]
    async fn a_store_that_never_gave_an_id_is_renewed_more_than_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("z.redb"));
        for _ in 0..2 {
            let write = |edit: &Edit<'_>| {
                edit.put(Keyspace::Users, &key(1), &CANARY)?;
                edit.erase(Keyspace::Users, &key(1)).map(drop)
            };
            store.write::<_, StoreError, _>(write).await.unwrap();
            store.renew().await.unwrap();
        }
        assert_eq!(kept(&store).await, None);
    }

    async fn kept(store: &Store) -> Option<String> {
        let read = |view: &View<'_>| view.get(Keyspace::Users, &key(0));
        store.read::<_, StoreError, _>(read).await.unwrap()
    }

    async fn next(store: &Store) -> u64 {
        store
            .write(|edit: &Edit<'_>| edit.next_id(7))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_renewed_file_holds_what_is_stored_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("z.redb");
        let store = open(&file);
        fill(&store).await;
        erase(&store).await;
        assert!(holds_canary(&file), "redb leaves it in free pages");
        let before = next(&store).await;
        store.renew().await.unwrap();
        assert!(!holds_canary(&file));
        assert_eq!(kept(&store).await.as_deref(), Some("kept"));
        assert!(next(&store).await > before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(store);
        assert_eq!(kept(&open(&file)).await.as_deref(), Some("kept"));
    }

    #[tokio::test]
    async fn an_erasure_that_was_cut_short_is_ended_when_the_store_opens() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("z.redb");
        let store = open(&file);
        fill(&store).await;
        erase(&store).await;
        drop(store);
        fs::write(folder.path().join("z.redb.new"), CANARY).unwrap();
        assert!(holds_canary(&file));
        let store = open(&file);
        assert!(!holds_canary(&file));
        assert_eq!(kept(&store).await.as_deref(), Some("kept"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_was_only_removed_costs_no_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("z.redb");
        let store = open(&file);
        fill(&store).await;
        let number =
            |file: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(file).unwrap());
        let before = number(&file);
        let write = |edit: &Edit<'_>| {
            let nothing = edit.erase(Keyspace::Users, &key(1_000))?;
            edit.remove(Keyspace::Users, &key(1))?;
            Ok::<_, StoreError>(nothing)
        };
        assert!(!store.write(write).await.unwrap());
        store.renew().await.unwrap();
        assert_eq!(number(&file), before);
    }
}

//! The registry in one file of one process, shared by all its gateways (redb).
//!
//! Reads run where they are asked for: a B-tree look-up in redb's page cache takes microseconds,
//! less than handing it to another thread. Writes go through one thread (`writer.rs`).

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use redb::{ReadableDatabase, ReadableTable};
use tokio::sync::mpsc;

use super::chain::Link;
use super::embedded_file::OpenFile;
use super::embedded_import;
use super::embedded_tables::{self, ENTRIES};
use super::listeners::Listeners;
use super::store::{Asked, CommitError, Entry, Key, Listener, Store, Txn, Unavailable};
use super::transfer::{Import, ImportError, Importing};
use super::writer::{self, Job};
use crate::domain::RegionId;

/// How many transactions may wait for the writer.
const QUEUE: usize = 4_096;

/// The entries, to be read.
type Entries = redb::ReadOnlyTable<&'static str, &'static [u8]>;

/// One redb file.
pub struct EmbeddedStore {
    file: Arc<OpenFile>,
    listeners: Arc<Listeners>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("the embedded registry is open in another process; several processes need etcd")]
    InUse,
    #[error("the registry's file cannot be opened")]
    File(#[source] std::io::Error),
    #[error("the registry's file cannot be read as a registry")]
    Database(#[source] Box<redb::Error>),
    #[error("the registry's writer cannot be started")]
    Thread(#[source] std::io::Error),
}

impl EmbeddedStore {
    /// Opens the file, or makes it (mode 0600).
    ///
    /// # Errors
    /// When another process has it open, or it is no registry.
    pub fn open(path: &Path) -> Result<Arc<Self>, EmbeddedError> {
        let file = Arc::new(OpenFile::open(path)?);
        let listeners = Arc::new(Listeners::default());
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = writer::start(Arc::clone(&file), Arc::clone(&listeners), queue);
        Ok(Arc::new(Self {
            file,
            listeners,
            jobs: Some(jobs),
            writer: Some(writer.map_err(EmbeddedError::Thread)?),
        }))
    }

    async fn submit<T>(
        &self,
        job: impl FnOnce(writer::Answer<T>) -> Job,
    ) -> Result<T, CommitError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(Unavailable)?;
        jobs.send(job(answer)).await.map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)?
    }

    /// What cannot be read may be read again soon: the writer is told to open the file anew.
    fn read_with<T>(
        &self,
        work: impl FnOnce(&Entries) -> Result<T, redb::Error>,
    ) -> Result<T, Unavailable> {
        let read = self
            .file
            .with(|database| work(&database.begin_read()?.open_table(ENTRIES)?));
        read.map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &redb::Error) -> Unavailable {
        tracing::error!(%error, "the embedded registry cannot be read");
        if let Some(jobs) = &self.jobs {
            // A full queue wakes the writer as well.
            let _ = jobs.try_send(Job::Recover);
        }
        Unavailable
    }

    fn read_now(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, Unavailable> {
        self.read_with(|table| {
            let value = |key: &Key| Ok(table.get(key.as_str())?.map(|v| v.value().to_vec()));
            keys.iter().map(value).collect()
        })
    }

    fn range_now(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Entry>, Unavailable> {
        let start = after.unwrap_or(prefix).max(prefix);
        self.read_with(|table| {
            let mut found = Vec::new();
            for entry in table.range(start.as_str()..)? {
                let (key, value) = entry?;
                let key = Key::from_text(key.value());
                if key.after(prefix).is_none() || found.len() >= limit {
                    break;
                }
                if after != Some(&key) {
                    found.push((key, value.value().to_vec()));
                }
            }
            Ok(found)
        })
    }

    /// Writes as nobody may: what a thief, a bug or a bad restore would leave behind.
    #[cfg(test)]
    pub(super) fn tamper(&self, key: &Key, value: Option<&[u8]>) {
        let tampered = self.file.with(|database| {
            let txn = database.begin_write()?;
            let mut table = txn.open_table(ENTRIES)?;
            match value {
                Some(value) => drop(table.insert(key.as_str(), value)?),
                None => drop(table.remove(key.as_str())?),
            }
            drop(table);
            Ok(txn.commit()?)
        });
        tampered.unwrap();
    }

    fn newest_now(&self, region: &RegionId) -> Result<Option<Entry>, Unavailable> {
        self.read_with(|table| newest(table, region))
    }
}

/// The newest link of a region, as it is stored.
pub(super) fn newest(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    region: &RegionId,
) -> Result<Option<Entry>, redb::Error> {
    let (first, last) = (Key::link(region, 0), Key::link(region, u64::MAX));
    let mut range = table.range(first.as_str()..=last.as_str())?;
    let entry = range.next_back().transpose()?;
    Ok(entry.map(|(k, v)| (Key::from_text(k.value()), v.value().to_vec())))
}

impl Store for EmbeddedStore {
    fn read(&self, keys: Vec<Key>) -> Asked<'_, Vec<Option<Vec<u8>>>> {
        ready(self.read_now(&keys)).boxed()
    }

    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>> {
        ready(self.range_now(&prefix, after.as_ref(), limit)).boxed()
    }

    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64> {
        let count = self.file.with(|file| embedded_tables::count(file, region));
        ready(count.map_err(|error| self.unreadable(&error))).boxed()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        self.submit(|answer| Job::Commit(txn, answer)).boxed()
    }

    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>> {
        let found = self.newest_now(region);
        let link = found.and_then(|entry| {
            let read = entry.map(|(key, value)| Link::read(region, &key, &value));
            read.transpose()
        });
        ready(link).boxed()
    }

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>> {
        let key = Key::link(region, n);
        let found = self.read_now(std::slice::from_ref(&key));
        let link = found.and_then(|values| {
            let value = values.into_iter().next().flatten();
            let read = value.map(|value| Link::read(region, &key, &value));
            read.transpose()
        });
        ready(link).boxed()
    }

    fn listen(&self, listener: std::sync::Weak<dyn Listener>) {
        self.listeners.add(listener);
    }

    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>> {
        let job = move |answer| Job::Regions {
            was,
            regions,
            answer,
        };
        self.submit(job).boxed()
    }

    fn import(&self, import: Import) -> Importing<'_> {
        let (file, listeners) = (Arc::clone(&self.file), Arc::clone(&self.listeners));
        let write = move || {
            let imported = file.with(|database| Ok(embedded_import::import(database, import)));
            imported.unwrap_or(Err(ImportError::Unavailable(Unavailable)))
        };
        async move {
            let written = tokio::task::spawn_blocking(write).await;
            let written = written.unwrap_or(Err(ImportError::Unavailable(Unavailable)));
            listeners.missed();
            written
        }
        .boxed()
    }
}

impl Drop for EmbeddedStore {
    /// Lets the writer finish, so that the file is free when this returns.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // The writer answers for its own failures; here it only has to be gone.
            let _gone = writer.join();
        }
    }
}

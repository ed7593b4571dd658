//! The registry in one file of one process, shared by all its gateways (redb).
//!
//! Reads run where they are asked for: a B-tree look-up in redb's page cache takes microseconds,
//! less than handing it to another thread. Writes go through one thread (`writer.rs`).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable};
use tokio::sync::mpsc;

use super::chain::Link;
use super::embedded_import;
use super::embedded_tables::{self, ENTRIES};
use super::listeners::Listeners;
use super::store::{Asked, CommitError, Entry, Key, Listener, Store, Txn, Unavailable};
use super::transfer::{Import, ImportError, Importing};
use super::writer::{self, Job};
use crate::domain::RegionId;

/// How many transactions may wait for the writer.
const QUEUE: usize = 4_096;

/// Bytes of the file kept in memory; the system's page cache has the rest.
const CACHE: usize = 128 << 20;

/// One redb file.
pub struct EmbeddedStore {
    database: Arc<Database>,
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
        let file = open_file(path).map_err(EmbeddedError::File)?;
        let backend = FileBackend::new(file).map_err(refused)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(backend)
            .map_err(refused)?;
        embedded_tables::make(&database).map_err(|e| EmbeddedError::Database(Box::new(e)))?;
        Self::start(Arc::new(database))
    }

    fn start(database: Arc<Database>) -> Result<Arc<Self>, EmbeddedError> {
        let listeners = Arc::new(Listeners::default());
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = writer::start(Arc::clone(&database), Arc::clone(&listeners), queue);
        Ok(Arc::new(Self {
            database,
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

    fn read_now(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, redb::Error> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let value = |key: &Key| Ok(table.get(key.as_str())?.map(|v| v.value().to_vec()));
        keys.iter().map(value).collect()
    }

    fn range_now(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Entry>, redb::Error> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let start = after.unwrap_or(prefix).max(prefix);
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
    }

    /// Writes as nobody may: what a thief, a bug or a bad restore would leave behind.
    #[cfg(test)]
    pub(super) fn tamper(&self, key: &Key, value: Option<&[u8]>) {
        let txn = self.database.begin_write().unwrap();
        let mut table = txn.open_table(ENTRIES).unwrap();
        match value {
            Some(value) => drop(table.insert(key.as_str(), value).unwrap()),
            None => drop(table.remove(key.as_str()).unwrap()),
        }
        drop(table);
        txn.commit().unwrap();
    }

    fn newest_now(&self, region: &RegionId) -> Result<Option<Entry>, redb::Error> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        newest(&table, region)
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
        ready(self.read_now(&keys).map_err(unreadable)).boxed()
    }

    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>> {
        let found = self.range_now(&prefix, after.as_ref(), limit);
        ready(found.map_err(unreadable)).boxed()
    }

    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64> {
        let count = embedded_tables::count(&self.database, region);
        ready(count.map_err(unreadable)).boxed()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        self.submit(|answer| Job::Commit(txn, answer)).boxed()
    }

    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>> {
        let found = self.newest_now(region).map_err(unreadable);
        let link = found.and_then(|entry| {
            let read = entry.map(|(key, value)| Link::read(region, &key, &value));
            read.transpose()
        });
        ready(link).boxed()
    }

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>> {
        let key = Key::link(region, n);
        let found = self.read_now(std::slice::from_ref(&key));
        let link = found.map_err(unreadable).and_then(|values| {
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
        let (database, listeners) = (Arc::clone(&self.database), Arc::clone(&self.listeners));
        let write = move || embedded_import::import(&database, import);
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

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: redb::Error) -> Unavailable {
    tracing::error!(%error, "the embedded registry cannot be read");
    Unavailable
}

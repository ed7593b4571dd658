//! The audit log: what administrators did, and what was refused for residency's sake.
//!
//! Entries are appended to `entries.jsonl`, a JSON object a line, by one thread that owns the file.
//! An administrative act is written `begun` and synced before it has any effect, and `done` or
//! `failed` before it is answered. Refusals of traffic are counted where they happen, without a
//! lock that is waited for and without I/O, and become one entry for each code, App and 10 s.
//!
//! Nothing personal is in it: no user ids, tokens, bodies, paths or client addresses.

mod act;
mod entry;
mod file;
mod gateway_id;
mod refusals;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::domain::{AppId, Clock, RegionId};

pub use act::Act;
pub use entry::{Action, Actor, Deed, Entry, Outcome, Pins};
pub use file::OpenError;
pub use gateway_id::gateway_id;
pub use refusals::WINDOW;

use entry::Draft;
use file::LogFile;
use refusals::Refusals;
use writer::{Command, Mailbox, Origin, Writer};

/// One gateway's audit log.
pub struct AuditLog {
    mailbox: Mailbox,
    refusals: Arc<Refusals>,
    reader: file::Reader,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why an entry is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    #[error("the audit log is closed")]
    Closed,
    #[error("the audit log has more to write than it can take")]
    Full,
    #[error("the audit log cannot be written")]
    Write,
    #[error("the audit log cannot be read")]
    Read,
}

impl AuditLog {
    /// Opens the log in `dir` (made if it is not there) and goes on after its last whole entry.
    ///
    /// # Errors
    /// When the folder or file cannot be used, is in use by another process, or holds something
    /// that is not an entry. A torn last line is no error: it is set aside.
    pub fn open(
        dir: &Path,
        region: RegionId,
        gateway_id: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let file = LogFile::open(dir)?;
        let reader = file.reader();
        let refusals = Arc::new(Refusals::new(Arc::clone(&clock)));
        let origin = Origin { region, gateway_id };
        let writer = Writer::new(file, origin, clock, Arc::clone(&refusals));
        let (mailbox, thread) = writer.start().map_err(OpenError::Thread)?;
        Ok(Self {
            mailbox,
            refusals,
            reader,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Writes that `deed` begins. Only then may it have an effect.
    ///
    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn begin(&self, deed: Deed) -> Result<Act, AuditError> {
        self.append(Draft::of(&deed, Outcome::Begun, None)).await?;
        Ok(Act::new(self.mailbox.clone(), deed))
    }

    /// Writes that an administrator asked for something that policy refuses.
    ///
    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn refuse(&self, deed: &Deed, code: &'static str) -> Result<(), AuditError> {
        self.append(Draft::of(deed, Outcome::Refused, Some(code)))
            .await
    }

    /// Writes that the gateway itself did something worth knowing, such as believing a new anchor.
    ///
    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn note(&self, deed: &Deed) -> Result<(), AuditError> {
        self.append(Draft::of(deed, Outcome::Done, None)).await
    }

    /// Counts a refusal of traffic. For the path of requests: no I/O, nothing is waited for.
    pub fn refused(&self, code: &'static str, app_id: Option<AppId>) {
        self.refusals.count(code, app_id);
    }

    /// Up to `limit` entries after the index `after`, oldest first; from the start without it.
    /// Reads a file: not for an async thread.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, after: Option<u64>, limit: usize) -> Result<Vec<Entry>, AuditError> {
        self.reader.read(after, limit)
    }

    /// How many entries there are, for metrics.
    pub fn entries(&self) -> u64 {
        self.reader.entries()
    }

    /// Writes what was refused in windows that have passed, and waits until it is on disk.
    ///
    /// # Errors
    /// When it is not.
    pub async fn flush(&self) -> Result<(), AuditError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Command::Flush(reply))?;
        answer.await.map_err(|_| AuditError::Closed)?
    }

    /// Writes everything that was counted, also of the window that has not passed, and closes.
    pub fn close(&self) {
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        self.mailbox.close();
        if thread.join().is_err() {
            tracing::error!("the audit log's thread ended by a panic");
        }
    }

    async fn append(&self, draft: Draft) -> Result<(), AuditError> {
        self.mailbox.append(draft).await
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;

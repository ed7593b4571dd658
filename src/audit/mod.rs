//! The audit log: what administrators did, and what was refused for residency's sake.
//!
//! The log is tamper-evident: its entries are the leaves of an RFC 6962 Merkle tree, kept as
//! C2SP `tlog-tiles`, and each batch ends with a checkpoint that the region's pin key signs as a
//! C2SP signed note. `docs/audit.md` has the layout, byte by byte.
//!
//! | file | what |
//! |---|---|
//! | `entry`, `act` | what an entry says, and an act between its two entries |
//! | `refusals` | traffic's refusals, counted where they happen |
//! | `writer` | the one thread that writes |
//! | `log`, `fresh`, `head` | appending: entries, tiles, checkpoint |
//! | `open`, `leftovers` | opening, after a crash too |
//! | `read` | pages of entries |
//! | `folder`, `verify`, `flaw`, `prove` | a log's folder in an auditor's hands: offline |
//! | `gateway_id` | the id in the log's origin |
//!
//! An administrative act is written `begun` and synced before it has any effect, and `done` or
//! `failed` before it is answered. Refusals of traffic are counted where they happen, without a
//! lock that is waited for and without I/O, and become one entry for each code, App and 10 s.
//!
//! Nothing personal is in it: no user ids, tokens, bodies, paths or client addresses.

mod act;
mod entry;
mod flaw;
mod folder;
mod fresh;
mod gateway_id;
mod head;
mod leftovers;
mod log;
mod open;
mod prove;
mod read;
mod refusals;
mod verify;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::domain::{AppId, Clock, RegionId};

pub use act::Act;
pub use entry::{Action, Actor, Deed, Entry, Outcome, Pins, Sweep};
pub use flaw::Flaw;
pub use folder::{Folder, HeadError, head};
pub use gateway_id::gateway_id;
pub use open::{Fault, OpenError};
pub use prove::{ProveError, prove};
pub use refusals::WINDOW;
pub use verify::{Whole, verify};
pub use writer::rfc3339;

use entry::Draft;
use log::Log;
use open::Keys;
use read::Reader;
use refusals::Refusals;
use writer::{Command, Mailbox, Writer};

/// Which gateway's log it is: `domicile/{region}/{gateway id}`.
#[derive(Debug, Clone)]
pub struct Origin {
    pub region: RegionId,
    pub gateway_id: String,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "domicile/{}/{}", self.region, self.gateway_id)
    }
}

/// One gateway's audit log.
pub struct AuditLog {
    mailbox: Mailbox,
    refusals: Arc<Refusals>,
    reader: Reader,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why an entry is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    #[error("the audit log is closed")]
    Closed,
    #[error("the audit log has more to write than it can take")]
    Full,
    #[error("the audit entry is too long")]
    TooLong,
    #[error("the audit log cannot be written")]
    Write,
    #[error("the audit log cannot be read")]
    Read,
}

impl AuditLog {
    /// Opens the log in `dir` (made if it is not there) and goes on after its last checkpoint.
    /// `seeds` are the region's Ed25519 keys, newest first: the first one signs.
    ///
    /// # Errors
    /// When the folder cannot be used, is in use by another process, or is not what its checkpoint
    /// says. What a crash left behind the checkpoint is no error: it is set aside.
    pub fn open(
        dir: &Path,
        origin: Origin,
        seeds: &[&[u8; 32]],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let keys = Keys::new(&origin.to_string(), seeds)?;
        let log = Log::open(dir, keys, clock.unix())?;
        let reader = Reader {
            dir: dir.to_owned(),
            published: log.published(),
        };
        let refusals = Arc::new(Refusals::new(Arc::clone(&clock)));
        let writer = Writer::new(log, origin, clock, Arc::clone(&refusals));
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

    /// Writes that the gateway itself found something that must not be.
    ///
    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn found(&self, deed: &Deed, code: &'static str) -> Result<(), AuditError> {
        self.append(Draft::of(deed, Outcome::Failed, Some(code)))
            .await
    }

    /// Writes how much a data centre's sweep has deleted.
    ///
    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn swept(&self, app_id: AppId, sweep: Sweep, count: u64) -> Result<(), AuditError> {
        let deed = Deed {
            actor: Actor::Gateway,
            action: Action::SweepRetention,
            app_id: Some(app_id),
        };
        let mut draft = Draft::of(&deed, Outcome::Done, None);
        (draft.sweep, draft.count) = (Some(Box::new(sweep)), Some(count));
        self.append(draft).await
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
        self.reader.published.size()
    }

    /// The signed checkpoint: the log's head as of now.
    pub fn checkpoint(&self) -> Arc<str> {
        self.reader.published.head().note
    }

    /// When the checkpoint was written, in unix seconds.
    pub fn checkpoint_time(&self) -> u64 {
        self.reader.published.head().time
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

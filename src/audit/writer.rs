//! The one thread that writes the log, and the way to it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use tlog::bundle::MAX_ENTRY;
use tokio::sync::oneshot;

use super::entry::{Action, Actor, Deed, Draft, Entry, Outcome};
use super::log::Log;
use super::refusals::{Key, Refusals};
use super::{AuditError, Origin};
use crate::domain::Clock;

pub(super) enum Command {
    Append(Draft, Option<Reply>),
    Flush(Reply),
    Close,
}

pub(super) type Reply = oneshot::Sender<Result<(), AuditError>>;

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Mailbox(SyncSender<Command>);

pub(super) struct Writer {
    log: Log,
    origin: Origin,
    clock: Arc<dyn Clock>,
    refusals: Arc<Refusals>,
}

/// Commands that may wait; more are refused.
const BACKLOG: usize = 1_024;

/// Entries that are published at once.
const BATCH: usize = 256;

/// How often windows are looked at.
const TICK: Duration = Duration::from_secs(1);

impl Mailbox {
    fn new() -> (Self, Receiver<Command>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self(sender), receiver)
    }

    /// Hands an entry over and waits until it is on disk.
    pub async fn append(&self, draft: Draft) -> Result<(), AuditError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Append(draft, Some(reply)))?;
        answer.await.map_err(|_| AuditError::Closed)?
    }

    /// Hands an entry over without waiting.
    pub fn post(&self, draft: Draft) {
        if let Err(error) = self.send(Command::Append(draft, None)) {
            tracing::error!(%error, "an audit entry is lost");
        }
    }

    pub fn send(&self, command: Command) -> Result<(), AuditError> {
        if let Command::Append(draft, _) = &command
            && draft.most_bytes() > MAX_ENTRY
        {
            return Err(AuditError::TooLong);
        }
        self.0.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => AuditError::Full,
            TrySendError::Disconnected(_) => AuditError::Closed,
        })
    }

    /// Ends the thread once it has done what is before.
    pub fn close(&self) {
        // An error means that the thread has ended already.
        let _ = self.0.send(Command::Close);
    }
}

impl Writer {
    pub fn new(log: Log, origin: Origin, clock: Arc<dyn Clock>, refusals: Arc<Refusals>) -> Self {
        Self {
            log,
            origin,
            clock,
            refusals,
        }
    }

    pub fn start(self) -> io::Result<(Mailbox, JoinHandle<()>)> {
        let (mailbox, receiver) = Mailbox::new();
        let thread = thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || self.run(&receiver))?;
        Ok((mailbox, thread))
    }

    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let batch = Batch::gather(commands);
            let ends = batch.ends;
            self.write(batch);
            if ends {
                break;
            }
        }
        let rest = self.refusals.take_all();
        // A failure is logged where it happens, and nobody is left to tell.
        let _ = self.write_counts(rest);
    }

    fn write(&mut self, batch: Batch) {
        let (drafts, replies): (Vec<_>, Vec<_>) = batch.drafts.into_iter().unzip();
        let written = self.append(&drafts);
        for reply in replies.into_iter().flatten() {
            // Whoever does not wait any more needs no answer.
            let _ = reply.send(written);
        }
        let passed = self.refusals.take_passed();
        let counted = self.write_counts(passed);
        for reply in batch.flushes {
            let _ = reply.send(counted);
        }
    }

    fn write_counts(&mut self, counts: Vec<(Key, u64)>) -> Result<(), AuditError> {
        let mut drafts: Vec<_> = counts.into_iter().map(traffic).collect();
        let lost = self.refusals.take_lost();
        if lost > 0 {
            drafts.push(lost_traffic(lost));
        }
        let mut written = Ok(());
        for drafts in drafts.chunks(BATCH) {
            if let Err(error) = self.append(drafts) {
                let sum = drafts.iter().filter_map(|draft| draft.count).sum();
                self.refusals.add_lost(sum);
                written = Err(error);
            }
        }
        written
    }

    fn append(&mut self, drafts: &[Draft]) -> Result<(), AuditError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let numbered = (self.log.next_index()..).zip(drafts);
        let entries: serde_json::Result<Vec<_>> = numbered
            .map(|(index, draft)| serde_json::to_vec(&self.entry(index, draft)))
            .collect();
        let written = entries
            .map_err(io::Error::from)
            .and_then(|entries| self.log.append(&entries, self.clock.unix()));
        written.map_err(|error| {
            tracing::error!(%error, "the audit log cannot be written");
            AuditError::Write
        })
    }

    fn entry(&self, index: u64, draft: &Draft) -> Entry {
        Entry {
            index,
            time: rfc3339(self.clock.unix_millis()),
            gateway: self.origin.gateway_id.clone(),
            actor: draft.deed.actor.as_str().to_owned(),
            action: draft.deed.action,
            app_id: draft.deed.app_id.map(|id| id.to_string()),
            region: self.origin.region.to_string(),
            outcome: draft.outcome,
            code: draft.code.map(str::to_owned),
            count: draft.count,
            sweep: draft.sweep.as_deref().cloned(),
            pins: draft.pins.clone(),
        }
    }
}

/// What is written and synced at once.
#[derive(Default)]
struct Batch {
    drafts: Vec<(Draft, Option<Reply>)>,
    flushes: Vec<Reply>,
    ends: bool,
}

impl Batch {
    /// Waits for a command at most `TICK`, and takes what else is there.
    fn gather(commands: &Receiver<Command>) -> Self {
        let mut batch = Self::default();
        match commands.recv_timeout(TICK) {
            Ok(command) => batch.take(command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => batch.ends = true,
        }
        while batch.has_room() {
            let Ok(command) = commands.try_recv() else {
                break;
            };
            batch.take(command);
        }
        batch
    }

    fn has_room(&self) -> bool {
        !self.ends && self.drafts.len() < BATCH
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Append(draft, reply) => self.drafts.push((draft, reply)),
            Command::Flush(reply) => self.flushes.push(reply),
            Command::Close => self.ends = true,
        }
    }
}

/// The entry for what was refused in one window.
fn traffic((key, count): (Key, u64)) -> Draft {
    let deed = Deed {
        actor: Actor::Client,
        action: Action::Traffic,
        app_id: key.app_id,
    };
    Draft {
        deed,
        outcome: Outcome::Refused,
        code: Some(key.code),
        count: Some(count),
        sweep: None,
        pins: None,
    }
}

fn lost_traffic(count: u64) -> Draft {
    let deed = Deed {
        actor: Actor::Client,
        action: Action::Lost,
        app_id: None,
    };
    Draft {
        deed,
        outcome: Outcome::Refused,
        code: None,
        count: Some(count),
        sweep: None,
        pins: None,
    }
}

pub fn rfc3339(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Control: the bound, at which nobody waits.
    #[test]
    fn what_finds_no_room_before_the_thread_is_refused() {
        let (mailbox, _commands) = Mailbox::new();
        let send = || mailbox.send(Command::Flush(oneshot::channel().0));
        assert!((0..BACKLOG).all(|_| send().is_ok()));
        assert!(matches!(send(), Err(AuditError::Full)));
    }
}

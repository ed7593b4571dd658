//! The one thread that writes the embedded registry: group commit.
//!
//! It takes all transactions that wait, decides each by its own conditions in their order inside
//! one redb transaction, makes that durable once, tells the listeners, and then answers them all.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, ReadableTable};
use tokio::sync::{mpsc, oneshot};

use super::chain::Link;
use super::embedded::newest;
use super::embedded_file::OpenFile;
use super::embedded_tables::Tables;
use super::listeners::Listeners;
use super::store::{CommitError, Condition, Key, Txn, Unavailable};

pub(super) type Answer<T> = oneshot::Sender<Result<T, CommitError>>;

pub(super) enum Job {
    Commit(Txn, Answer<Link>),
    Regions {
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
        answer: Answer<()>,
    },
    /// The file could not be read: nothing to write, but a writer who fails opens it anew.
    Recover,
}

/// The most transactions that share one durable commit.
const GROUP: usize = 512;

pub(super) fn start(
    file: Arc<OpenFile>,
    listeners: Arc<Listeners>,
    queue: mpsc::Receiver<Job>,
) -> io::Result<JoinHandle<()>> {
    let writer = Writer { file, listeners };
    let named = std::thread::Builder::new().name("registry-writer".to_owned());
    named.spawn(move || writer.run(queue))
}

struct Writer {
    file: Arc<OpenFile>,
    listeners: Arc<Listeners>,
}

impl Writer {
    fn run(&self, mut queue: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.blocking_recv_many(&mut group, GROUP) > 0 {
            self.write(std::mem::take(&mut group));
        }
    }

    fn write(&self, group: Vec<Job>) {
        let written = self.file.with(|database| write_durably(database, &group));
        if let Err(error) = &written {
            tracing::error!(%error, "the embedded registry cannot be written");
            // Before the answers: who hears of it may ask at once.
            self.recover();
        }
        match written {
            Ok((outcomes, keys)) => {
                self.listeners.changed(&keys);
                answer(
                    group,
                    outcomes.into_iter().map(|o| o.ok_or(CommitError::Conflict)),
                );
            }
            Err(_) => answer(
                group,
                std::iter::repeat(Err(CommitError::Unavailable(Unavailable))),
            ),
        }
    }

    /// A commit that failed may be in the file after all: nobody goes on with what they remember.
    fn recover(&self) {
        if self.file.recover() {
            self.listeners.missed();
        }
    }
}

/// What each job did (`None`: a condition did not hold), and the keys that were written.
fn write_durably(
    database: &Database,
    group: &[Job],
) -> Result<(Vec<Option<Done>>, Vec<Key>), redb::Error> {
    let txn = database.begin_write()?;
    let mut keys = Vec::new();
    let mut outcomes = Vec::with_capacity(group.len());
    {
        let mut tables = Tables::open(&txn)?;
        for job in group {
            outcomes.push(apply(&mut tables, job, &mut keys)?);
        }
    }
    if keys.is_empty() {
        txn.abort()?;
    } else {
        txn.commit()?;
    }
    Ok((outcomes, keys))
}

#[derive(Clone, Copy)]
enum Done {
    Linked(Link),
    Written,
}

fn apply(
    tables: &mut Tables<'_>,
    job: &Job,
    keys: &mut Vec<Key>,
) -> Result<Option<Done>, redb::Error> {
    match job {
        Job::Commit(txn, _) => apply_txn(tables, txn, keys),
        Job::Regions { was, regions, .. } => apply_regions(tables, was.as_deref(), regions, keys),
        Job::Recover => Ok(None),
    }
}

fn apply_txn(
    tables: &mut Tables<'_>,
    txn: &Txn,
    keys: &mut Vec<Key>,
) -> Result<Option<Done>, redb::Error> {
    for condition in txn.conditions() {
        if !holds(tables, condition)? {
            return Ok(None);
        }
    }
    let Some(link) = next_link(tables, txn)? else {
        return Ok(None);
    };
    for (key, value) in txn.puts() {
        put(tables, key, value, keys)?;
    }
    put(tables, &link.key(txn.region()), &link.value(), keys)?;
    Ok(Some(Done::Linked(link)))
}

fn apply_regions(
    tables: &mut Tables<'_>,
    was: Option<&[u8]>,
    regions: &[u8],
    keys: &mut Vec<Key>,
) -> Result<Option<Done>, redb::Error> {
    let key = Key::regions();
    let condition = match was {
        None => Condition::Absent(key.clone()),
        Some(was) => Condition::Equals(key.clone(), was.to_vec()),
    };
    if !holds(tables, &condition)? {
        return Ok(None);
    }
    put(tables, &key, regions, keys)?;
    Ok(Some(Done::Written))
}

/// The link that `txn` adds; `None` when the newest one is unreadable, so that nothing is chained
/// to it.
fn next_link(tables: &Tables<'_>, txn: &Txn) -> Result<Option<Link>, redb::Error> {
    let Some((key, value)) = newest(&tables.entries, txn.region())? else {
        return Ok(Some(Link::next(None, txn)));
    };
    let before = Link::read(txn.region(), &key, &value).ok();
    Ok(before.map(|before| Link::next(Some(&before), txn)))
}

fn holds(tables: &Tables<'_>, condition: &Condition) -> Result<bool, redb::Error> {
    let value = tables.entries.get(condition.key().as_str())?;
    Ok(condition.holds(value.as_ref().map(redb::AccessGuard::value)))
}

fn put(
    tables: &mut Tables<'_>,
    key: &Key,
    value: &[u8],
    keys: &mut Vec<Key>,
) -> Result<(), redb::Error> {
    tables.put(key, value)?;
    keys.push(key.clone());
    Ok(())
}

fn answer(group: Vec<Job>, outcomes: impl Iterator<Item = Result<Done, CommitError>>) {
    for (job, outcome) in group.into_iter().zip(outcomes) {
        // Who asked may have gone away; what was written stays.
        let _gone = match job {
            Job::Commit(_, answer) => answer.send(outcome.and_then(Done::link)).is_err(),
            Job::Regions { answer, .. } => answer.send(outcome.map(|_| ())).is_err(),
            Job::Recover => false,
        };
    }
}

impl Done {
    fn link(self) -> Result<Link, CommitError> {
        match self {
            Self::Linked(link) => Ok(link),
            Self::Written => Err(CommitError::Unavailable(Unavailable)),
        }
    }
}

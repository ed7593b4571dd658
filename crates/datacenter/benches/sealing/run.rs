//! One store from its making to its end, and the figures of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::blobs::Blobs;
use crate::load;
use crate::settings::{SealKey, SealKeys};
use crate::store::Store;
use crate::store::cipher::{Cipher, Keyspace};

/// What was measured, in the order of the names.
pub struct Figures(pub Vec<f64>);

impl Figures {
    pub const NAMES: [&str; 16] = [
        "messages/s put, a commit each",
        "CPU µs of one put, a commit each",
        "messages/s put, 500 in a commit",
        "CPU µs of one put, 500 in a commit",
        "messages/s read from history",
        "CPU µs of one read from history",
        "messages/s read from queues",
        "CPU µs of one read from queues",
        "MiB/s of a file written",
        "CPU µs of a MiB written",
        "MiB/s of a file read",
        "CPU µs of a MiB read",
        "bytes of a message in the store, its place and value",
        "bytes of what waits, its place and value",
        "bytes of the store's file for each message, all in all",
        "bytes of a file of 64 MiB",
    ];
}

/// With this cipher, or with the data centre's own.
pub async fn run(cipher: Option<Arc<dyn Cipher>>) -> Figures {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("z.redb");
    let store = open(&file, cipher);
    let blobs = Blobs::open(folder.path().join("files"), "z", store.cipher()).unwrap();
    load::register(&store).await;
    let mut figures = messages(&store).await;
    figures.extend(content(&blobs).await);
    drop(store);
    figures.extend(sizes(&file));
    let written = std::fs::metadata(folder.path().join("files").join(UUID.to_string()));
    figures.push(written.unwrap().len() as f64);
    Figures(figures)
}

fn open(file: &Path, cipher: Option<Arc<dyn Cipher>>) -> Store {
    let tracker = TaskTracker::new();
    let key = SealKey {
        id: "bench".to_owned(),
        key: Zeroizing::new([7; 32]),
    };
    let keys = SealKeys::new(vec![key]).unwrap();
    match cipher {
        Some(cipher) => Store::open_by(file, tracker, |_| Ok(cipher)).unwrap(),
        None => Store::open(file, &keys, tracker).unwrap(),
    }
}

async fn messages(store: &Store) -> Vec<f64> {
    let watch = Watch::start();
    for number in 0..ALONE {
        load::say(store, number..number + 1).await;
    }
    let alone = watch.stop(ALONE);
    let watch = Watch::start();
    for first in (ALONE..MESSAGES).step_by(BATCH) {
        load::say(store, first..first + BATCH).await;
    }
    let together = watch.stop(MESSAGES - ALONE);
    let watch = Watch::start();
    assert_eq!(load::read_history(store).await, MESSAGES);
    let history = watch.stop(MESSAGES);
    let watch = Watch::start();
    assert_eq!(load::read_queues(store).await, MESSAGES);
    [alone, together, history, watch.stop(MESSAGES)].concat()
}

async fn content(blobs: &Blobs) -> Vec<f64> {
    let watch = Watch::start();
    load::upload(blobs, UUID, FILE).await;
    let written = watch.stop(FILE >> 20);
    let watch = Watch::start();
    assert_eq!(load::download(blobs, UUID, FILE).await, FILE);
    [written, watch.stop(FILE >> 20)].concat()
}

/// Of time that passes, which the disk and other programs have a part in, and of the processor's.
struct Watch {
    since: Instant,
    cpu: f64,
}

impl Watch {
    fn start() -> Watch {
        let (since, cpu) = (Instant::now(), cpu_micros());
        Watch { since, cpu }
    }

    /// How many a second, and microseconds of the processor for each.
    fn stop(self, count: usize) -> [f64; 2] {
        let count = count as f64;
        let each = (cpu_micros() - self.cpu) / count;
        [count / self.since.elapsed().as_secs_f64(), each]
    }
}

/// Of all threads of this process: the first number of `schedstat` is in nanoseconds.
fn cpu_micros() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::io::Result<std::fs::DirEntry>| -> f64 {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat"));
        let text = text.unwrap_or_default();
        text.split(' ')
            .next()
            .map_or(0.0, |n| n.parse().unwrap_or(0.0))
    };
    tasks.map(of).sum::<f64>() / 1_000.0
}

/// Of an entry in the two keyspaces, and of the file once redb has given back what it does not use.
fn sizes(file: &Path) -> Vec<f64> {
    let mut database = Database::open(file).unwrap();
    let entries = [Keyspace::MessagesOneToOne, Keyspace::QueuesOneToOne];
    let mut sizes = entries.map(|keyspace| entry(&database, keyspace)).to_vec();
    while database.compact().unwrap() {}
    drop(database);
    let length = std::fs::metadata(file).unwrap().len();
    sizes.push(length as f64 / MESSAGES as f64);
    sizes
}

fn entry(database: &Database, keyspace: Keyspace) -> f64 {
    let name: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(keyspace.table_name());
    let table = database.begin_read().unwrap().open_table(name).unwrap();
    let sizes = table.iter().unwrap().map(|entry| {
        let (place, value) = entry.unwrap();
        (place.value().len() + value.value().len()) as f64
    });
    let sizes: Vec<f64> = sizes.collect();
    sizes.iter().sum::<f64>() / sizes.len() as f64
}

const UUID: uuid::Uuid = uuid::Uuid::from_u128(7);
/// Put one by one.
const ALONE: usize = 500;
const BATCH: usize = 500;
const MESSAGES: usize = 20_500;
const FILE: usize = 64 << 20;

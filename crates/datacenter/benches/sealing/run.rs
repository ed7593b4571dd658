//! One store from its making to its end, and the figures of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::blobs::Blobs;
use crate::load;
use crate::settings::SealKeys;
use crate::store::Store;
use crate::store::cipher::{Cipher, Keyspace};

/// What was measured, in the order of the names.
pub struct Figures(pub Vec<f64>);

impl Figures {
    pub const NAMES: [&str; 10] = [
        "messages/s put, a commit each",
        "messages/s put, 500 in a commit",
        "messages/s read from history",
        "messages/s read from queues",
        "MiB/s of a file written",
        "MiB/s of a file read",
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
    let keys = SealKeys::new(vec![Zeroizing::new([7; 32])]).unwrap();
    match cipher {
        Some(cipher) => Store::open_by(file, tracker, |_| Ok(cipher)).unwrap(),
        None => Store::open(file, &keys, tracker).unwrap(),
    }
}

async fn messages(store: &Store) -> Vec<f64> {
    let since = Instant::now();
    for number in 0..ALONE {
        load::say(store, number..number + 1).await;
    }
    let alone = rate(ALONE, since);
    let since = Instant::now();
    for first in (ALONE..MESSAGES).step_by(BATCH) {
        load::say(store, first..first + BATCH).await;
    }
    let together = rate(MESSAGES - ALONE, since);
    let since = Instant::now();
    assert_eq!(load::read_history(store).await, MESSAGES);
    let history = rate(MESSAGES, since);
    let since = Instant::now();
    assert_eq!(load::read_queues(store).await, MESSAGES);
    vec![alone, together, history, rate(MESSAGES, since)]
}

async fn content(blobs: &Blobs) -> Vec<f64> {
    let since = Instant::now();
    load::upload(blobs, UUID, FILE).await;
    let written = rate(FILE >> 20, since);
    let since = Instant::now();
    assert_eq!(load::download(blobs, UUID, FILE).await, FILE);
    vec![written, rate(FILE >> 20, since)]
}

fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
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

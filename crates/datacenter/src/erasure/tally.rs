//! What was erased: how much of what, and a digest that whoever knows what was there can make as well.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{self, SHA256};
use serde_json::{Value, json};

use crate::app_key::AppKey;
use crate::chatfiles::Erased;
use crate::contacts;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;

/// Counts, and a hash of each thing that is gone.
pub(super) struct Tally {
    app: AppKey,
    counts: BTreeMap<&'static str, u64>,
    hashes: Vec<[u8; 32]>,
}

/// What the gateway is told.
pub(super) struct Evidence {
    pub(super) id: String,
    /// SHA-256 of the AppKey.
    pub(super) app: String,
    pub(super) digest: String,
    pub(super) entries: usize,
    pub(super) remaining: u64,
    counts: BTreeMap<&'static str, u64>,
    started: u64,
    completed: u64,
}

impl Tally {
    pub(super) fn new(app: &AppKey) -> Tally {
        Tally {
            app: app.clone(),
            counts: KINDS.map(|kind| (kind, 0)).into(),
            hashes: Vec::new(),
        }
    }

    pub(super) fn count(&mut self, kind: &'static str, more: u64) {
        *self.counts.entry(kind).or_default() += more;
    }

    /// An entry of the store is gone.
    pub(super) fn entry(&mut self, keyspace: Keyspace, key: &Key) {
        let Some(kind) = kind(&self.app, keyspace, key) else {
            return;
        };
        self.count(kind, 1);
        let name = keyspace.table_name();
        self.hashes.push(hash(&[name.as_bytes(), key.as_bytes()]));
    }

    /// The content of a file is gone.
    pub(super) fn content(&mut self, key: &Key, erased: &Erased) {
        self.count("bytes", erased.size);
        match &erased.hash {
            Some(content) => self.hashes.push(hash(&[CONTENT, key.as_bytes(), content])),
            None => self.count("unreadable_files", 1),
        }
    }

    pub(super) fn evidence(
        mut self,
        remaining: u64,
        started: u64,
        completed: u64,
    ) -> Result<Evidence, Fault> {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let mut all = digest::Context::new(&SHA256);
        all.update(FORMAT);
        self.hashes.iter().for_each(|hash| all.update(hash));
        Ok(Evidence {
            id: new_id()?,
            app: hex::encode(digest::digest(&SHA256, self.app.to_string().as_bytes())),
            digest: format!("sha256:{}", hex::encode(all.finish())),
            entries: self.hashes.len(),
            remaining,
            counts: self.counts,
            started,
            completed,
        })
    }
}

impl Evidence {
    pub(super) fn json(&self) -> Value {
        json!({
            "erasure_id": self.id,
            "app_key_sha256": self.app,
            "erased": self.counts,
            "remaining": self.remaining,
            "digest": self.digest,
            "started_at": self.started,
            "completed_at": self.completed,
        })
    }
}

/// Nothing for what is no data of the App, but about it.
fn kind(app: &AppKey, keyspace: Keyspace, key: &Key) -> Option<&'static str> {
    let kind = match keyspace {
        Keyspace::Users => "users",
        Keyspace::Groups => "groups",
        Keyspace::Rooms => "rooms",
        Keyspace::MessagesOneToOne | Keyspace::MessagesGroup | Keyspace::MessagesRoom => "messages",
        Keyspace::Timeline => "timeline",
        Keyspace::Files => "files",
        Keyspace::General if contacts::is_key(app, key) => "contacts",
        Keyspace::General => "attributes",
        Keyspace::QueuesOneToOne | Keyspace::QueuesGroup => "waiting",
        Keyspace::Apps | Keyspace::Sweeps => return None,
    };
    Some(kind)
}

/// Each part with its length in front (u64, big-endian), so that no two lists of parts are alike.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut all = digest::Context::new(&SHA256);
    for part in parts {
        all.update(&(part.len() as u64).to_be_bytes());
        all.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(all.finish().as_ref());
    hash
}

fn new_id() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| std::io::Error::other("there is no randomness"))?;
    Ok(hex::encode(bytes))
}

/// What is counted; each is told, be it 0.
const KINDS: [&str; 13] = [
    "users",
    "contacts",
    "attributes",
    "groups",
    "rooms",
    "memberships",
    "messages",
    "timeline",
    "waiting",
    "files",
    "bytes",
    "unreadable_files",
    "sessions",
];
/// In front of all hashes.
const FORMAT: &[u8] = b"domicile-erasure-v1\0";
/// Stands where the keyspace does for an entry.
const CONTENT: &[u8] = b"content";

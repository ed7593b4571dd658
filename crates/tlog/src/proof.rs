//! An entry's proof as a file (c2sp.org/tlog-proof), with the entry itself as its extra data.
//!
//! ```text
//! proof = "c2sp.org/tlog-proof@v1" "\n"
//!         "extra " base64(entry) "\n"
//!         "index " index in decimal "\n"
//!         { base64(hash) "\n" }               from the entry's neighbour up
//!         "\n"
//!         checkpoint as a signed note
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::MAX_ENTRY;
use crate::checkpoint::{Checkpoint, CheckpointError, read_size};
use crate::hash::Hash;
use crate::inclusion::verify_inclusion;
use crate::key::VerifierKey;
use crate::note::{Note, NoteError};

/// That an entry is in a log whose head is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// Its place, from 0.
    pub index: u64,
    /// From its neighbour up.
    pub hashes: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not such a file.
    #[error("is not a proof (c2sp.org/tlog-proof@v1) with its entry as extra data")]
    Shape,
    /// The checkpoint is not signed by a known key.
    #[error("the checkpoint is not believed: {0}")]
    Note(#[from] NoteError),
    /// What is signed is no checkpoint.
    #[error("what is signed is no checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another log than the key.
    #[error("the checkpoint is of the log {0}, which is not the key's")]
    Origin(String),
    /// The hashes do not lead from the entry to the root.
    #[error("the entry is not what the log has at this index")]
    NotIncluded,
}

impl EntryProof {
    /// # Errors
    /// When it is not such a file.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        Self::read(text).ok_or(ProofError::Shape)
    }

    /// Verifies that the entry is in the log of one of the keys, and gives the log's head.
    ///
    /// # Errors
    /// When it does not verify.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Checkpoint, ProofError> {
        let note = Note::open(self.checkpoint.as_bytes(), keys)?;
        let head = Checkpoint::parse(note.text())?;
        if note.signer().name() != head.origin() {
            return Err(ProofError::Origin(head.origin().to_owned()));
        }
        let leaf = Hash::of_leaf(&self.entry);
        if verify_inclusion(self.index, head.size(), leaf, &self.hashes, head.root()) {
            Ok(head)
        } else {
            Err(ProofError::NotIncluded)
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST) {
            return None;
        }
        let entry = STANDARD
            .decode(lines.next()?.strip_prefix("extra ")?)
            .ok()?;
        let index = read_size(lines.next()?.strip_prefix("index ")?)?;
        let hashes: Option<Vec<_>> = lines.map(Hash::from_base64).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= DEEPEST)?;
        (entry.len() <= MAX_ENTRY).then(|| Self {
            entry,
            index,
            hashes,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

const FIRST: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of a proof in the largest tree.
const DEEPEST: usize = 64;

impl fmt::Display for EntryProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = STANDARD.encode(&self.entry);
        writeln!(f, "{FIRST}\nextra {entry}\nindex {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

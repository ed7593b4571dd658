//! An entry's proof, that stands without the log.

use std::io;

use tlog::{EntryProof, Hash, Kind, ProofError, Subtree, Tile, VerifierKey, inclusion_proof};

use super::folder::{Folder, HeadError, head};

/// Why an entry has no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("the checkpoint is not believed")]
    Head(#[from] HeadError),
    #[error("the log's files cannot be read")]
    Read(#[from] io::Error),
    #[error("there is no entry {index}: the log has {size}")]
    NoEntry { index: u64, size: u64 },
    #[error("the entry cannot be proved: the log is not whole")]
    Proof(#[from] ProofError),
}

/// Makes the proof that the entry `index` is in the log in a folder.
///
/// # Errors
/// When there is no such entry, or the log is not whole where the proof needs it.
pub fn prove(folder: &Folder, keys: &[VerifierKey], index: u64) -> Result<EntryProof, ProveError> {
    let note = folder.note()?;
    let (log, _) = head(&note, keys)?;
    let size = log.size();
    let hashes = inclusion_proof(index, size, |subtree| hash_of(folder, subtree, size))?;
    let hashes = hashes.ok_or(ProveError::NoEntry { index, size })?;
    let proof = EntryProof {
        entry: entry(folder, index, size)?,
        index,
        hashes,
        checkpoint: String::from_utf8_lossy(&note).into_owned(),
    };
    proof.verify(keys)?;
    Ok(proof)
}

fn entry(folder: &Folder, index: u64, size: u64) -> io::Result<Vec<u8>> {
    let tile = Tile::at(Kind::Entries, index / 256, size).ok_or(io::ErrorKind::NotFound)?;
    let place = usize::try_from(index % 256).map_err(io::Error::other)?;
    let entry = folder.bundle(tile)?.into_iter().nth(place);
    entry.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn hash_of(folder: &Folder, subtree: Subtree, size: u64) -> io::Result<Hash> {
    let tile = subtree.tile(size).ok_or(io::ErrorKind::NotFound)?;
    let hashes = folder.hashes(tile)?;
    let hash = hashes.and_then(|hashes| subtree.hash_in(&hashes));
    hash.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

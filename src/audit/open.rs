//! Opening a log: what the last checkpoint says is there, and nothing else.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog::{
    Checkpoint, CheckpointError, Edge, Hash, Kind, Note, NoteError, Signer, Tile, VerifierKey,
    bundle,
};

use super::fresh::{replace, sync_folder};
use super::head::{Head, Published};
use super::leftovers;
use super::log::{CHECKPOINT, Log, State, VKEY, signed};

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the audit log {0} cannot be used")]
    Io(PathBuf, #[source] io::Error),
    #[error("the audit log {0} is in use by another process")]
    InUse(PathBuf),
    #[error("the audit log {dir} is not whole: `domicile audit verify --log {dir}` says more")]
    Corrupt {
        dir: PathBuf,
        #[source]
        fault: Fault,
    },
    #[error("the audit log's key cannot be used")]
    Key(#[from] tlog::KeyError),
    #[error("the audit log needs a key to sign with")]
    NoKey,
    #[error("the audit log's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// What is wrong with a log that is there.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it has tiles and no checkpoint")]
    NoCheckpoint,
    #[error("its checkpoint is not believed")]
    Note(#[from] NoteError),
    #[error("its checkpoint cannot be read")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint is of {0}")]
    Origin(String),
    #[error("{0} is not there")]
    Missing(String),
    #[error("{0} is not of the length that the checkpoint says")]
    Length(String),
    #[error("its last entries and tiles do not have the root that the checkpoint says")]
    Root,
}

/// The keys of a log: the first one signs, all of them have signed.
pub(super) struct Keys {
    pub signer: Signer,
    pub known: Vec<VerifierKey>,
}

impl Keys {
    /// From Ed25519 seeds, newest first.
    pub fn new(origin: &str, seeds: &[&[u8; 32]]) -> Result<Self, OpenError> {
        let signers = seeds.iter().map(|seed| Signer::from_seed(origin, seed));
        let signers: Vec<_> = signers.collect::<Result<_, _>>()?;
        let known = signers.iter().map(Signer::verifier_key).collect();
        let signer = signers.into_iter().next().ok_or(OpenError::NoKey)?;
        Ok(Self { signer, known })
    }
}

impl Log {
    /// Opens the log in `dir`, or makes it. `now` is in unix seconds.
    pub fn open(dir: &Path, keys: Keys, now: u64) -> Result<Self, OpenError> {
        let fault = |error| OpenError::Io(dir.to_owned(), error);
        fs::create_dir_all(dir).map_err(fault)?;
        let lock = lock(dir)?;
        let note = match fs::read(dir.join(CHECKPOINT)) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => begin(dir, &keys, &fault)?,
            Err(error) => return Err(fault(error)),
        };
        let (state, is_newest) = read(dir, &keys, &note)?;
        let partials = leftovers::clear(dir, &state).map_err(fault)?;
        write_vkey(dir, &keys.signer).map_err(fault)?;
        let log = Self {
            dir: dir.to_owned(),
            _lock: lock,
            signer: keys.signer,
            published: Published::new(Head {
                size: state.edge.size(),
                note: Arc::from(String::from_utf8_lossy(&note).as_ref()),
                time: written(dir).unwrap_or(now),
            }),
            state,
            partials: VecDeque::from([partials]),
        };
        if !is_newest {
            let note = signed(&log.signer, &log.state.edge).map_err(fault)?;
            replace(&dir.join(CHECKPOINT), note.as_bytes()).map_err(fault)?;
            log.publish(note, now);
        }
        Ok(log)
    }
}

/// What the checkpoint says is there, and whether the newest key has signed it.
fn read(dir: &Path, keys: &Keys, note: &[u8]) -> Result<(State, bool), OpenError> {
    let read = Existing { dir, keys }.read(note);
    read.map_err(|error| match error {
        ReadError::Io(error) => OpenError::Io(dir.to_owned(), error),
        ReadError::Fault(fault) => OpenError::Corrupt {
            dir: dir.to_owned(),
            fault,
        },
    })
}

/// Holds the folder itself, so that no other file is needed in it.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let fault = |error| OpenError::Io(dir.to_owned(), error);
    let folder = File::open(dir).map_err(fault)?;
    folder.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => OpenError::InUse(dir.to_owned()),
        fs::TryLockError::Error(error) => fault(error),
    })?;
    Ok(folder)
}

/// The checkpoint of a log that begins: of no entry.
fn begin(
    dir: &Path,
    keys: &Keys,
    fault: &impl Fn(io::Error) -> OpenError,
) -> Result<Vec<u8>, OpenError> {
    if dir.join("tile").exists() {
        return Err(OpenError::Corrupt {
            dir: dir.to_owned(),
            fault: Fault::NoCheckpoint,
        });
    }
    tracing::warn!(dir = %dir.display(), "a new audit log begins: there was none");
    write_vkey(dir, &keys.signer).map_err(fault)?;
    let note = signed(&keys.signer, &Edge::new()).map_err(fault)?;
    replace(&dir.join(CHECKPOINT), note.as_bytes()).map_err(fault)?;
    if let Some(above) = dir.parent() {
        sync_folder(above).map_err(fault)?;
    }
    Ok(note.into_bytes())
}

/// The file's own time: the clock's when it was written.
fn written(dir: &Path) -> Option<u64> {
    let modified = fs::metadata(dir.join(CHECKPOINT)).and_then(|file| file.modified());
    let since = modified.ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

/// The public key is whatever the signing key says.
fn write_vkey(dir: &Path, signer: &Signer) -> io::Result<()> {
    let path = dir.join(VKEY);
    let text = format!("{}\n", signer.verifier_key());
    match fs::read(&path) {
        Ok(there) if there == text.as_bytes() => return Ok(()),
        Ok(_) => {
            tracing::warn!(file = %path.display(), "the audit log's public key was another one: it is written anew");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    replace(&path, text.as_bytes())
}

/// A log that is there.
struct Existing<'a> {
    dir: &'a Path,
    keys: &'a Keys,
}

enum ReadError {
    Io(io::Error),
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ReadError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

impl Existing<'_> {
    /// What the next entry is added to, and whether the newest key has signed the checkpoint.
    /// Reads as much as the tree is high, not as it is long.
    fn read(&self, note: &[u8]) -> Result<(State, bool), ReadError> {
        let note = Note::open(note, &self.keys.known)?;
        let head = Checkpoint::parse(note.text())?;
        if head.origin() != note.signer().name() {
            return Err(Fault::Origin(head.origin().to_owned()).into());
        }
        let bundle = match Tile::partial(Kind::Entries, head.size()) {
            Some(tile) => self.file(tile)?,
            None => Vec::new(),
        };
        let edge = Edge::resume(head.size(), |tile| self.hashes(tile, &bundle))?;
        let edge = edge.filter(|edge| edge.root() == head.root());
        let edge = edge.ok_or(Fault::Root)?;
        let is_newest = *note.signer() == self.keys.signer.verifier_key();
        Ok((State { edge, bundle }, is_newest))
    }

    /// The hashes of the lowest partial tile are those of the entries, whatever its file says.
    fn hashes(&self, tile: Tile, bundle: &[u8]) -> Result<Vec<Hash>, ReadError> {
        if tile.kind == Kind::Hashes(0) {
            let leaves = bundle::entries(bundle).map(|entry| entry.map(Hash::of_leaf));
            let leaves: Option<Vec<_>> = leaves.map(Result::ok).collect();
            let leaves = leaves.filter(|leaves| leaves.len() == usize::from(tile.width));
            let kind = Kind::Entries;
            return Ok(leaves.ok_or_else(|| Fault::Length(Tile { kind, ..tile }.path()))?);
        }
        let hashes = Hash::split(&self.file(tile)?);
        Ok(hashes.ok_or_else(|| Fault::Length(tile.path()))?)
    }

    fn file(&self, tile: Tile) -> Result<Vec<u8>, ReadError> {
        match fs::read(self.dir.join(tile.path())) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Fault::Missing(tile.path()).into())
            }
            Err(error) => Err(ReadError::Io(error)),
        }
    }
}

//! A log's folder as whoever verifies it finds it: nothing in it is believed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tlog::bundle::{self, MAX_ENTRY};
use tlog::{
    Checkpoint, CheckpointError, Hash, Kind, MAX_NOTE, Note, NoteError, TILE_WIDTH, Tile,
    VerifierKey,
};

use super::log::{CHECKPOINT, VKEY};

/// A log's folder: `checkpoint`, `vkey`, `tile/`.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// Why a checkpoint is not believed.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    #[error("cannot be read")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("is of the log {0}, which is not the key's")]
    Origin(String),
}

/// A tile's file.
pub(super) struct Bytes {
    pub bytes: Vec<u8>,
    /// Whether it is the tile's own file, not a wider one that begins like it.
    pub is_own: bool,
}

impl Folder {
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The folder's own word for its key. Whoever changed the log could have changed it too.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn vkey(&self) -> io::Result<String> {
        let bytes = read(&self.0.join(VKEY), MAX_NOTE)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// The signed note of the newest checkpoint.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn note(&self) -> io::Result<Vec<u8>> {
        read(&self.0.join(CHECKPOINT), MAX_NOTE)
    }

    /// The entries that a checkpoint speaks of, bundle by bundle, as they lie there.
    pub fn entries(&self, size: u64) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        let tiles = (0..).map_while(move |index| Tile::at(Kind::Entries, index, size));
        tiles.flat_map(|tile| match self.bundle(tile) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    pub(super) fn bundle(&self, tile: Tile) -> io::Result<Vec<Vec<u8>>> {
        let found = self.tile(tile)?;
        let entries = bundle::entries(&found.bytes).take(usize::from(tile.width));
        let entries: Result<Vec<_>, _> = entries.map(|entry| entry.map(<[u8]>::to_vec)).collect();
        entries.map_err(io::Error::other)
    }

    /// A tile of hashes; `None` if its file has another length.
    pub(super) fn hashes(&self, tile: Tile) -> io::Result<Option<Vec<Hash>>> {
        let found = self.tile(tile)?;
        let hashes = Hash::split(&found.bytes);
        Ok(hashes.and_then(|mut hashes| {
            let width = usize::from(tile.width);
            let fits = hashes.len() == width || (!found.is_own && hashes.len() > width);
            hashes.truncate(width);
            fits.then_some(hashes)
        }))
    }

    /// The tile's file. A partial one may have given way to a wider one since the checkpoint was
    /// read: the log may be in use.
    pub(super) fn tile(&self, tile: Tile) -> io::Result<Bytes> {
        let most = match tile.kind {
            Kind::Entries => usize::from(TILE_WIDTH) * (2 + MAX_ENTRY),
            Kind::Hashes(_) => usize::from(TILE_WIDTH) * Hash::SIZE,
        };
        let error = match read(&self.0.join(tile.path()), most) {
            Ok(bytes) => {
                return Ok(Bytes {
                    bytes,
                    is_own: true,
                });
            }
            Err(error) => error,
        };
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
        for wider in tile.width + 1..=TILE_WIDTH {
            let wider = Tile {
                width: wider,
                ..tile
            };
            if let Ok(bytes) = read(&self.0.join(wider.path()), most) {
                let is_own = false;
                return Ok(Bytes { bytes, is_own });
            }
        }
        Err(error)
    }

    /// The names of all files, below the folder.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let (mut names, mut folders) = (Vec::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                // A folder of partial tiles has gone away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    let path = entry.path();
                    let name = path.strip_prefix(&self.0).unwrap_or(&path);
                    names.push(name.to_string_lossy().into_owned());
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Verifies a checkpoint by one of the keys, and says by which.
///
/// # Errors
/// When it is not believed.
pub fn head(note: &[u8], keys: &[VerifierKey]) -> Result<(Checkpoint, VerifierKey), HeadError> {
    let note = Note::open(note, keys)?;
    let head = Checkpoint::parse(note.text())?;
    if head.origin() != note.signer().name() {
        return Err(HeadError::Origin(head.origin().to_owned()));
    }
    Ok((head, note.signer().clone()))
}

/// A file of at most so many bytes.
fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "is longer than it can be",
        ));
    }
    Ok(bytes)
}

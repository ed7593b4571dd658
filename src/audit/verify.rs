//! Whether a log in a folder is whole: offline, and believing nothing but the key.
//!
//! Every entry is hashed, every tile compared with what the entries give, and the root with the
//! signed one. Then the folder is looked through for files that nobody has looked at.

use std::io;

use serde_json::Value;
use tlog::{Checkpoint, Edge, Hash, Kind, Tile, VerifierKey, bundle};

use super::flaw::Flaw;
use super::folder::{Folder, head};
use super::log::{CHECKPOINT, VKEY};

/// A log that is whole.
#[derive(Debug, Clone)]
pub struct Whole {
    pub checkpoint: Checkpoint,
    pub key: VerifierKey,
    /// Entries of the earlier checkpoint that it goes on from.
    pub since: Option<u64>,
    /// Files in the folder that are not part of the log.
    pub beside: Vec<String>,
}

/// Verifies the log in a folder, by one of the keys, and that it goes on from an earlier
/// checkpoint (a signed note).
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(folder: &Folder, keys: &[VerifierKey], since: Option<&[u8]>) -> Result<Whole, Flaw> {
    let note = folder
        .note()
        .map_err(|error| Flaw::Unreadable(CHECKPOINT.to_owned(), error))?;
    let (checkpoint, key) = head(&note, keys).map_err(Flaw::Head)?;
    check_vkey(folder, keys)?;
    let since = since
        .map(|note| earlier(note, keys, &checkpoint))
        .transpose()?;
    let mut walk = Walk {
        folder,
        checkpoint: &checkpoint,
        since: since.as_ref(),
        edge: Edge::new(),
    };
    walk.run()?;
    let beside = look_around(folder, checkpoint.size())?;
    Ok(Whole {
        since: since.map(|since| since.size()),
        checkpoint,
        key,
        beside,
    })
}

/// The folder's own key must be one of those given, to the last byte. It may be missing.
fn check_vkey(folder: &Folder, keys: &[VerifierKey]) -> Result<(), Flaw> {
    match folder.vkey() {
        Ok(text) if keys.iter().any(|key| format!("{key}\n") == text) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => Err(Flaw::Vkey),
    }
}

fn earlier(note: &[u8], keys: &[VerifierKey], now: &Checkpoint) -> Result<Checkpoint, Flaw> {
    let (since, _) = head(note, keys).map_err(Flaw::Since)?;
    if since.origin() != now.origin() {
        return Err(Flaw::OtherLog(since.origin().to_owned()));
    }
    if since.size() > now.size() {
        return Err(Flaw::Shorter {
            size: now.size(),
            since: since.size(),
        });
    }
    Ok(since)
}

/// From the first entry to the last.
struct Walk<'a> {
    folder: &'a Folder,
    checkpoint: &'a Checkpoint,
    since: Option<&'a Checkpoint>,
    /// Of the entries so far.
    edge: Edge,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Flaw> {
        self.compare_since()?;
        let size = self.checkpoint.size();
        for index in 0.. {
            let Some(tile) = Tile::at(Kind::Entries, index, size) else {
                break;
            };
            self.bundle(tile)?;
        }
        for (tile, hashes) in self.edge.partials() {
            self.compare(tile, hashes)?;
        }
        if self.edge.root() == self.checkpoint.root() {
            Ok(())
        } else {
            let since = self.since.map_or(0, Checkpoint::size);
            Err(Flaw::Root { since })
        }
    }

    fn bundle(&mut self, tile: Tile) -> Result<(), Flaw> {
        let found = self.read(tile, Folder::tile)?;
        let stored = self.stored(lowest(tile))?;
        let mut entries = bundle::entries(&found.bytes);
        for (place, hash) in stored.iter().enumerate() {
            let entry = entries.next().and_then(Result::ok);
            let leaf = entry.map(Hash::of_leaf);
            if leaf != Some(*hash) {
                return Err(self.blame(tile, &stored, &found.bytes, place));
            }
            check_entry(entry.unwrap_or_default(), self.edge.size(), self.checkpoint)?;
            self.append(*hash)?;
        }
        if found.is_own && entries.next().is_some() {
            return Err(Flaw::Longer(tile));
        }
        Ok(())
    }

    fn append(&mut self, leaf: Hash) -> Result<(), Flaw> {
        let mut full = Vec::new();
        self.edge
            .append(leaf, |tile, hashes| full.push((tile, hashes)));
        for (tile, hashes) in full {
            if tile.kind != Kind::Hashes(0) {
                self.compare(tile, &hashes)?;
            }
        }
        self.compare_since()
    }

    fn compare_since(&self) -> Result<(), Flaw> {
        match self.since {
            Some(since) if since.size() == self.edge.size() && since.root() != self.edge.root() => {
                // An empty tree has one root, and its checkpoint is signed: not by this log.
                Err(Flaw::Rewritten(since.size().max(1)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A tile's file against the hashes that the entries give.
    fn compare(&self, tile: Tile, hashes: &[Hash]) -> Result<(), Flaw> {
        let stored = self.stored(tile)?;
        let differ = stored.iter().zip(hashes).position(|(a, b)| a != b);
        match differ {
            Some(hash) => Err(Flaw::Node { tile, hash }),
            None => Ok(()),
        }
    }

    fn stored(&self, tile: Tile) -> Result<Vec<Hash>, Flaw> {
        let hashes = self.read(tile, Folder::hashes)?;
        hashes.ok_or(Flaw::Length(tile))
    }

    fn read<T>(&self, tile: Tile, read: fn(&Folder, Tile) -> io::Result<T>) -> Result<T, Flaw> {
        read(self.folder, tile).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Flaw::Missing {
                entry: self.edge.size(),
                tile,
            },
            _ => Flaw::Unreadable(tile.path(), error),
        })
    }

    /// An entry and its hash differ. What is above both says which of them is the true one.
    fn blame(&self, tile: Tile, stored: &[Hash], bundle: &[u8], place: usize) -> Flaw {
        let entry = tile.index * 256 + place as u64;
        let entries: Vec<_> = bundle::entries(bundle).collect();
        if self.is_true(tile, stored) {
            return match entries.get(place) {
                Some(Ok(_)) => Flaw::Changed { entry, tile },
                Some(Err(_)) | None => Flaw::Torn { entry, tile },
            };
        }
        let leaves = entries.into_iter().map(|entry| entry.map(Hash::of_leaf));
        let leaves: Option<Vec<_>> = leaves.map(Result::ok).collect();
        let tile = lowest(tile);
        match leaves {
            Some(leaves) if self.is_true(tile, &leaves) => Flaw::Hash { entry, tile },
            Some(_) | None => Flaw::Apart { entry, tile },
        }
    }

    /// Whether these are the hashes of a tile, by the tile above it or the checkpoint.
    fn is_true(&self, tile: Tile, leaves: &[Hash]) -> bool {
        if leaves.len() != usize::from(tile.width) {
            return false;
        }
        let above = Tile::at(Kind::Hashes(1), tile.index / 256, self.checkpoint.size());
        match above {
            Some(above) if tile.is_full() => {
                let place = usize::try_from(tile.index % 256).ok();
                let above = self.folder.hashes(above).ok().flatten();
                let said = place.and_then(|place| above?.get(place).copied());
                said == Some(root_of(Edge::new(), leaves))
            }
            Some(_) | None => root_of(self.edge_before(tile), leaves) == self.checkpoint.root(),
        }
    }

    /// The edge at the tile's beginning.
    fn edge_before(&self, tile: Tile) -> Edge {
        let start = tile.index * 256;
        let resumed = Edge::resume(start, |tile| {
            let partials = self.edge.partials();
            let here = partials.into_iter().find(|(t, _)| t.kind == tile.kind);
            Ok::<_, ()>(here.map_or(Vec::new(), |(_, hashes)| hashes.to_vec()))
        });
        resumed.ok().flatten().unwrap_or_default()
    }
}

fn root_of(mut edge: Edge, leaves: &[Hash]) -> Hash {
    for leaf in leaves {
        edge.append(*leaf, |_, _| {});
    }
    edge.root()
}

/// The tile of a bundle's hashes.
const fn lowest(bundle: Tile) -> Tile {
    Tile {
        kind: Kind::Hashes(0),
        ..bundle
    }
}

/// An entry must say where it stands, and of which gateway it is.
fn check_entry(entry: &[u8], index: u64, log: &Checkpoint) -> Result<(), Flaw> {
    let value: Value = serde_json::from_slice(entry).map_err(|_| Flaw::NotJson(index))?;
    if value["index"].as_u64() != Some(index) {
        return Err(Flaw::Misplaced {
            entry: index,
            says: value["index"].to_string(),
        });
    }
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    if format!("domicile/{}/{}", text("region"), text("gateway")) == log.origin() {
        Ok(())
    } else {
        Err(Flaw::Foreign(index))
    }
}

/// Files that the walk has not read: partial tiles of earlier checkpoints, which must begin like
/// the newer ones, and whatever is not of the log.
fn look_around(folder: &Folder, size: u64) -> Result<Vec<String>, Flaw> {
    let names = folder.names();
    let names = names.map_err(|error| Flaw::Unreadable("the folder".to_owned(), error))?;
    let mut beside = Vec::new();
    for name in names {
        if name == CHECKPOINT || name == VKEY {
            continue;
        }
        let tile = Tile::parse(&name);
        let newest = tile.and_then(|tile| Tile::at(tile.kind, tile.index, size));
        match (tile, newest) {
            (Some(tile), Some(newest)) if tile.width < newest.width => {
                compare_earlier(folder, tile, newest)?;
            }
            (Some(tile), Some(newest)) if tile == newest => {}
            _ => beside.push(name),
        }
    }
    Ok(beside)
}

fn compare_earlier(folder: &Folder, old: Tile, new: Tile) -> Result<(), Flaw> {
    let read = |tile: Tile| {
        let found = folder.tile(tile);
        found.map_err(|error| Flaw::Unreadable(tile.path(), error))
    };
    let (old_file, new_bytes) = (read(old)?, read(new)?.bytes);
    if !old_file.is_own {
        // It has gone away meanwhile: the log is in use.
        return Ok(());
    }
    let length = match old.kind {
        Kind::Hashes(_) => usize::from(old.width) * Hash::SIZE,
        Kind::Entries => {
            let entries = bundle::entries(&new_bytes).take(usize::from(old.width));
            entries
                .filter_map(Result::ok)
                .map(|entry| 2 + entry.len())
                .sum()
        }
    };
    if new_bytes.get(..length) == Some(&old_file.bytes) {
        Ok(())
    } else {
        Err(Flaw::Earlier { old, new })
    }
}

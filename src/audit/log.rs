//! The log's writing side: entries, hashes and the checkpoint, in this order.
//!
//! A checkpoint is the only thing that counts. What it speaks of is on disk before it is: bundles
//! of entries and full tiles are written as new files and synced, then the checkpoint takes the
//! place of the one before. After a crash the log is what the last checkpoint says; what else lies
//! there was never acknowledged ([`super::open`]).

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog::{Checkpoint, Edge, Hash, Kind, Signer, Tile, bundle};

use super::fresh::{Fresh, remove, remove_if_empty, sync_folder};
use super::head::{Head, Published};

/// The newest checkpoint's file.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// The file of the key that verifies it.
pub(super) const VKEY: &str = "vkey";

/// Earlier checkpoints whose partial tiles stay, for whoever has just read one of them.
pub(super) const KEPT: usize = 16;

/// The log of one gateway. One process has it.
pub(super) struct Log {
    pub(super) dir: PathBuf,
    /// Held as long as the log is open.
    pub(super) _lock: File,
    pub(super) signer: Signer,
    pub(super) published: Published,
    pub(super) state: State,
    /// The partial tiles of the newest checkpoints, oldest first.
    pub(super) partials: VecDeque<Vec<Tile>>,
}

/// What the next entry is added to.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub edge: Edge,
    /// The entries of the last bundle, while it is partial.
    pub bundle: Vec<u8>,
}

impl Log {
    /// The index that the next entry gets.
    pub const fn next_index(&self) -> u64 {
        self.state.edge.size()
    }

    pub fn published(&self) -> Published {
        self.published.clone()
    }

    /// Appends entries, and publishes a checkpoint that speaks of them: all of them, or none.
    /// `now` is in unix seconds.
    pub fn append(&mut self, entries: &[Vec<u8>], now: u64) -> io::Result<()> {
        let dir = self.dir.clone();
        let mut fresh = Fresh::below(&dir);
        let mut state = self.state.clone();
        for entry in entries {
            state.add(entry, &mut fresh)?;
        }
        let there = self.partials.back().map_or(&[][..], Vec::as_slice);
        let partials = state.write_partials(there, &mut fresh)?;
        let note = signed(&self.signer, &state.edge)?;
        let draft = fresh.write_draft(CHECKPOINT, note.as_bytes())?;
        // The first round of syncs; the second is that of the folder, below.
        fresh.sync()?;
        fs::rename(draft, dir.join(CHECKPOINT))?;
        fresh.keep();
        self.state = state;
        self.retire(partials);
        // The checkpoint is there, but perhaps not after a loss of power: nobody is told before it surely is.
        sync_folder(&dir)?;
        self.publish(note, now);
        Ok(())
    }

    /// Lets readers know of the checkpoint. `now` is in unix seconds.
    pub(super) fn publish(&self, note: String, now: u64) {
        self.published.move_to(Head {
            size: self.state.edge.size(),
            note: Arc::from(note),
            time: now,
        });
    }

    /// Removes partial tiles that no checkpoint of the newest has.
    fn retire(&mut self, newest: Vec<Tile>) {
        self.partials.push_back(newest);
        while self.partials.len() > KEPT + 1 {
            let Some(oldest) = self.partials.pop_front() else {
                return;
            };
            let next = self.partials.front();
            let gone = oldest
                .iter()
                .filter(|tile| next.is_none_or(|n| !n.contains(tile)));
            for tile in gone {
                remove_partial(&self.dir, tile);
            }
        }
    }
}

impl State {
    /// Adds an entry. A bundle or tile that it fills is written.
    fn add(&mut self, entry: &[u8], fresh: &mut Fresh<'_>) -> io::Result<()> {
        let added = bundle::append(&mut self.bundle, entry);
        added.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut full = Vec::new();
        let leaf = Hash::of_leaf(entry);
        self.edge
            .append(leaf, |tile, hashes| full.push((tile, hashes)));
        for (tile, hashes) in full {
            if tile.kind == Kind::Hashes(0) {
                let kind = Kind::Entries;
                fresh.write(&Tile { kind, ..tile }.path(), &self.bundle)?;
                self.bundle.clear();
            }
            fresh.write(&tile.path(), &Hash::join(&hashes))?;
        }
        Ok(())
    }

    /// Writes the partial bundle and tiles that are not there yet, and says which they are.
    fn write_partials(&self, there: &[Tile], fresh: &mut Fresh<'_>) -> io::Result<Vec<Tile>> {
        let mut written = Vec::new();
        if let Some(tile) = Tile::partial(Kind::Entries, self.edge.size()) {
            fresh.write(&tile.path(), &self.bundle)?;
            written.push(tile);
        }
        for (tile, hashes) in self.edge.partials() {
            written.push(tile);
            if there.contains(&tile) {
                continue;
            }
            let bytes = Hash::join(hashes);
            // The lowest one follows from the entries, and is made again from them if it is lost.
            if tile.kind == Kind::Hashes(0) {
                fresh.write_unsynced(&tile.path(), &bytes)?;
            } else {
                fresh.write(&tile.path(), &bytes)?;
            }
        }
        Ok(written)
    }
}

/// The checkpoint of a tree, as a signed note. The key's name is the log's origin.
pub(super) fn signed(signer: &Signer, edge: &Edge) -> io::Result<String> {
    let key = signer.verifier_key();
    let head = Checkpoint::new(key.name(), edge.size(), edge.root()).map_err(io::Error::other)?;
    signer.sign(&head.to_string()).map_err(io::Error::other)
}

/// Removes a partial tile, and its folder when it was the last one there.
fn remove_partial(dir: &Path, tile: &Tile) {
    let path = dir.join(tile.path());
    remove(&path);
    if let Some(folder) = path.parent() {
        remove_if_empty(folder);
    }
}

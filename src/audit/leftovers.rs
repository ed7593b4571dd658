//! What a crash leaves beside a log: files that no checkpoint speaks of.
//!
//! Entries in them were never acknowledged. They are set aside, not taken in: whoever can write
//! into the folder could have put them there, and the gateway would sign them.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tlog::{Hash, Kind, TILE_WIDTH, Tile};

use super::fresh::{Fresh, draft, remove, remove_if_empty, sync_folder};
use super::log::{CHECKPOINT, KEPT, State, VKEY};

/// Puts the folder into the state of its checkpoint, and gives the checkpoint's partial tiles.
pub(super) fn clear(dir: &Path, state: &State) -> io::Result<Vec<Tile>> {
    for name in [CHECKPOINT, VKEY] {
        remove(&draft(&dir.join(name)));
    }
    let size = state.edge.size();
    let mut current = Vec::new();
    for kind in kinds(size) {
        clear_kind(dir, Place::of(kind, size))?;
        current.extend(Tile::partial(kind, size));
    }
    mend_lowest(dir, state)?;
    Ok(current)
}

/// Entries, and the levels that a tree of this size has or gets with the next batch.
fn kinds(size: u64) -> impl Iterator<Item = Kind> {
    let levels = 0..=LEVELS;
    let there = move |level: &u8| Tile::at(Kind::Hashes(*level), 0, size).is_some();
    let highest = levels.clone().filter(there).max().unwrap_or(0);
    let levels = levels.take_while(move |level| *level <= highest + 2);
    std::iter::once(Kind::Entries).chain(levels.map(Kind::Hashes))
}

/// A u64 of entries has eight levels of tiles.
const LEVELS: u8 = 7;

/// Where the last tile of a kind is, or will be, and how wide it is: 0 if it is not there.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    index: u64,
    width: u16,
}

impl Place {
    fn of(kind: Kind, size: u64) -> Self {
        let level = match kind {
            Kind::Entries => 0,
            Kind::Hashes(level) => level,
        };
        let index = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        let partial = Tile::partial(kind, size);
        let width = partial.map_or(0, |tile| tile.width);
        Self { kind, index, width }
    }

    fn tile(&self, index: u64) -> Tile {
        Tile {
            kind: self.kind,
            index,
            width: TILE_WIDTH,
        }
    }
}

/// Removes partial tiles of earlier checkpoints, which the log was not closed to remove, and what
/// is beyond the last tile.
fn clear_kind(dir: &Path, last: Place) -> io::Result<()> {
    let oldest = last.index.saturating_sub(KEPT as u64 + 1);
    for index in oldest..=last.index.saturating_add(1) {
        let full = last.tile(index);
        for tile in partials(dir, full)? {
            match (index, tile.width).cmp(&(last.index, last.width)) {
                Ordering::Less => remove(&dir.join(tile.path())),
                Ordering::Equal => {}
                Ordering::Greater => unpublished(dir, tile)?,
            }
        }
        remove_if_empty(&partial_folder(dir, full));
        if index >= last.index && dir.join(full.path()).exists() {
            unpublished(dir, full)?;
        }
    }
    Ok(())
}

/// The partial tiles of this index that have files.
fn partials(dir: &Path, tile: Tile) -> io::Result<Vec<Tile>> {
    let folder = match fs::read_dir(partial_folder(dir, tile)) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut tiles = Vec::new();
    for file in folder {
        let name = file?.file_name();
        let width = name.to_str().and_then(|name| name.parse().ok());
        let width = width.filter(|width| (1..TILE_WIDTH).contains(width));
        tiles.extend(width.map(|width| Tile { width, ..tile }));
    }
    Ok(tiles)
}

fn partial_folder(dir: &Path, tile: Tile) -> PathBuf {
    dir.join(format!("{}.p", tile.path()))
}

/// Hashes follow from entries; entries are kept for whoever wants to know what did not happen.
fn unpublished(dir: &Path, tile: Tile) -> io::Result<()> {
    let path = dir.join(tile.path());
    if tile.kind != Kind::Entries {
        remove(&path);
        return Ok(());
    }
    let beside = dir.with_added_extension("torn");
    fs::create_dir_all(&beside)?;
    let name = tile.path().replace('/', "-");
    let free = (0_u32..).map(|n| beside.join(format!("{name}-{n}")));
    let Some(aside) = free.into_iter().find(|place| !place.exists()) else {
        return Err(io::ErrorKind::AlreadyExists.into());
    };
    fs::rename(&path, &aside)?;
    tracing::warn!(
        bundle = tile.path(),
        aside = %aside.display(),
        "the audit log's last entries were written and never published: they are set aside"
    );
    sync_folder(&beside)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// The lowest partial tile is not synced: a loss of power may have taken it.
fn mend_lowest(dir: &Path, state: &State) -> io::Result<()> {
    let mut partials = state.edge.partials();
    let lowest = partials.find(|(tile, _)| tile.kind == Kind::Hashes(0));
    let Some((tile, hashes)) = lowest else {
        return Ok(());
    };
    let bytes = Hash::join(hashes);
    let there = fs::read(dir.join(tile.path()));
    if there.is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    tracing::warn!(
        tile = tile.path(),
        "a tile of the audit log was lost or damaged: it is made again from its entries"
    );
    let mut fresh = Fresh::below(dir);
    fresh.write(&tile.path(), &bytes)?;
    fresh.sync()?;
    fresh.keep();
    Ok(())
}

//! Hashes of ranges, from hashes of perfect subtrees.

use crate::hash::Hash;
use crate::tile::{HEIGHT, Kind, TILE_WIDTH, Tile};

/// A perfect subtree: 2^`height` entries, from `index` · 2^`height` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// 0 is an entry's own hash.
    pub height: u8,
    /// From 0, among the subtrees of this height.
    pub index: u64,
}

impl Subtree {
    /// The tile that gives its hash, as it is in a tree of `size` entries. `None` if the subtree
    /// is not in the tree.
    #[must_use]
    pub fn tile(&self, size: u64) -> Option<Tile> {
        let (level, first, count) = self.place()?;
        let tile = Tile::at(Kind::Hashes(level), first / u64::from(TILE_WIDTH), size)?;
        let end = first % u64::from(TILE_WIDTH) + count;
        (end <= u64::from(tile.width)).then_some(tile)
    }

    /// Its hash from the hashes of [`Self::tile`]. `None` if the tile is too short.
    #[must_use]
    pub fn hash_in(&self, tile: &[Hash]) -> Option<Hash> {
        let (_, first, count) = self.place()?;
        let start = usize::try_from(first % u64::from(TILE_WIDTH)).ok()?;
        let end = start.checked_add(usize::try_from(count).ok()?)?;
        perfect_root(tile.get(start..end)?)
    }

    /// The level of its tile, and which hashes of that level it is made of: the first and how many.
    fn place(&self) -> Option<(u8, u64, u64)> {
        let level = u32::from(self.height) / HEIGHT;
        let count = 1_u64 << (u32::from(self.height) % HEIGHT);
        let first = self.index.checked_mul(count)?;
        Some((u8::try_from(level).ok()?, first, count))
    }
}

/// The root of a tree of `size` entries.
///
/// # Errors
/// When `hash_of` fails.
pub fn tree_root<E>(
    size: u64,
    mut hash_of: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Hash, E> {
    range_hash(0, size, &mut hash_of)
}

/// MTH of the entries from `start` to before `end`. `start` must be a multiple of the largest
/// power of two that is not above `end - start`, as it is for every node of a tree.
pub(crate) fn range_hash<E>(
    start: u64,
    end: u64,
    hash_of: &mut impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut subtrees = perfect_subtrees(start, end);
    let Some(last) = subtrees.pop() else {
        return Ok(Hash::of_empty_tree());
    };
    let mut hash = hash_of(last)?;
    while let Some(subtree) = subtrees.pop() {
        hash = Hash::of_node(&hash_of(subtree)?, &hash);
    }
    Ok(hash)
}

/// The perfect subtrees of a range, from the left: one for each bit of its length.
fn perfect_subtrees(start: u64, end: u64) -> Vec<Subtree> {
    let (mut at, mut subtrees) = (start, Vec::new());
    while at < end {
        let height = (end - at).ilog2();
        subtrees.push(Subtree {
            // The logarithm of a u64 is at most 63.
            height: u8::try_from(height).unwrap_or(u8::MAX),
            index: at >> height,
        });
        at += 1 << height;
    }
    subtrees
}

/// The root over 1, 2, 4, 8, … hashes; `None` for another number of them.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let (pairs, _) = row.as_chunks::<2>();
        row = pairs.iter().map(|[l, r]| Hash::of_node(l, r)).collect();
    }
    row.first().copied()
}

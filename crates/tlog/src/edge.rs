//! The right side of a growing tree.

use crate::hash::Hash;
use crate::subtree::perfect_root;
use crate::tile::{Kind, TILE_WIDTH, Tile};

/// All that is needed to append to a tree and to know its root: the partial tile of each level.
/// At most 255 hashes for each power of 256 that the size has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Of the level's partial tile; empty if the level's tiles are all full.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            levels: Vec::new(),
        }
    }

    /// The edge of a tree of `size` entries, from its partial tiles. `Ok(None)` when `read` gives
    /// other than the tile's width.
    ///
    /// # Errors
    /// When `read` fails.
    pub fn resume<E>(
        size: u64,
        mut read: impl FnMut(Tile) -> Result<Vec<Hash>, E>,
    ) -> Result<Option<Self>, E> {
        let mut levels = Vec::new();
        let mut level = 0;
        while Tile::at(Kind::Hashes(level), 0, size).is_some() {
            let hashes = match Tile::partial(Kind::Hashes(level), size) {
                Some(tile) => {
                    let hashes = read(tile)?;
                    if hashes.len() != usize::from(tile.width) {
                        return Ok(None);
                    }
                    hashes
                }
                None => Vec::new(),
            };
            levels.push(hashes);
            level += 1;
        }
        Ok(Some(Self { size, levels }))
    }

    /// How many entries the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry by its hash ([`Hash::of_leaf`]). Each tile that becomes full by it goes to
    /// `full`, lowest level first.
    pub fn append(&mut self, leaf: Hash, mut full: impl FnMut(Tile, Vec<Hash>)) {
        self.size += 1;
        let (mut level, mut hash) = (0, leaf);
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let hashes = std::mem::take(hashes);
            // 256 hashes have a root.
            let Some(root) = perfect_root(&hashes) else {
                return;
            };
            full(self.last_full(level), hashes);
            hash = root;
            level += 1;
        }
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                // From the right: the smallest perfect subtree, whose size is the lowest bit.
                let width = 1 << rest.len().trailing_zeros();
                let (before, last) = rest.split_at(rest.len() - width);
                rest = before;
                let last = perfect_root(last);
                root = match (last, root) {
                    (Some(left), Some(right)) => Some(Hash::of_node(&left, &right)),
                    (last, root) => root.or(last),
                };
            }
        }
        root.unwrap_or_else(Hash::of_empty_tree)
    }

    /// The tree's partial tiles, lowest level first.
    pub fn partials(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        let levels = (0..).zip(&self.levels);
        levels.filter_map(|(level, hashes)| {
            let tile = Tile::partial(Kind::Hashes(level), self.size)?;
            Some((tile, hashes.as_slice()))
        })
    }

    /// The level's tile that has just become full.
    fn last_full(&self, level: usize) -> Tile {
        // A u64 has eight levels of 256.
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let there = self.size >> (crate::tile::HEIGHT * u32::from(level));
        Tile {
            kind: Kind::Hashes(level),
            index: (there / u64::from(TILE_WIDTH)).saturating_sub(1),
            width: TILE_WIDTH,
        }
    }
}

//! Trees of every size around the tiles' borders, from tiles and from the definition.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog::{
    Edge, Hash, Kind, Subtree, Tile, consistency_proof, inclusion_proof, tree_root,
    verify_consistency, verify_inclusion,
};

use crate::naive;

/// A log in memory: its edge, and the tiles that have become full.
#[derive(Default)]
struct Tiles {
    edge: Edge,
    full: BTreeMap<Tile, Vec<Hash>>,
}

impl Tiles {
    fn of(entries: &[Vec<u8>]) -> Self {
        let mut this = Self::default();
        for entry in entries {
            let full = &mut this.full;
            this.edge.append(Hash::of_leaf(entry), |tile, hashes| {
                assert!(full.insert(tile, hashes).is_none(), "{tile:?} twice");
            });
        }
        this
    }

    fn read(&self, tile: Tile) -> Vec<Hash> {
        if tile.is_full() {
            return self.full[&tile].clone();
        }
        let mut partials = self.edge.partials();
        let (_, hashes) = partials.find(|(partial, _)| *partial == tile).unwrap();
        hashes.to_vec()
    }

    fn hash(&self, subtree: Subtree) -> Result<Hash, ()> {
        let tile = subtree.tile(self.edge.size()).ok_or(())?;
        subtree.hash_in(&self.read(tile)).ok_or(())
    }
}

const SIZES: [usize; 14] = [
    0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 65_536, 66_000,
];

#[test]
fn edges_and_tiles_have_the_root_of_the_definition() {
    for size in SIZES {
        let entries = naive::entries(size);
        let tiles = Tiles::of(&entries);
        let root = naive::root(&entries);
        assert_eq!(tiles.edge.root(), root, "{size}");
        let size = u64::try_from(size).unwrap();
        assert_eq!(tree_root(size, |at| tiles.hash(at)), Ok(root), "{size}");
        let resumed = Edge::resume(size, |tile| Ok::<_, ()>(tiles.read(tile)));
        assert_eq!(resumed, Ok(Some(tiles.edge)), "{size}");
    }
}

#[test]
fn an_edge_is_not_resumed_from_tiles_of_another_width() {
    let tiles = Tiles::of(&naive::entries(300));
    let short = |tile: Tile| {
        let mut hashes = tiles.read(tile);
        hashes.pop();
        Ok::<_, ()>(hashes)
    };
    assert_eq!(Edge::resume(300, short), Ok(None));
    assert_eq!(Edge::resume(300, |_| Err(7)), Err(7));
}

#[test]
fn the_tiles_of_a_tree_are_as_in_the_specification() {
    let size = 70_000;
    let count = |level| {
        let tiles = (0..).map_while(|index| Tile::at(Kind::Hashes(level), index, size));
        let (full, partial): (Vec<_>, Vec<_>) = tiles.partition(Tile::is_full);
        (full.len(), partial.iter().map(|t| t.width).collect())
    };
    assert_eq!(count(0), (273, vec![112]));
    assert_eq!(count(1), (1, vec![17]));
    assert_eq!(count(2), (0, vec![1]));
    assert_eq!(count(3), (0, vec![]));
    assert_eq!(Tile::partial(Kind::Hashes(0), 256), None);
    assert_eq!(Tile::partial(Kind::Hashes(1), 256).unwrap().width, 1);
}

proptest! {
    #[test]
    fn inclusion_proofs_are_the_definitions_and_verify(
        size in 1..600_usize,
        index in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let entries = naive::entries(size);
        let tiles = Tiles::of(&entries);
        let index = index.index(size);
        let (at, whole) = (u64::try_from(index).unwrap(), u64::try_from(size).unwrap());
        let proof = inclusion_proof(at, whole, |t| tiles.hash(t)).unwrap().unwrap();
        prop_assert_eq!(&proof, &naive::path(index, &entries));
        let (leaf, root) = (Hash::of_leaf(&entries[index]), naive::root(&entries));
        prop_assert!(verify_inclusion(at, whole, leaf, &proof, root));
        // Nothing else verifies: another place, size, entry, root, a changed or longer proof.
        let elsewhere = u64::try_from(other.index(size + 3)).unwrap();
        prop_assert!(elsewhere == at || !verify_inclusion(elsewhere, whole, leaf, &proof, root));
        prop_assert!(!verify_inclusion(at, whole, Hash::of_leaf(b"other"), &proof, root));
        prop_assert!(!verify_inclusion(at, whole, leaf, &proof, Hash::of_leaf(b"other")));
        prop_assert!(!verify_inclusion(at, whole, leaf, &[&proof[..], &[root]].concat(), root));
        if !proof.is_empty() {
            prop_assert!(!verify_inclusion(at, whole, leaf, &proof[1..], root));
            let mut changed = proof.clone();
            flip.get_mut(&mut changed).0[7] ^= 1;
            prop_assert!(!verify_inclusion(at, whole, leaf, &changed, root));
        }
    }

    #[test]
    fn consistency_proofs_are_the_definitions_and_verify(
        new in 1..600_usize,
        old in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let entries = naive::entries(new);
        let tiles = Tiles::of(&entries);
        let old = old.index(new + 1);
        let (old_root, new_root) = (naive::root(&entries[..old]), naive::root(&entries));
        let (from, to) = (u64::try_from(old).unwrap(), u64::try_from(new).unwrap());
        let proof = consistency_proof(from, to, |t| tiles.hash(t)).unwrap().unwrap();
        if old > 0 && old < new {
            prop_assert_eq!(&proof, &naive::proof(old, &entries));
        } else {
            prop_assert!(proof.is_empty());
        }
        let (from, to) = ((from, old_root), (to, new_root));
        prop_assert!(verify_consistency(from, to, &proof));
        let other = Hash::of_leaf(b"other");
        prop_assert!(!verify_consistency((from.0, other), to, &proof));
        prop_assert!(old == 0 || !verify_consistency(from, (to.0, other), &proof));
        prop_assert!(!verify_consistency((to.0 + 1, new_root), to, &proof));
        prop_assert!(!verify_consistency(from, to, &[&proof[..], &[other]].concat()));
        if !proof.is_empty() {
            prop_assert!(!verify_consistency(from, to, &proof[1..]));
            let mut changed = proof.clone();
            flip.get_mut(&mut changed).0[7] ^= 1;
            prop_assert!(!verify_consistency(from, to, &changed));
        }
    }
}

#[test]
fn what_is_not_in_a_tree_has_no_proof() {
    let tiles = Tiles::of(&naive::entries(5));
    assert_eq!(inclusion_proof(5, 5, |t| tiles.hash(t)), Ok(None));
    assert_eq!(consistency_proof(6, 5, |t| tiles.hash(t)), Ok(None));
    assert!(!verify_inclusion(
        0,
        0,
        Hash::of_leaf(b""),
        &[],
        Hash::of_leaf(b"")
    ));
    let beyond = Subtree {
        height: 2,
        index: 1,
    };
    assert_eq!(beyond.tile(5), None);
}

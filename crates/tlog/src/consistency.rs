//! That a tree is the beginning of a larger one.

use crate::hash::Hash;
use crate::inclusion::split;
use crate::subtree::{Subtree, range_hash};

/// The proof that the tree of `old` entries is the beginning of the one of `new`: PROOF of RFC
/// 6962, section 2.1.2. Empty when there is nothing to prove: `old` is 0, or both are equal.
/// `Ok(None)` when `old` is larger.
///
/// # Errors
/// When `hash_of` fails.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut hash_of: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    // SUBPROOF from the root down: `old` lies between `start` and `end`.
    let (mut start, mut end, mut proof) = (0, new, Vec::new());
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range_hash(middle, end, &mut hash_of)?);
            end = middle;
        } else {
            proof.push(range_hash(start, middle, &mut hash_of)?);
            start = middle;
        }
    }
    // The old tree itself is known to whoever verifies; a part of it is not.
    if start > 0 {
        proof.push(range_hash(start, end, &mut hash_of)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// Whether the proof shows that the tree of `old` entries with `old_root` is the beginning of the
/// one of `new` entries with `new_root` (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn verify_consistency(
    (old, old_root): (u64, Hash),
    (new, new_root): (u64, Hash),
    proof: &[Hash],
) -> bool {
    if old == 0 || old >= new {
        let trivial =
            (old == 0 && old_root == Hash::of_empty_tree()) || (old == new && old_root == new_root);
        return old <= new && trivial && proof.is_empty();
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut proof = proof.iter();
    // A perfect old tree is where the path starts, and is not repeated in the proof.
    let first = if old.is_power_of_two() {
        Some(old_root)
    } else {
        proof.next().copied()
    };
    let Some(first) = first else {
        return false;
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = Hash::of_node(sibling, &old_hash);
            new_hash = Hash::of_node(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = Hash::of_node(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

//! That an entry is in a tree.

use crate::hash::Hash;
use crate::subtree::{Subtree, range_hash};

/// The proof that the entry `index` is in the tree of `size` entries: PATH of RFC 6962, section
/// 2.1.1, from the entry's neighbour up. `Ok(None)` when there is no such entry.
///
/// # Errors
/// When `hash_of` fails.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut hash_of: impl FnMut(Subtree) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    // From the root down; the proof goes up.
    let (mut start, mut end, mut proof) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        let sibling = if index < middle {
            let right = (middle, end);
            end = middle;
            right
        } else {
            let left = (start, middle);
            start = middle;
            left
        };
        proof.push(range_hash(sibling.0, sibling.1, &mut hash_of)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// Whether the proof shows that the entry with the hash `leaf` is at `index` in the tree of `size`
/// entries with this `root` (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = Hash::of_node(sibling, &hash);
            // Without a right neighbour it rises unchanged until it is one itself.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::of_node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// The largest power of two below `count`, which is at least 2.
pub(crate) const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

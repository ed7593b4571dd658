//! RFC 6962, section 2.1, word for word: slow, and recursive over the entries themselves.

use tlog::{Hash, Subtree};

/// MTH.
pub fn root(entries: &[Vec<u8>]) -> Hash {
    match entries {
        [] => Hash::of_empty_tree(),
        [entry] => Hash::of_leaf(entry),
        _ => {
            let (left, right) = entries.split_at(split(entries.len()));
            Hash::of_node(&root(left), &root(right))
        }
    }
}

/// PATH.
pub fn path(index: usize, entries: &[Vec<u8>]) -> Vec<Hash> {
    if entries.len() == 1 {
        return Vec::new();
    }
    let k = split(entries.len());
    let (left, right) = entries.split_at(k);
    let (mut proof, sibling) = if index < k {
        (path(index, left), root(right))
    } else {
        (path(index - k, right), root(left))
    };
    proof.push(sibling);
    proof
}

/// PROOF, for `0 < old < entries.len()`.
pub fn proof(old: usize, entries: &[Vec<u8>]) -> Vec<Hash> {
    subproof(old, entries, true)
}

fn subproof(old: usize, entries: &[Vec<u8>], is_known: bool) -> Vec<Hash> {
    if old == entries.len() {
        return if is_known {
            Vec::new()
        } else {
            vec![root(entries)]
        };
    }
    let k = split(entries.len());
    let (left, right) = entries.split_at(k);
    let (mut proof, sibling) = if old <= k {
        (subproof(old, left, is_known), root(right))
    } else {
        (subproof(old - k, right, false), root(left))
    };
    proof.push(sibling);
    proof
}

/// A subtree's hash from the entries.
pub fn subtree(entries: &[Vec<u8>], subtree: Subtree) -> Hash {
    let width = 1 << subtree.height;
    let start = usize::try_from(subtree.index).unwrap() * width;
    root(&entries[start..start + width])
}

/// Entries that differ, some of them empty or alike in their beginnings.
pub fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| n.to_le_bytes()[..n % 5].repeat(n % 3 + 1))
        .collect()
}

fn split(count: usize) -> usize {
    let mut k = 1;
    while k * 2 < count {
        k *= 2;
    }
    k
}

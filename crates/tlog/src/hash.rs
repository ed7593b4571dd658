//! Hashes of leaves and nodes.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A SHA-256 hash of a leaf, a node or a whole tree (RFC 6962, section 2.1). Shown as base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; Hash::SIZE]);

impl Hash {
    /// Bytes of a hash.
    pub const SIZE: usize = 32;

    /// The hash of an entry: `SHA-256(0x00 ‖ entry)`.
    #[must_use]
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self::of_parts(&[&[LEAF], entry])
    }

    /// The hash of a node over two others: `SHA-256(0x01 ‖ left ‖ right)`.
    #[must_use]
    pub fn of_node(left: &Self, right: &Self) -> Self {
        Self::of_parts(&[&[NODE], &left.0, &right.0])
    }

    /// The root of a tree without entries: the hash of nothing.
    #[must_use]
    pub fn of_empty_tree() -> Self {
        Self::taken(digest(&SHA256, &[]).as_ref())
    }

    /// Reads 44 characters of base64; no other spelling of the same hash is taken.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Splits the bytes of a tile into its hashes; `None` if they don't divide.
    #[must_use]
    pub fn split(bytes: &[u8]) -> Option<Vec<Self>> {
        let (hashes, rest) = bytes.as_chunks::<{ Self::SIZE }>();
        rest.is_empty()
            .then(|| hashes.iter().map(|hash| Self(*hash)).collect())
    }

    /// The bytes of a tile of these hashes.
    #[must_use]
    pub fn join(hashes: &[Self]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }

    fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::taken(context.finish().as_ref())
    }

    /// A SHA-256 digest has 32 bytes.
    fn taken(digest: &[u8]) -> Self {
        let mut hash = [0; Self::SIZE];
        hash.copy_from_slice(digest);
        Self(hash)
    }
}

const LEAF: u8 = 0;
const NODE: u8 = 1;

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

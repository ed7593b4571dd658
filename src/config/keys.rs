//! Key files: a key a line, `ID base64`, newest first, `#` comments, mode 0600 or stricter.

use std::fmt;

use zeroize::Zeroizing;

/// The keys of a file, newest first. Never empty.
#[derive(Debug)]
pub struct KeyFile<K> {
    pub keys: Vec<K>,
}

/// An AES-256 key that exists only in this region.
pub struct SealKey {
    pub id: String,
    pub key: Zeroizing<[u8; 32]>,
}

/// The seed of an Ed25519 key that signs this region's pins (RFC 8032).
pub struct PinSigningKey {
    pub id: String,
    pub seed: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({}, redacted)", self.id)
    }
}

impl fmt::Debug for PinSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinSigningKey({}, redacted)", self.id)
    }
}

//! The hashes under which the registry knows an App (SPEC 7), and the one encoding of what is
//! signed, sealed and chained.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::domain::{AppId, AppKey};

/// A SHA-256 digest. As text it is lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// SHA-256 of the parts, one after the other.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::finished(context.finish().as_ref())
    }

    /// SHA-256 of one text or file.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::finished(digest(&SHA256, bytes).as_ref())
    }

    fn finished(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(bytes);
        Self(hash)
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let lower = text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        hex::decode_to_slice(text, &mut bytes).ok()?;
        lower.then_some(Self(bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Which name of an App a pin stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinKind {
    Id,
    Key,
}

impl PinKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Key => "key",
        }
    }
}

/// The place of an App ID's pin: the same for every spelling.
pub fn id_hash(id: &AppId) -> Hash {
    Hash::of(&[b"domicile-app-id\0", id.folded().as_bytes()])
}

/// The place of an AppKey's pin and record: the same for every spelling.
pub fn key_hash(key: &AppKey) -> Hash {
    Hash::of(&[b"domicile-app-key\0", key.folded().as_bytes()])
}

/// The one spelling of a name that was registered.
pub fn exact(kind: PinKind, text: &str) -> Hash {
    Hash::of(&[
        b"domicile-exact\0",
        kind.as_str().as_bytes(),
        b"\0",
        text.as_bytes(),
    ])
}

/// What both pins of an App share.
pub fn pair(id: &AppId, key: &AppKey) -> Hash {
    Hash::of(&[
        b"domicile-pair\0",
        id.as_str().as_bytes(),
        b"\0",
        key.as_str().as_bytes(),
    ])
}

/// Each part with its length in front (u32, big-endian), so that no two lists give the same bytes.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|p| p.len() + 4).sum());
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_share_a_place_but_not_the_exact_hash() {
        let (a, b) = (
            AppKey::parse("Acme#Chat").unwrap(),
            AppKey::parse("acme#chat").unwrap(),
        );
        assert_eq!(key_hash(&a), key_hash(&b));
        assert_ne!(
            exact(PinKind::Key, a.as_str()),
            exact(PinKind::Key, b.as_str())
        );
    }

    #[test]
    fn the_place_is_the_documented_sha256() {
        let key = AppKey::parse("Acme#Chat").unwrap();
        let wanted = Hash::of_bytes(b"domicile-app-key\0acme#chat");
        assert_eq!(key_hash(&key), wanted);
        assert_eq!(Hash::parse(&wanted.to_string()), Some(wanted));
        assert_eq!(Hash::parse(&wanted.to_string().to_uppercase()), None);
    }

    #[test]
    fn framing_keeps_parts_apart() {
        assert_ne!(framed(&[b"ab", b"c"]), framed(&[b"a", b"bc"]));
        assert_eq!(framed(&[b"ab"]), [0, 0, 0, 2, b'a', b'b']);
    }
}

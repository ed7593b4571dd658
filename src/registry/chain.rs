//! The chain of a region's commits, which shows that a store was rolled back.
//!
//! The hash of a link is SHA-256 over framed parts (each with its length in front, u32
//! big-endian): `domicile-chain-v1`, region, n in decimal, the hash before in hex (empty for the
//! first link), then for each key written the key and the SHA-256 of its value in hex.

use super::names::{Hash, framed};
use super::store::{Key, Txn, Unavailable};
use crate::domain::RegionId;

/// One commit of a region. The first has n = 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub n: u64,
    pub hash: Hash,
}

impl Link {
    /// The link that `txn` adds behind `before`. Every backend stores exactly this one.
    pub fn next(before: Option<&Self>, txn: &Txn) -> Self {
        let n = before.map_or(0, |link| link.n).saturating_add(1);
        let number = n.to_string();
        let previous = before.map_or_else(String::new, |link| link.hash.to_string());
        let written: Vec<(&str, String)> = txn
            .puts()
            .iter()
            .map(|(key, value)| (key.as_str(), Hash::of_bytes(value).to_string()))
            .collect();
        let mut parts: Vec<&[u8]> = vec![
            b"domicile-chain-v1",
            txn.region().as_str().as_bytes(),
            number.as_bytes(),
            previous.as_bytes(),
        ];
        for (key, value) in &written {
            parts.push(key.as_bytes());
            parts.push(value.as_bytes());
        }
        let hash = Hash::of_bytes(&framed(&parts));
        Self { n, hash }
    }

    pub fn key(&self, region: &RegionId) -> Key {
        Key::link(region, self.n)
    }

    /// The stored value.
    pub fn value(&self) -> Vec<u8> {
        self.hash.to_string().into_bytes()
    }

    /// A link as a backend read it.
    ///
    /// # Errors
    /// When the value is no link: such a store can't be used.
    pub fn read(region: &RegionId, key: &Key, value: &[u8]) -> Result<Self, Unavailable> {
        let n = key.after(&Key::links(region)).and_then(|n| n.parse().ok());
        let hash = std::str::from_utf8(value).ok().and_then(Hash::parse);
        let (n, hash) = n.zip(hash).ok_or(Unavailable)?;
        Ok(Self { n, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::store::Place;

    fn region(name: &str) -> RegionId {
        RegionId::parse(name).unwrap()
    }

    fn txn(region: &RegionId, value: &[u8]) -> Txn {
        Txn::new(region.clone()).put(&Place::Account("a".into()), value.to_vec())
    }

    #[test]
    fn a_link_depends_on_all_that_came_before() {
        let home = region("frankfurt");
        let first = Link::next(None, &txn(&home, b"1"));
        let second = Link::next(Some(&first), &txn(&home, b"2"));
        let other_first = Link::next(None, &txn(&home, b"x"));
        let other_second = Link::next(Some(&other_first), &txn(&home, b"2"));
        assert_eq!((first.n, second.n), (1, 2));
        assert_ne!(second.hash, other_second.hash);
        assert_ne!(
            first.hash,
            Link::next(None, &txn(&region("virginia"), b"1")).hash
        );
    }

    #[test]
    fn a_link_reads_back() {
        let home = region("frankfurt");
        let link = Link::next(None, &txn(&home, b"1"));
        let read = Link::read(&home, &link.key(&home), &link.value());
        assert_eq!(read, Ok(link));
        assert_eq!(Link::read(&home, &link.key(&home), b"x"), Err(Unavailable));
    }
}

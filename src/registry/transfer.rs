//! A region's part of a store, taken out and put in as it is: for backups.
//!
//! The part is `pins/R/`, `apps/R/`, `accounts/R/`, `chain/R/`, and the key `regions`, which belongs
//! to all. What is sealed and signed in it stays so: neither side opens anything.

use std::path::PathBuf;

use futures_util::future::BoxFuture;

use super::anchor::{Anchor, AnchorError};
use super::chain::Link;
use super::names::Hash;
use super::store::{Entry, Key, Store, Unavailable};
use crate::domain::RegionId;

/// Entries of a region's part that are to be put into a store that has nothing of that region.
pub struct Import {
    pub region: RegionId,
    /// What a backend writes, in this order. An error ends it, and nothing is written.
    pub entries: Box<dyn Iterator<Item = Result<Entry, Broken>> + Send>,
}

/// The entries came to no good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entries cannot be read to their end")]
pub struct Broken;

/// Why nothing was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the store holds something of this region already")]
    NotEmpty,
    #[error("an entry is not of this region's part")]
    Foreign,
    #[error("these are more entries than this store takes at once")]
    TooLarge,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What an import does once it is asked for.
pub type Importing<'a> = BoxFuture<'a, Result<u64, ImportError>>;

/// How many entries are read at a time.
const CHUNK: usize = 1_024;

/// What the keys of a region's part start with.
pub(super) fn prefixes(region: &RegionId) -> [Key; 4] {
    ["pins", "apps", "accounts", "chain"].map(|kind| Key::from_text(&format!("{kind}/{region}/")))
}

/// Whether a key is one that a region's part can have.
pub fn is_in_part(region: &RegionId, key: &Key) -> bool {
    let [pins, apps, accounts, chain] = prefixes(region);
    let named = |prefix, fits: fn(&str) -> bool| key.after(prefix).is_some_and(fits);
    *key == Key::regions()
        || named(&pins, |name| Hash::parse(name).is_some())
        || named(&apps, |name| Hash::parse(name).is_some())
        || named(&accounts, is_account)
        || named(&chain, |n| {
            n.len() == 20 && n.bytes().all(|b| b.is_ascii_digit())
        })
}

fn is_account(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

/// A region's part of a store, a piece at a time. Nobody may write to it meanwhile.
pub struct Export<'a> {
    store: &'a dyn Store,
    prefixes: std::vec::IntoIter<Key>,
    now: Option<(Key, Option<Key>)>,
}

impl<'a> Export<'a> {
    pub fn new(store: &'a dyn Store, region: &RegionId) -> Self {
        Self {
            store,
            prefixes: Vec::from(prefixes(region)).into_iter(),
            now: None,
        }
    }

    /// The next entries; none once all were given. `regions` is not among them.
    ///
    /// # Errors
    /// When the store doesn't answer.
    pub async fn next(&mut self) -> Result<Vec<Entry>, Unavailable> {
        loop {
            let next = || self.prefixes.next().map(|prefix| (prefix, None));
            let Some((prefix, after)) = self.now.take().or_else(next) else {
                return Ok(Vec::new());
            };
            let entries = self.store.range(prefix.clone(), after, CHUNK).await?;
            if let Some((last, _)) = entries.last() {
                self.now = Some((prefix, Some(last.clone())));
                return Ok(entries);
            }
        }
    }
}

/// Whether a store has anything of a region.
///
/// # Errors
/// When it doesn't answer.
pub async fn has_part(store: &dyn Store, region: &RegionId) -> Result<bool, Unavailable> {
    Ok(!Export::new(store, region).next().await?.is_empty())
}

/// What an anchor's file says of a region. The first value is whether there is a file.
///
/// # Errors
/// When it cannot be read.
pub fn anchored(path: PathBuf, region: &RegionId) -> Result<(bool, Option<Link>), AnchorError> {
    let (anchor, existed) = Anchor::open(path)?;
    Ok((existed, anchor.newest(region)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_regions_own() {
        let home = RegionId::parse("frankfurt").unwrap();
        let hash = "0".repeat(64);
        let inside = [
            "regions".to_owned(),
            format!("pins/frankfurt/{hash}"),
            format!("apps/frankfurt/{hash}"),
            "accounts/frankfurt/owner".to_owned(),
            format!("chain/frankfurt/{:020}", 7),
        ];
        for key in inside {
            assert!(is_in_part(&home, &Key::from_text(&key)), "{key}");
        }
        let outside = [
            String::new(),
            "regions/".to_owned(),
            format!("pins/virginia/{hash}"),
            "pins/frankfurt/x".to_owned(),
            format!("apps/frankfurt/{hash}/x"),
            "accounts/frankfurt/".to_owned(),
            "accounts/frankfurt/../virginia/owner".to_owned(),
            "chain/frankfurt/7".to_owned(),
        ];
        for key in outside {
            assert!(!is_in_part(&home, &Key::from_text(&key)), "{key}");
        }
    }
}

//! Tokens that verified lately, remembered by one core until they die or their App's record changes.

use std::hash::BuildHasher;
use std::sync::Arc;

use access_token::Kind;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::domain::BearerToken;
use crate::recent::Recent;
use crate::registry::Seen;

/// A token that verified: for which App as it was then, for whom, until when.
#[derive(Debug)]
pub(super) struct Verified {
    pub seen: Arc<Seen>,
    pub kind: Kind,
    pub user_id: String,
    /// Unix seconds: the first at which it is dead.
    pub not_after: u64,
}

/// Tokens a generation, for each core.
const GENERATION: usize = 16_384;

/// Keyed by a seeded hash; the whole token is compared before an entry counts.
pub(super) struct VerifiedTokens {
    recent: Mutex<Recent<u64, Arc<Entry>>>,
    hasher: RandomState,
}

struct Entry {
    token: Box<[u8]>,
    verified: Arc<Verified>,
}

impl VerifiedTokens {
    pub fn new() -> Self {
        Self {
            recent: Mutex::new(Recent::new(GENERATION)),
            hasher: RandomState::default(),
        }
    }

    /// The token's verdict, if it was for this very record and the token still lives.
    pub fn find(
        &self,
        token: BearerToken<'_>,
        seen: &Arc<Seen>,
        now: u64,
    ) -> Option<Arc<Verified>> {
        let text = token.as_bytes();
        let good = |entry: &Arc<Entry>| {
            let verified = &entry.verified;
            same(&entry.token, text)
                && Arc::ptr_eq(&verified.seen, seen)
                && now < verified.not_after
        };
        let entry = self.recent.lock().find(&self.hasher.hash_one(text), good)?;
        Some(Arc::clone(&entry.verified))
    }

    pub fn insert(&self, token: BearerToken<'_>, verified: Arc<Verified>) {
        let text = token.as_bytes();
        let entry = Entry {
            token: text.into(),
            verified,
        };
        let key = self.hasher.hash_one(text);
        self.recent.lock().insert(key, Arc::new(entry));
    }
}

/// Compares in a time that depends on the lengths alone, eight bytes at a step.
fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail = difference(a.remainder(), b.remainder());
    let lengths = a.len() == b.len() && a.remainder().len() == b.remainder().len();
    let words = a.zip(b).fold(tail, |seen, (a, b)| seen | difference(a, b));
    lengths & (words == 0)
}

fn difference(a: &[u8], b: &[u8]) -> u64 {
    word(a) ^ word(b)
}

/// Up to eight bytes as one number.
fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(whole) => u64::from_ne_bytes(*whole),
        None => bytes
            .iter()
            .fold(1, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_texts_are_the_same() {
        for text in ["", "a", "abcdefgh", "abcdefghi", "abcdefghabcdefgh"] {
            let same = |a: &str, b: &str| same(a.as_bytes(), b.as_bytes());
            assert!(same(text, text));
            assert!(!same(text, &format!("{text}x")), "{text}");
            assert!(!same(&format!("x{text}"), text), "{text}");
        }
        let long = "x".repeat(1000);
        for place in [0, 7, 8, 500, 999] {
            let mut other = long.clone().into_bytes();
            other[place] = b'y';
            assert!(!same(long.as_bytes(), &other));
        }
    }
}

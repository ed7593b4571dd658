//! Tokens that verified lately, remembered by one core until they die or their App's record changes.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use access_token::Kind;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::domain::{AppId, BearerToken};
use crate::recent::Recent;
use crate::registry::Seen;

/// A token that verified: for which App as it was then, for whom, until when.
pub(super) struct Verified {
    pub seen: Arc<Seen>,
    pub kind: Kind,
    pub user_id: String,
    /// Unix seconds: the first at which it is dead.
    pub not_after: u64,
    pub token: Box<[u8]>,
}

/// How many tokens a core remembers, whosever they are.
const TOKENS: usize = 32_768;

/// Found by a seeded hash; the whole token is compared before one counts.
pub(super) struct VerifiedTokens {
    recent: Mutex<Recent<Arc<Verified>>>,
    /// The last of each App: of more Apps than there are places above, each finds its own here.
    of_apps: Mutex<Recent<Arc<Verified>>>,
    hasher: RandomState,
}

impl VerifiedTokens {
    /// `apps`: of how many the last one is remembered.
    pub fn new(apps: usize) -> Self {
        Self {
            recent: Mutex::new(Recent::new(TOKENS)),
            of_apps: Mutex::new(Recent::new(apps)),
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
        let is = |verified: &Arc<Verified>| same(&verified.token, text);
        let good = |verified: &Arc<Verified>| {
            Arc::ptr_eq(&verified.seen, seen) && now < verified.not_after
        };
        let hash = self.hasher.hash_one(text);
        if let Some(found) = self.recent.lock().find(hash, is, good) {
            return Some(Arc::clone(found));
        }
        let hash = self.of_app(&seen.app().app_id);
        self.of_apps.lock().find(hash, is, good).cloned()
    }

    pub fn insert(&self, verified: &Arc<Verified>) {
        let is = |other: &Arc<Verified>| same(&other.token, &verified.token);
        let hash = self.hasher.hash_one(&verified.token);
        self.recent.lock().insert(hash, is, Arc::clone(verified));
        let app = |verified: &Arc<Verified>| verified.seen.app().app_id;
        let is = |other: &Arc<Verified>| app(other) == app(verified);
        let hash = self.of_app(&app(verified));
        self.of_apps.lock().insert(hash, is, Arc::clone(verified));
    }

    fn of_app(&self, app_id: &AppId) -> u64 {
        self.hasher.hash_one(app_id)
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
    use crate::domain::AppKey;
    use crate::registry::App;

    const DEATH: u64 = 1_000;

    fn seen(app: u128) -> Arc<Seen> {
        Arc::new(Seen::of(App {
            app_id: AppId::parse(&format!("{app:032x}")).unwrap(),
            app_key: AppKey::parse(&format!("acme#{app}")).unwrap(),
            ..App::example()
        }))
    }

    fn remember(tokens: &VerifiedTokens, seen: &Arc<Seen>, token: &str) {
        tokens.insert(&Arc::new(Verified {
            seen: Arc::clone(seen),
            kind: Kind::App,
            user_id: String::new(),
            not_after: DEATH,
            token: token.as_bytes().into(),
        }));
    }

    fn knows(tokens: &VerifiedTokens, seen: &Arc<Seen>, token: &str) -> bool {
        let found = tokens.find(BearerToken::new(token), seen, DEATH - 1);
        found.is_some_and(|found| *found.token == *token.as_bytes())
    }

    #[test]
    fn the_last_token_of_each_app_is_remembered_beside_all_others() {
        let tokens = VerifiedTokens::new(4);
        let (quiet, loud) = (seen(1), seen(2));
        remember(&tokens, &quiet, "quiet");
        for n in 0..2 * TOKENS {
            remember(&tokens, &loud, &n.to_string());
        }
        assert!(!knows(&tokens, &loud, "0"), "there was no place for it");
        assert!(knows(&tokens, &quiet, "quiet"));
        assert!(knows(&tokens, &quiet, "quiet"), "and it stays");
        for app in 3..1_000 {
            remember(&tokens, &seen(app), "token");
        }
        assert!(tokens.of_apps.lock().len() <= 4);
        assert!(tokens.recent.lock().len() <= TOKENS + TOKENS / 4_096);
    }

    #[test]
    fn a_token_counts_for_the_record_that_it_verified_against_and_until_it_dies() {
        let tokens = VerifiedTokens::new(4);
        let (app, other, changed) = (seen(1), seen(2), seen(1));
        remember(&tokens, &app, "token");
        assert!(!knows(&tokens, &app, "token2"));
        assert!(!knows(&tokens, &app, "toke"));
        assert!(knows(&tokens, &app, "token"));
        assert!(!knows(&tokens, &other, "token"), "another App's");
        remember(&tokens, &app, "token");
        assert!(!knows(&tokens, &changed, "token"), "its App has changed");
        remember(&tokens, &app, "token");
        let dead = tokens.find(BearerToken::new("token"), &app, DEATH);
        assert!(dead.is_none());
    }

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

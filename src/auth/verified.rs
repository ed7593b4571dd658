//! Tokens that verified lately, remembered by one core until they die or their App's record changes.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::domain::{BearerToken, Holder};
use crate::recent::Recent;
use crate::registry::{Pinned, Seen};

/// How many tokens a core remembers, beside the last of each App.
const TOKENS: usize = 32_768;

/// Found by a seeded hash; the whole token is compared before one counts.
pub(super) struct VerifiedTokens {
    recent: Mutex<Recent<Verified>>,
    hasher: RandomState,
}

/// A token that verified: for which App as it was then.
struct Verified {
    seen: Arc<Seen>,
    holder: Arc<Holder>,
}

impl VerifiedTokens {
    pub fn new() -> Self {
        Self {
            recent: Mutex::new(Recent::new(TOKENS)),
            hasher: RandomState::default(),
        }
    }

    /// The token's verdict, if it was for this very record and the token still lives.
    pub fn find<C>(
        &self,
        token: BearerToken<'_>,
        pinned: &Pinned<C>,
        now: u64,
    ) -> Option<Arc<Holder>> {
        let text = token.as_bytes();
        let hash = self.hasher.hash_one(text);
        // The App has its last one at hand: of more Apps than there are places here, each finds its own.
        let last = pinned.last_holder(hash).filter(|holder| {
            let is = same(&holder.token, text);
            is & (now < holder.not_after)
        });
        last.cloned().or_else(|| {
            let is = |verified: &Verified| same(&verified.holder.token, text);
            let good = |verified: &Verified| {
                Arc::ptr_eq(&verified.seen, pinned.seen()) && now < verified.holder.not_after
            };
            let mut recent = self.recent.lock();
            let found = recent.find(hash, is, good)?;
            Some(Arc::clone(&found.holder))
        })
    }

    pub fn insert(&self, seen: &Arc<Seen>, holder: &Arc<Holder>) {
        let hash = self.hasher.hash_one(&holder.token);
        seen.hold(hash, Arc::clone(holder));
        let is = |other: &Verified| same(&other.holder.token, &holder.token);
        let verified = Verified {
            seen: Arc::clone(seen),
            holder: Arc::clone(holder),
        };
        self.recent.lock().insert(hash, is, verified);
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
    use access_token::Kind;

    use super::*;
    use crate::domain::{AppId, AppKey};
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
        let holder = Holder {
            kind: Kind::App,
            user_id: String::new(),
            not_after: DEATH,
            token: token.as_bytes().into(),
        };
        tokens.insert(seen, &Arc::new(holder));
    }

    fn knows(tokens: &VerifiedTokens, seen: &Arc<Seen>, token: &str) -> bool {
        let found = tokens.find(BearerToken::new(token), &seen.pinned(), DEATH - 1);
        found.is_some_and(|found| *found.token == *token.as_bytes())
    }

    #[test]
    fn the_last_token_of_each_app_is_remembered_beside_all_others() {
        let tokens = VerifiedTokens::new();
        let (quiet, loud) = (seen(1), seen(2));
        remember(&tokens, &quiet, "quiet");
        for n in 0..2 * TOKENS {
            remember(&tokens, &loud, &n.to_string());
        }
        assert!(!knows(&tokens, &loud, "0"), "there was no place for it");
        assert!(knows(&tokens, &quiet, "quiet"));
        assert!(knows(&tokens, &quiet, "quiet"), "and it stays");
        assert!(
            knows(&tokens, &loud, &(2 * TOKENS - 2).to_string()),
            "not the last of its App"
        );
        assert!(tokens.recent.lock().len() <= TOKENS + TOKENS / 4_096);
    }

    #[test]
    fn a_token_counts_for_the_record_that_it_verified_against_and_until_it_dies() {
        let tokens = VerifiedTokens::new();
        let (app, other, changed) = (seen(1), seen(2), seen(1));
        remember(&tokens, &app, "token");
        assert!(!knows(&tokens, &app, "token2"));
        assert!(!knows(&tokens, &app, "toke"));
        assert!(knows(&tokens, &app, "token"));
        assert!(!knows(&tokens, &other, "token"), "another App's");
        remember(&tokens, &app, "token");
        assert!(!knows(&tokens, &changed, "token"), "its App has changed");
        remember(&tokens, &app, "token");
        let dead = tokens.find(BearerToken::new("token"), &app.pinned(), DEATH);
        assert!(dead.is_none());
    }

    #[test]
    fn a_hash_alone_makes_no_token_known() {
        let (tokens, app) = (VerifiedTokens::new(), seen(1));
        remember(&tokens, &app, "token");
        let last = tokens.hasher.hash_one(&b"token"[..]);
        let pinned = app.pinned();
        let holder = pinned.last_holder(last).unwrap();
        app.hold(tokens.hasher.hash_one(&b"other"[..]), Arc::clone(holder));
        let pinned = app.pinned();
        let found = tokens.find(BearerToken::new("other"), &pinned, DEATH - 1);
        assert!(found.is_none());
        assert!(pinned.last_holder(last).is_none(), "its place was taken");
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

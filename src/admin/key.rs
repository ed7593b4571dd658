//! Admin keys: `dk_` and 32 random bytes. Only their hashes are kept.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::registry::{NoRandomness, Randomness};

/// A key as it is shown once to its owner. It does not show itself in debug output.
pub struct AdminKey(Zeroizing<String>);

impl AdminKey {
    /// # Errors
    /// When there is no randomness.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        randomness.fill(bytes.as_mut_slice())?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        Ok(Self(Zeroizing::new(text)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(redacted)")
    }
}

/// SHA-256 of a key, lower-case hex. The keys are random and long, so nothing slower is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHash(String);

impl KeyHash {
    pub fn of(key: &str) -> Self {
        Self(hex::encode(digest(&SHA256, key.as_bytes())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a request shows of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    Nothing,
    /// Something that is no admin key: another scheme, another shape, or twice.
    NoKey,
    Key(KeyHash),
}

/// Reads `Authorization: Bearer dk_...` (RFC 6750, section 2.1).
pub fn shown(headers: &HeaderMap) -> Shown {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Shown::Nothing,
        (Some(value), None) => bearer(value.as_bytes()),
        (Some(_), Some(_)) => Shown::NoKey,
    }
}

fn bearer(value: &[u8]) -> Shown {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let (scheme, key) = text.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && key.starts_with(PREFIX) {
        Shown::Key(KeyHash::of(key))
    } else {
        Shown::NoKey
    }
}

const PREFIX: &str = "dk_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SystemRandomness;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_recognised_by_its_hash() {
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        assert_eq!(key.expose().len(), 46);
        let value = format!("Bearer {}", key.expose());
        assert_eq!(shown(&headers(&[&value])), Shown::Key(key.hash()));
        assert_ne!(
            AdminKey::generate(&SystemRandomness).unwrap().hash(),
            key.hash()
        );
        assert_eq!(format!("{key:?}"), "AdminKey(redacted)");
    }

    #[test]
    fn anything_else_is_no_key() {
        assert_eq!(shown(&headers(&[])), Shown::Nothing);
        for values in [
            &["Basic dk_abc"][..],
            &["Bearer abc"],
            &["dk_abc"],
            &[""],
            &["Bearer dk_abc", "Bearer dk_abc"],
        ] {
            assert_eq!(shown(&headers(values)), Shown::NoKey, "{values:?}");
        }
    }
}

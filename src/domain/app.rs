//! The two names of an App: its App ID and its AppKey.

use std::fmt;
use std::hash::{Hash, Hasher};

/// An App ID: 32 hexadecimal digits, kept as text because case matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId([u8; 32]);

/// Why a text is not an App ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an App ID is 32 hexadecimal digits")]
pub struct AppIdError;

impl AppId {
    /// # Errors
    /// When `text` is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, AppIdError> {
        let bytes: [u8; 32] = text.as_bytes().try_into().map_err(|_| AppIdError)?;
        if bytes.iter().all(u8::is_ascii_hexdigit) {
            Ok(Self(bytes))
        } else {
            Err(AppIdError)
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The form under which App IDs are unique: ASCII lower case.
    pub fn folded(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({})", self.as_str())
    }
}

/// The longest half of an AppKey, in bytes.
const HALF: usize = 64;

/// Orgs that are paths of the service itself and can never be registered.
const RESERVED_ORGS: [&str; 6] = ["api", "easemob", "management", "websocket", "v1", "healthz"];

/// An AppKey, `org#app`: each half is `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`, matched exactly.
///
/// It is kept inline, so that the hot path reads one out of a request without allocating.
#[derive(Clone, Copy)]
pub struct AppKey {
    bytes: [u8; 2 * HALF + 1],
    length: u8,
    split: u8,
}

/// Why a text is not an AppKey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppKeyError {
    #[error("an AppKey is org#app with exactly one '#'")]
    Shape,
    #[error("the org must match [A-Za-z0-9][A-Za-z0-9_-]{{0,63}}")]
    Org,
    #[error("the app must match [A-Za-z0-9][A-Za-z0-9_-]{{0,63}}")]
    App,
    #[error("that org is reserved")]
    ReservedOrg,
}

impl AppKey {
    /// # Errors
    /// When `text` is not `org#app` by the grammar, or the org is reserved.
    pub fn parse(text: &str) -> Result<Self, AppKeyError> {
        let (org, app) = text.split_once('#').ok_or(AppKeyError::Shape)?;
        Self::new(org, app)
    }

    /// # Errors
    /// When a half breaks the grammar, or the org is reserved.
    pub fn new(org: &str, app: &str) -> Result<Self, AppKeyError> {
        if !is_half(org) {
            return Err(AppKeyError::Org);
        }
        if !is_half(app) {
            return Err(AppKeyError::App);
        }
        if RESERVED_ORGS.iter().any(|r| r.eq_ignore_ascii_case(org)) {
            return Err(AppKeyError::ReservedOrg);
        }
        Ok(Self::assemble(org, app))
    }

    fn assemble(org: &str, app: &str) -> Self {
        let mut bytes = [0; 2 * HALF + 1];
        let split = org.len();
        let length = split + 1 + app.len();
        bytes[..split].copy_from_slice(org.as_bytes());
        bytes[split] = b'#';
        bytes[split + 1..length].copy_from_slice(app.as_bytes());
        // Both halves are at most 64 bytes, so both numbers fit.
        #[expect(clippy::cast_possible_truncation, reason = "at most 129")]
        Self {
            bytes,
            length: length as u8,
            split: split as u8,
        }
    }

    /// The whole text, `org#app`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub fn org(&self) -> &str {
        &self.as_str()[..usize::from(self.split)]
    }

    pub fn app(&self) -> &str {
        &self.as_str()[usize::from(self.split) + 1..]
    }

    /// The form under which AppKeys are unique: ASCII lower case.
    pub fn folded(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

fn is_half(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        return false;
    };
    bytes.len() <= HALF
        && first.is_ascii_alphanumeric()
        && bytes.iter().all(|b| IN_HALF[usize::from(*b)])
}

/// Which bytes a half may have.
const IN_HALF: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        byte += 1;
    }
    table
};

impl PartialEq for AppKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for AppKey {}

impl Hash for AppKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppKey({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_ids_keep_their_case() {
        let id = AppId::parse("970CA35de60c44645bbae8a215061b33").unwrap();
        assert_eq!(id.as_str(), "970CA35de60c44645bbae8a215061b33");
        assert_eq!(id.folded(), "970ca35de60c44645bbae8a215061b33");
    }

    #[test]
    fn app_ids_of_other_lengths_or_letters_are_refused() {
        for bad in [
            "",
            "970CA35de60c44645bbae8a215061b3",
            "970CA35de60c44645bbae8a215061b333",
            "970CA35de60c44645bbae8a215061b3g",
            "970CA35de60c44645bbae8a215061bé",
        ] {
            assert_eq!(AppId::parse(bad), Err(AppIdError), "{bad}");
        }
    }

    #[test]
    fn an_app_key_gives_its_halves() {
        let key = AppKey::parse("Acme_1#chat-2").unwrap();
        assert_eq!(
            (key.org(), key.app(), key.as_str()),
            ("Acme_1", "chat-2", "Acme_1#chat-2")
        );
        let long = "a".repeat(64);
        assert_eq!(AppKey::new(&long, &long).unwrap().app(), long);
    }

    #[test]
    fn app_keys_outside_the_grammar_are_refused() {
        let long = "a".repeat(65);
        for (text, why) in [
            ("acme", AppKeyError::Shape),
            ("#chat", AppKeyError::Org),
            ("acme#", AppKeyError::App),
            ("acme#chat#x", AppKeyError::App),
            ("-acme#chat", AppKeyError::Org),
            ("acme#_chat", AppKeyError::App),
            ("ac me#chat", AppKeyError::Org),
            ("acmé#chat", AppKeyError::Org),
            ("API#chat", AppKeyError::ReservedOrg),
            ("healthz#chat", AppKeyError::ReservedOrg),
        ] {
            assert_eq!(AppKey::parse(text), Err(why), "{text}");
        }
        assert_eq!(AppKey::new("acme", &long), Err(AppKeyError::App));
    }
}

//! A presented credential, and whom one that verified stands for.

use std::fmt;

use access_token::Kind;

/// The text of a bearer token. It shows itself nowhere: not in logs, errors or debug output.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(Text<'a>);

/// Whom a token stands for that verified, and until when.
pub struct Holder {
    pub kind: Kind,
    pub user_id: String,
    /// Unix seconds: the first at which the token is dead.
    pub not_after: u64,
    /// The token itself, to find it again.
    pub token: Box<[u8]>,
}

#[derive(Clone, Copy)]
enum Text<'a> {
    Read(&'a str),
    Unread(&'a [u8]),
}

impl<'a> BearerToken<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self(Text::Read(text))
    }

    /// What stands where a token should be. Whether it can be one is seen when it is exposed: one that
    /// verified before need not be looked at again.
    pub const fn unread(bytes: &'a [u8]) -> Self {
        Self(Text::Unread(bytes))
    }

    /// Its bytes, to find it again.
    pub const fn as_bytes(&self) -> &'a [u8] {
        match self.0 {
            Text::Read(text) => text.as_bytes(),
            Text::Unread(bytes) => bytes,
        }
    }

    /// The token itself, for verification only; nothing if it holds what no header's token can.
    pub fn expose(&self) -> Option<&'a str> {
        match self.0 {
            Text::Read(text) => Some(text),
            Text::Unread(bytes) if bytes.iter().any(|b| is_odd(*b)) => None,
            Text::Unread(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }
}

/// Ends a token (RFC 9110 section 5.6.1), or is none of visible ASCII.
const fn is_odd(byte: u8) -> bool {
    !byte.is_ascii_graphic() || byte == b','
}

impl fmt::Debug for Holder {
    /// Without the token and the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder")
            .field("kind", &self.kind)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

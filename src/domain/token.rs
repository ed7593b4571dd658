//! A presented credential.

use std::fmt;

/// The text of a bearer token. It shows itself nowhere: not in logs, errors or debug output.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The token itself, for verification only.
    pub const fn expose(&self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

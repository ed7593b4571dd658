//! A parsed token.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::fault::ParseError;
use crate::reader::Reader;
use crate::service::{ChatService, read_chat};
use crate::wire::{self, SIGNATURE_LENGTH};

/// A parsed AccessToken2. Parsed is not verified: anybody can write one. [`Token::check`] decides.
pub struct Token {
    signature: [u8; SIGNATURE_LENGTH],
    /// The content as it came; what is signed starts after the signature.
    content: Box<[u8]>,
    app_id: String,
    issued_at: u32,
    expire: u32,
    salt: u32,
    chat: Option<ChatService>,
}

impl Token {
    /// Reads a token. Nothing is stripped: the text must start with `007`.
    ///
    /// At most [`wire::MAX_TEXT`] bytes of text are looked at and [`wire::MAX_CONTENT`] inflated.
    /// Bytes after the last service are allowed, since the signature covers them; bytes after the
    /// zlib stream are not. A service of unknown type ends the reading and keeps those before it.
    ///
    /// # Errors
    /// Says which part is not as the format wants it; see [`ParseError`].
    pub fn parse(text: &str) -> Result<Token, ParseError> {
        Token::read(wire::open(text)?)
    }

    /// The App ID: 32 ASCII letters and digits, case matters.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// When the token was issued, in unix seconds.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        u64::from(self.issued_at)
    }

    /// The first unix second at which the token as a whole is no longer valid by its own word.
    /// Privileges and policy may end it earlier: see [`Verified::not_after`](crate::Verified).
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.issued_at() + u64::from(self.expire)
    }

    /// The Chat service (type 5), if the token has one.
    #[must_use]
    pub fn chat(&self) -> Option<&ChatService> {
        self.chat.as_ref()
    }

    /// Whether this certificate made the signature. The comparison takes constant time. False for
    /// anything that isn't 32 ASCII letters and digits, so that an empty certificate opens nothing.
    #[must_use]
    pub fn signed_by(&self, certificate: &str) -> bool {
        let made = wire::sign(certificate, self.issued_at, self.salt, self.signing_info());
        wire::is_identifier(certificate) && bool::from(made.ct_eq(&self.signature))
    }

    /// How long the token wants to live, in seconds after the issue.
    pub(crate) fn lifetime(&self) -> u64 {
        u64::from(self.expire)
    }

    fn read(content: Box<[u8]>) -> Result<Token, ParseError> {
        let mut reader = Reader::new(&content);
        Ok(Token {
            signature: reader
                .string()?
                .try_into()
                .map_err(|_| ParseError::SignatureLength)?,
            app_id: app_id(reader.string()?)?,
            issued_at: reader.u32()?,
            expire: reader.u32()?,
            salt: reader.u32()?,
            chat: read_chat(&mut reader)?,
            content,
        })
    }

    fn signing_info(&self) -> &[u8] {
        self.content.get(SIGNED_FROM..).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    /// Leaves out the signature, the signed bytes and the user id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("app_id", &self.app_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at())
            .field("chat", &self.chat)
            .finish_non_exhaustive()
    }
}

fn app_id(bytes: &[u8]) -> Result<String, ParseError> {
    let text = str::from_utf8(bytes).map_err(|_| ParseError::AppId)?;
    if wire::is_identifier(text) {
        Ok(text.to_owned())
    } else {
        Err(ParseError::AppId)
    }
}

/// A length (u16) and the signature come first.
const SIGNED_FROM: usize = 2 + SIGNATURE_LENGTH;

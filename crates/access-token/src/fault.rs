//! Why a token was refused.

use std::fmt;

/// The first thing wrong with a token, in the order in which it is looked for: the variants are
/// declared, and ordered, as `reason` is in section 5 of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The text does not start with `007`.
    BadVersion,
    /// The text is not an AccessToken2, or is one that could be read in two ways.
    Malformed,
    /// The token is for another App ID.
    AppMismatch,
    /// No certificate of the App made this signature.
    BadSignature,
    /// The token is for other services (RTC, RTM, …) than Chat.
    NoChatService,
    /// The Chat service grants neither the user privilege to a named user nor the app privilege.
    NoChatPrivilege,
    /// Issued further in the future than the clock skew allows.
    NotYetValid,
    /// The token's own time, or the longest time that policy allows, is over.
    TokenExpired,
    /// A privilege's time is over. A value of 0 counts as over.
    PrivilegeExpired,
}

impl Fault {
    /// Every fault, in order.
    pub const ALL: [Fault; 9] = [
        Fault::BadVersion,
        Fault::Malformed,
        Fault::AppMismatch,
        Fault::BadSignature,
        Fault::NoChatService,
        Fault::NoChatPrivilege,
        Fault::NotYetValid,
        Fault::TokenExpired,
        Fault::PrivilegeExpired,
    ];

    /// The contract's name of the fault, such as `token_expired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::BadVersion => "bad_version",
            Fault::Malformed => "malformed",
            Fault::AppMismatch => "app_mismatch",
            Fault::BadSignature => "bad_signature",
            Fault::NoChatService => "no_chat_service",
            Fault::NoChatPrivilege => "no_chat_privilege",
            Fault::NotYetValid => "not_yet_valid",
            Fault::TokenExpired => "token_expired",
            Fault::PrivilegeExpired => "privilege_expired",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Fault {}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Fault {
        Fault::from(&error)
    }
}

impl From<&ParseError> for Fault {
    fn from(error: &ParseError) -> Fault {
        match error {
            ParseError::Version => Fault::BadVersion,
            ParseError::TextTooLong
            | ParseError::Base64(_)
            | ParseError::Inflate(_)
            | ParseError::InflateUnfinished
            | ParseError::ContentTooLong
            | ParseError::BytesAfterStream
            | ParseError::ContentEnds
            | ParseError::SignatureLength
            | ParseError::AppId
            | ParseError::UserId
            | ParseError::TooManyPrivileges
            | ParseError::PrivilegeRepeated
            | ParseError::ChatRepeated => Fault::Malformed,
        }
    }
}

/// Why a text is not an AccessToken2. Carries nothing of the token but offsets, so it may be logged.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The text does not start with `007`.
    #[error("the text does not start with \"007\"")]
    Version,
    /// The text is longer than [`wire::MAX_TEXT`](crate::wire::MAX_TEXT) bytes.
    #[error("the text is longer than any token")]
    TextTooLong,
    /// What follows the version is not padded standard base64 (RFC 4648, section 4).
    #[error("the text after the version is not padded standard base64")]
    Base64(#[source] base64::DecodeError),
    /// Not a zlib stream (RFC 1950), or its checksum is wrong.
    #[error("the token does not inflate")]
    Inflate(#[source] flate2::DecompressError),
    /// The zlib stream has no end.
    #[error("the zlib stream has no end")]
    InflateUnfinished,
    /// The content is longer than [`wire::MAX_CONTENT`](crate::wire::MAX_CONTENT) bytes.
    #[error("the token inflates to more than any token holds")]
    ContentTooLong,
    /// Something follows the zlib stream.
    #[error("bytes follow the zlib stream")]
    BytesAfterStream,
    /// A length or count points past the end of the content.
    #[error("the content ends inside a field")]
    ContentEnds,
    /// The signature is not 32 bytes.
    #[error("the signature is not 32 bytes")]
    SignatureLength,
    /// The App ID is not 32 ASCII letters and digits.
    #[error("the App ID is not 32 letters and digits")]
    AppId,
    /// The Chat service's user id is not UTF-8.
    #[error("the user id is not UTF-8")]
    UserId,
    /// The Chat service lists more privileges than could be told apart cheaply; it knows two.
    #[error("the Chat service lists too many privileges")]
    TooManyPrivileges,
    /// The Chat service lists one privilege twice: which value counts?
    #[error("the Chat service lists a privilege twice")]
    PrivilegeRepeated,
    /// Two Chat services: whose token is it?
    #[error("the token has two Chat services")]
    ChatRepeated,
}

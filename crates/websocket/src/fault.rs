//! Why a connection fails.

use crate::code;

/// What the peer did that ends the connection. The first fault in the order of the bytes counts;
/// nothing of a frame with a fault, nor after it, is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// RSV1, RSV2 or RSV3 is set, though no extension was agreed on (RFC 6455, section 5.2).
    #[error("a reserved bit is set")]
    ReservedBits,
    /// An opcode that means nothing: 3 to 7, or 11 to 15 (section 5.2).
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A client's frame is not masked (section 5.1).
    #[error("a client's frame is not masked")]
    Unmasked,
    /// A server's frame is masked (section 5.1).
    #[error("a server's frame is masked")]
    Masked,
    /// A control frame without FIN (section 5.5).
    #[error("a control frame is fragmented")]
    ControlFragmented,
    /// A control frame of more than 125 bytes (section 5.5).
    #[error("a control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A length in more bytes than it needs (section 5.2).
    #[error("a length takes more bytes than it needs")]
    NotMinimalLength,
    /// A 64-bit length with its top bit set (section 5.2).
    #[error("the top bit of a length is set")]
    LengthTopBit,
    /// A continuation while no message is under way (section 5.4).
    #[error("a continuation of no message")]
    UnexpectedContinuation,
    /// A new message before the end of the one that is under way (section 5.4).
    #[error("a new message inside a fragmented one")]
    ExpectedContinuation,
    /// A message longer than the limit, known from the header alone.
    #[error("a message is longer than allowed")]
    TooBig,
    /// A message of more than [`MAX_FRAGMENTS`](crate::MAX_FRAGMENTS) fragments.
    #[error("a message has too many fragments")]
    TooManyFragments,
    /// A close frame with a body of one byte, which is half a code (section 5.5.1).
    #[error("a close frame holds half a code")]
    CloseBody,
    /// A close code that may not be sent (section 7.4).
    #[error("a close frame holds a code that is not for the wire")]
    CloseCode,
    /// A text message or a close reason that is not UTF-8 (section 8.1). A text in fragments fails
    /// with the first fragment that cannot be part of any.
    #[error("a text is not UTF-8")]
    Utf8,
}

impl Fault {
    /// The code to close the connection with (RFC 6455, section 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Fault::ReservedBits
            | Fault::ReservedOpcode
            | Fault::Unmasked
            | Fault::Masked
            | Fault::ControlFragmented
            | Fault::ControlTooLong
            | Fault::NotMinimalLength
            | Fault::LengthTopBit
            | Fault::UnexpectedContinuation
            | Fault::ExpectedContinuation
            | Fault::CloseBody
            | Fault::CloseCode => code::PROTOCOL,
            Fault::TooBig | Fault::TooManyFragments => code::TOO_BIG,
            Fault::Utf8 => code::INVALID_PAYLOAD,
        }
    }
}

//! AccessToken2, the "007" token of the chat service: parse, verify, inspect and build.
//!
//! No I/O, no clock, no randomness: time comes in as unix seconds, the salt as an argument.
//! Everything fails closed. A token that is read two ways by two parsers is refused, not guessed at.
//!
//! # The format
//! ```text
//! token        = "007" + base64(zlib(content))                 standard alphabet, padded
//! content      = string(signature) + signing_info              little-endian throughout
//! signing_info = string(app_id) u32 issued_at  u32 expire  u32 salt  u16 count  service*
//! service      = u16 type  u16 n  (u16 privilege, u32 seconds)^n  fields of the type
//! string       = u16 length + bytes
//! k1           = HMAC-SHA256(key = LE32(issued_at), certificate)
//! k2           = HMAC-SHA256(key = LE32(salt), k1)
//! signature    = HMAC-SHA256(key = k2, signing_info)
//! ```
//! Source: section 4 of the protocol facts, and the vendor's `agora-token` 2.0.6. `expire` and the
//! privileges' values are seconds after `issued_at`. App ID and certificate are texts of 32
//! characters whose case matters; they are never decoded from hex.
//!
//! # Example
//! ```
//! use access_token::{build_user_token, verify, Expected, Fault, Kind, Policy};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (app_id, certificate) = ("970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b");
//! let token = build_user_token(app_id, certificate, "alice", 3600, 1_760_000_000, 12)?;
//!
//! let expected = Expected { app_id, certificates: &[certificate] };
//! let verified = verify(&token, &expected, 1_760_000_600, &Policy::default())?;
//! assert_eq!((verified.kind, verified.user_id.as_str()), (Kind::User, "alice"));
//! assert_eq!(verified.not_after, 1_760_003_600);
//!
//! let late = verify(&token, &expected, verified.not_after, &Policy::default());
//! assert_eq!(late, Err(Fault::TokenExpired));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod builder;
mod check;
mod fault;
mod inspect;
mod reader;
mod service;
mod token;
pub mod wire;

pub use builder::{BuildError, ChatTokenBuilder, build_app_token, build_user_token};
pub use check::{Expected, Policy, Verified, verify};
pub use fault::{Fault, ParseError};
pub use inspect::{Inspection, inspect};
pub use service::{ChatService, Kind};
pub use token::Token;

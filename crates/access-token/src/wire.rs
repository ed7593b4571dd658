//! The envelope and the signature, one level below [`Token`](crate::Token): for tools and tests that
//! need tokens no builder would make.

use std::io::Write as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

use crate::fault::ParseError;

/// The version, and the first three bytes of every token.
pub const VERSION: &str = "007";
/// The longest text that is looked at, in bytes. A token with one service is about 150.
pub const MAX_TEXT: usize = 8 * 1024;
/// The longest content that is inflated, in bytes.
pub const MAX_CONTENT: usize = 4 * 1024;
/// The length of a signature, in bytes.
pub const SIGNATURE_LENGTH: usize = 32;

/// Packs raw content into a token's text, whatever the content is: zlib, base64, `007` in front.
#[must_use]
pub fn seal(content: &[u8]) -> String {
    let mut text = String::from(VERSION);
    STANDARD.encode_string(deflate(content), &mut text);
    text
}

/// The signature over `signing_info`, which starts with the App ID and ends with the services.
/// `issued_at` is in unix seconds and, like `salt`, must be the value inside `signing_info`.
#[must_use]
pub fn sign(
    certificate: &str,
    issued_at: u32,
    salt: u32,
    signing_info: &[u8],
) -> [u8; SIGNATURE_LENGTH] {
    let by_time = mac(&issued_at.to_le_bytes(), certificate.as_bytes());
    let by_salt = mac(&salt.to_le_bytes(), by_time.as_ref());
    let tag = mac(by_salt.as_ref(), signing_info);
    let mut signature = [0; SIGNATURE_LENGTH];
    signature.copy_from_slice(tag.as_ref());
    signature
}

/// Unpacks a token's text to its raw content.
pub(crate) fn open(text: &str) -> Result<Box<[u8]>, ParseError> {
    let body = text.strip_prefix(VERSION).ok_or(ParseError::Version)?;
    if text.len() > MAX_TEXT {
        return Err(ParseError::TextTooLong);
    }
    let packed = STANDARD.decode(body).map_err(ParseError::Base64)?;
    inflate(&packed)
}

/// An App ID or App certificate: 32 ASCII letters and digits, compared as they are.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.len() == IDENTIFIER_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn mac(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

fn inflate(packed: &[u8]) -> Result<Box<[u8]>, ParseError> {
    // One byte more than is allowed, so that too long and just long enough look different.
    let mut buffer = [0; MAX_CONTENT + 1];
    let mut stream = Decompress::new(true);
    let status = stream
        .decompress(packed, &mut buffer, FlushDecompress::Finish)
        .map_err(ParseError::Inflate)?;
    if stream.total_out() > MAX_CONTENT as u64 {
        return Err(ParseError::ContentTooLong);
    }
    if status != Status::StreamEnd {
        return Err(ParseError::InflateUnfinished);
    }
    if stream.total_in() != packed.len() as u64 {
        return Err(ParseError::BytesAfterStream);
    }
    Ok(buffer[..stream.total_out() as usize].into())
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // A Vec takes every write, so the default is never reached; no parser would take it.
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
}

const IDENTIFIER_LENGTH: usize = 32;

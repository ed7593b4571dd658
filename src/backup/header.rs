//! What stands in the clear in front of a backup.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `domicile-backup` and a line feed |
//! | 4 | length L of the header, big-endian, at most 4,096 |
//! | L | the header, JSON |
//!
//! Nothing of it is believed before the text behind it opens: the SHA-256 of these bytes is
//! associated with each chunk.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::domain::RegionId;

/// What a backup says of itself to whoever has the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub format: u32,
    pub region: String,
    /// RFC 3339.
    pub created_at: String,
    /// The region's newest link; none when nothing was ever committed.
    pub chain: Option<Chain>,
    pub lock: Lock,
}

/// A link of the region's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    pub n: u64,
    /// 64 hexadecimal digits.
    pub hash: String,
}

/// The wrapped data key. Bytes are in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Lock {
    /// Under a key that PBKDF2-HMAC-SHA-256 derives from a passphrase.
    Passphrase {
        iterations: u32,
        salt: String,
        nonce: String,
        wrapped: String,
    },
    /// Under a recovery key.
    Recovery {
        /// Of the recovery key.
        id: String,
        nonce: String,
        wrapped: String,
    },
}

/// Why the beginning of a file is not that of a backup.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it does not begin as a backup does")]
    Magic,
    #[error("its header is longer than 4 KiB")]
    Long,
    #[error("it ends within its header")]
    Short,
    #[error("its header is not one")]
    Json,
    #[error("it has format {0}: this version reads format 1")]
    Format(u32),
    #[error("its header names no region, or no recovery key")]
    Name,
    #[error("its passphrase would be tried {0} times, which is not from 600,000 to 10,000,000")]
    Iterations(u32),
}

pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 16] = b"domicile-backup\n";

/// Bytes of the longest header.
const LONGEST: usize = 4_096;

/// Fewer are too easily guessed, more would only keep the machine busy.
const ITERATIONS: std::ops::RangeInclusive<u32> = 600_000..=10_000_000;

impl Header {
    /// The bytes in front of the text.
    ///
    /// # Errors
    /// When it is too long for a header.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        let json = serde_json::to_vec(self).map_err(|_| HeaderError::Json)?;
        let length = u32::try_from(json.len()).map_err(|_| HeaderError::Long)?;
        if json.len() > LONGEST {
            return Err(HeaderError::Long);
        }
        Ok([MAGIC.as_slice(), &length.to_be_bytes(), &json].concat())
    }

    /// Reads a header, and gives its bytes, too.
    ///
    /// # Errors
    /// When it is none, or none of this version.
    pub fn read(input: &mut impl Read) -> Result<(Self, Vec<u8>), HeaderError> {
        let mut bytes = vec![0; MAGIC.len() + 4];
        fill(input, &mut bytes)?;
        let (magic, length) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(HeaderError::Magic);
        }
        let length = length.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        if length > LONGEST {
            return Err(HeaderError::Long);
        }
        let mut json = vec![0; length];
        fill(input, &mut json)?;
        let header = Self::parse(&json)?;
        bytes.extend_from_slice(&json);
        Ok((header, bytes))
    }

    fn parse(json: &[u8]) -> Result<Self, HeaderError> {
        let header: Self = serde_json::from_slice(json).map_err(|_| HeaderError::Json)?;
        if header.format != FORMAT {
            return Err(HeaderError::Format(header.format));
        }
        // What it says is shown before it is verified: nothing that a terminal would obey.
        if RegionId::parse(&header.region).is_err() {
            return Err(HeaderError::Name);
        }
        match &header.lock {
            Lock::Passphrase { iterations, .. } if !ITERATIONS.contains(iterations) => {
                Err(HeaderError::Iterations(*iterations))
            }
            Lock::Recovery { id, .. } if !is_key_id(id) => Err(HeaderError::Name),
            Lock::Passphrase { .. } | Lock::Recovery { .. } => Ok(header),
        }
    }
}

/// As the ids of key files are.
fn is_key_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), HeaderError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => HeaderError::Short,
        _ => HeaderError::Read(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(iterations: u32) -> Header {
        Header {
            format: FORMAT,
            region: "frankfurt".to_owned(),
            created_at: "2026-11-23T19:00:00Z".to_owned(),
            chain: Some(Chain {
                n: 7,
                hash: "0".repeat(64),
            }),
            lock: Lock::Passphrase {
                iterations,
                salt: String::new(),
                nonce: String::new(),
                wrapped: String::new(),
            },
        }
    }

    fn read(bytes: &[u8]) -> Result<(Header, Vec<u8>), HeaderError> {
        Header::read(&mut &bytes[..])
    }

    #[test]
    fn a_header_reads_back_with_its_bytes() {
        let bytes = header(600_000).to_bytes().unwrap();
        let more = [&bytes[..], b"text"].concat();
        assert_eq!(read(&more).unwrap(), (header(600_000), bytes));
    }

    #[test]
    fn what_is_no_header_is_told_apart() {
        let good = header(600_000).to_bytes().unwrap();
        for end in 0..good.len() {
            assert!(matches!(read(&good[..end]), Err(HeaderError::Short)));
        }
        let mut other = good.clone();
        other[0] ^= 1;
        assert!(matches!(read(&other), Err(HeaderError::Magic)));
        let long = [&MAGIC[..], &[0, 0, 16, 1]].concat();
        assert!(matches!(read(&long), Err(HeaderError::Long)));
        let json = [&MAGIC[..], &[0, 0, 0, 2], b"{}"].concat();
        assert!(matches!(read(&json), Err(HeaderError::Json)));
        let mut newer = header(600_000);
        newer.format = 2;
        let newer = newer.to_bytes().unwrap();
        assert!(matches!(read(&newer), Err(HeaderError::Format(2))));
    }

    /// Control: what is shown of a file that nobody has verified cannot speak to the terminal.
    #[test]
    fn names_in_a_header_are_plain() {
        let mut region = header(600_000);
        region.region = "\u{1b}[2Jfrankfurt".to_owned();
        let mut key = header(600_000);
        key.lock = Lock::Recovery {
            id: "a\u{1b}[2J".to_owned(),
            nonce: String::new(),
            wrapped: String::new(),
        };
        for bad in [region, key] {
            let bytes = bad.to_bytes().unwrap();
            assert!(matches!(read(&bytes), Err(HeaderError::Name)));
        }
    }

    /// A header that anybody may have written keeps nobody's processor busy, and none that is
    /// quick to guess passes for one of ours.
    #[test]
    fn iterations_are_bounded() {
        for iterations in [0, 599_999, 10_000_001, u32::MAX] {
            let bytes = header(iterations).to_bytes().unwrap();
            let error = read(&bytes).unwrap_err();
            assert!(matches!(error, HeaderError::Iterations(n) if n == iterations));
        }
    }
}

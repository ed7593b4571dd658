//! Records and accounts at rest: sealed so that only their home region opens them.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | length L of the key's id |
//! | L | the key's id |
//! | 8 | revision, big-endian |
//! | 32 | salt, random |
//! | 12 | nonce, random |
//! | rest | the text under AES-256-GCM, with its tag of 16 at the end |
//!
//! The key of a sealing is HKDF-SHA256 with the seal key as secret, the salt as salt, and as info
//! `domicile-record-v1` (an account: `domicile-account-v1`), the AppKey hash in hex (an account:
//! its id), the region and the revision in decimal. The associated data are the last three of
//! these. Lists of parts carry each part's length in front (u32, big-endian).

use std::sync::Arc;

use zeroize::Zeroizing;

use super::aead::{DerivedKey, NONCE, TAG};
use super::names::{Hash, framed};
use super::random::{self, NoRandomness, Randomness};
use crate::config::{KeyFile, SealKey};
use crate::domain::RegionId;

const VERSION: u8 = 1;
const SALT: usize = 32;

/// Seals and opens what one region keeps.
pub struct Sealer {
    region: RegionId,
    keys: KeyFile<SealKey>,
    randomness: Arc<dyn Randomness>,
}

/// What is sealed: its kind and name are bound into the seal.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Record(&'a Hash),
    Account(&'a str),
}

/// An opened text.
pub struct Opened {
    pub revision: u64,
    pub text: Zeroizing<Vec<u8>>,
}

/// Nothing could be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("there is no seal key whose id has at most 255 bytes")]
    NoKey,
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    #[error("the cipher refused")]
    Cipher,
}

impl Sealer {
    pub fn new(
        region: RegionId,
        keys: KeyFile<SealKey>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, SealError> {
        let sealer = Self {
            region,
            keys,
            randomness,
        };
        sealer.newest().map(|_| ())?;
        Ok(sealer)
    }

    /// Seals under the newest key.
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal(
        &self,
        subject: Subject<'_>,
        revision: u64,
        text: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let (key, length) = self.newest()?;
        let salt = random::bytes::<SALT>(&*self.randomness)?;
        let nonce = random::bytes::<NONCE>(&*self.randomness)?;
        let context = Context::new(subject, &self.region, revision);
        let derived = DerivedKey::new(key.key.as_slice(), &salt, &context.info());
        let derived = derived.map_err(|_| SealError::Cipher)?;
        let text = sealed(&derived, nonce, &context.associated(), text)?;
        let mut bytes = vec![VERSION, length];
        bytes.extend_from_slice(key.id.as_bytes());
        bytes.extend_from_slice(&revision.to_be_bytes());
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&text);
        Ok(bytes)
    }

    /// `None`: not sealed by a key of this region for this subject, or altered since.
    pub fn open(&self, subject: Subject<'_>, bytes: &[u8]) -> Option<Opened> {
        let parts = Parts::split(bytes)?;
        let context = Context::new(subject, &self.region, parts.revision);
        let (info, associated) = (context.info(), context.associated());
        let keys = self.keys.keys.iter();
        let mut named = keys.filter(|k| k.id.as_bytes() == parts.key_id);
        let text = named.find_map(|key| {
            let derived = DerivedKey::new(key.key.as_slice(), parts.salt, &info).ok()?;
            derived.open(parts.nonce, &associated, parts.sealed).ok()
        });
        Some(Opened {
            revision: parts.revision,
            text: text?,
        })
    }

    fn newest(&self) -> Result<(&SealKey, u8), SealError> {
        let key = self.keys.keys.first().ok_or(SealError::NoKey)?;
        let length = u8::try_from(key.id.len()).map_err(|_| SealError::NoKey)?;
        Ok((key, length))
    }
}

fn sealed(
    key: &DerivedKey,
    nonce: [u8; NONCE],
    associated: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, SealError> {
    // With room for the tag the text is sealed where it stands: no copy of it stays behind.
    let mut buffer = Vec::with_capacity(text.len() + TAG);
    buffer.extend_from_slice(text);
    let sealed = key.seal(nonce, associated, &mut buffer);
    sealed.map_err(|_| SealError::Cipher)?;
    Ok(buffer)
}

struct Parts<'a> {
    key_id: &'a [u8],
    revision: u64,
    salt: &'a [u8; SALT],
    nonce: [u8; NONCE],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let ([version, length], rest) = bytes.split_first_chunk::<2>()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (revision, rest) = rest.split_first_chunk::<8>()?;
        let (salt, rest) = rest.split_first_chunk::<SALT>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        (*version == VERSION).then_some(Self {
            key_id,
            revision: u64::from_be_bytes(*revision),
            salt,
            nonce: *nonce,
            sealed,
        })
    }
}

/// What a sealing is bound to.
struct Context {
    label: &'static [u8],
    name: String,
    region: String,
    revision: String,
}

impl Context {
    fn new(subject: Subject<'_>, region: &RegionId, revision: u64) -> Self {
        let (label, name): (&[u8], _) = match subject {
            Subject::Record(hash) => (b"domicile-record-v1", hash.to_string()),
            Subject::Account(id) => (b"domicile-account-v1", id.to_owned()),
        };
        Self {
            label,
            name,
            region: region.to_string(),
            revision: revision.to_string(),
        }
    }

    fn info(&self) -> Vec<u8> {
        let (name, region, revision) = self.parts();
        framed(&[self.label, name, region, revision])
    }

    fn associated(&self) -> Vec<u8> {
        let (name, region, revision) = self.parts();
        framed(&[name, region, revision])
    }

    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        (
            self.name.as_bytes(),
            self.region.as_bytes(),
            self.revision.as_bytes(),
        )
    }
}

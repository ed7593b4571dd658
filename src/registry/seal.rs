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
use super::keys::{KeyError, Keys};
use super::names::{Hash, framed};
use super::random::{self, NoRandomness, Randomness};
use crate::domain::RegionId;

const VERSION: u8 = 1;
const SALT: usize = 32;

/// Seals and opens what one region keeps.
pub struct Sealer {
    region: RegionId,
    keys: Arc<dyn Keys>,
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
    #[error("the seal key's id does not have 1 to 255 bytes")]
    KeyId,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    #[error("the cipher refused")]
    Cipher,
}

/// A text was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    #[error("it is not sealed by a key of this region for this subject, or was altered since")]
    Untrue,
    #[error("whoever holds the keys does not answer")]
    NoKeys,
}

impl Sealer {
    pub fn new(region: RegionId, keys: Arc<dyn Keys>, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            region,
            keys,
            randomness,
        }
    }

    /// Seals under the newest key.
    ///
    /// # Errors
    /// Without randomness or a key.
    pub async fn seal(
        &self,
        subject: Subject<'_>,
        revision: u64,
        text: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let id = self.keys.newest();
        let length = u8::try_from(id.len()).map_err(|_| SealError::KeyId)?;
        let salt = random::bytes::<SALT>(&*self.randomness)?;
        let nonce = random::bytes::<NONCE>(&*self.randomness)?;
        let context = Context::new(subject, &self.region, revision);
        let derived = self.keys.derive(&id, &salt, &context.info()).await?;
        let derived = DerivedKey::new(&derived).map_err(|_| SealError::Cipher)?;
        let text = sealed(&derived, nonce, &context.associated(), text)?;
        let mut bytes = vec![VERSION, length];
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&revision.to_be_bytes());
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&text);
        Ok(bytes)
    }

    /// # Errors
    /// See [`Unopened`].
    pub async fn open(&self, subject: Subject<'_>, bytes: &[u8]) -> Result<Opened, Unopened> {
        let parts = Parts::split(bytes).ok_or(Unopened::Untrue)?;
        let id = str::from_utf8(parts.key_id).map_err(|_| Unopened::Untrue)?;
        let context = Context::new(subject, &self.region, parts.revision);
        let derived = self.keys.derive(id, parts.salt, &context.info()).await?;
        let derived = DerivedKey::new(&derived).map_err(|_| Unopened::Untrue)?;
        let text = derived.open(parts.nonce, &context.associated(), parts.sealed);
        Ok(Opened {
            revision: parts.revision,
            text: text.map_err(|_| Unopened::Untrue)?,
        })
    }

    /// Whether there is a key of this id.
    pub async fn has(&self, id: &str) -> bool {
        let derived = self.keys.derive(id, &[], &[]).await;
        !matches!(derived, Err(KeyError::Unknown))
    }

    /// The id of the key that seals.
    pub fn newest(&self) -> Arc<str> {
        self.keys.newest()
    }
}

impl From<KeyError> for Unopened {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::Untrue,
            KeyError::Unavailable => Self::NoKeys,
        }
    }
}

/// The id of the key that sealed these bytes, as they say. `None`: they are no sealing.
pub fn sealed_under(bytes: &[u8]) -> Option<&str> {
    let id = str::from_utf8(Parts::split(bytes)?.key_id).ok();
    id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()))
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

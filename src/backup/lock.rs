//! The data key of a backup, wrapped under what its owner keeps elsewhere.
//!
//! The wrapping key is the recovery key itself, or PBKDF2-HMAC-SHA-256 of the passphrase. The data
//! key is wrapped by AES-256-GCM with a random nonce and `domicile-backup-key-v1` as associated
//! data.

use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use zeroize::Zeroizing;

use super::header::Lock;
use crate::registry::{NoRandomness, Randomness};

/// What opens a backup.
pub enum Secret {
    Passphrase(Zeroizing<String>),
    Recovery {
        id: String,
        key: Zeroizing<[u8; 32]>,
    },
}

/// The AES-256 key that one backup's text is encrypted with.
pub struct DataKey(pub(super) Zeroizing<[u8; 32]>);

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    #[error("the cipher refused")]
    Cipher,
    #[error("its lock is damaged")]
    Damaged,
    #[error("it was made with a passphrase: give --passphrase-file")]
    NeedsPassphrase,
    #[error("it was made with the recovery key {0}: give --recovery-key-file")]
    NeedsRecoveryKey(String),
    #[error("the passphrase or key is not the one that it was made with, or its lock is damaged")]
    Wrong,
}

const ITERATIONS: u32 = 600_000;
const SALT: usize = 32;
const NONCE: usize = 12;
const ASSOCIATED: &[u8] = b"domicile-backup-key-v1";

impl DataKey {
    /// # Errors
    /// Without randomness.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; 32]);
        randomness.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }
}

impl Secret {
    /// # Errors
    /// Without randomness.
    pub fn wrap(&self, key: &DataKey, randomness: &dyn Randomness) -> Result<Lock, LockError> {
        let mut nonce = [0; NONCE];
        randomness.fill(&mut nonce)?;
        match self {
            Self::Passphrase(text) => {
                let mut salt = [0; SALT];
                randomness.fill(&mut salt)?;
                let wrapping = stretch(text, &salt, ITERATIONS)?;
                Ok(Lock::Passphrase {
                    iterations: ITERATIONS,
                    salt: hex::encode(salt),
                    nonce: hex::encode(nonce),
                    wrapped: wrapped(&wrapping, nonce, key)?,
                })
            }
            Self::Recovery { id, key: wrapping } => Ok(Lock::Recovery {
                id: id.clone(),
                nonce: hex::encode(nonce),
                wrapped: wrapped(wrapping, nonce, key)?,
            }),
        }
    }

    /// # Errors
    /// When this is not what the backup was made with.
    pub fn unwrap(&self, lock: &Lock) -> Result<DataKey, LockError> {
        match (self, lock) {
            (
                Self::Passphrase(text),
                Lock::Passphrase {
                    iterations,
                    salt,
                    nonce,
                    wrapped,
                },
            ) => {
                let wrapping = stretch(text, &bytes::<SALT>(salt)?, *iterations)?;
                unwrapped(&wrapping, nonce, wrapped)
            }
            (Self::Recovery { key, .. }, Lock::Recovery { nonce, wrapped, .. }) => {
                unwrapped(key, nonce, wrapped)
            }
            (Self::Recovery { .. }, Lock::Passphrase { .. }) => Err(LockError::NeedsPassphrase),
            (Self::Passphrase(_), Lock::Recovery { id, .. }) => {
                Err(LockError::NeedsRecoveryKey(id.clone()))
            }
        }
    }
}

fn stretch(
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
) -> Result<Zeroizing<[u8; 32]>, LockError> {
    let iterations = NonZeroU32::new(iterations).ok_or(LockError::Damaged)?;
    let mut key = Zeroizing::new([0; 32]);
    let secret = passphrase.as_bytes();
    derive(
        PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        secret,
        key.as_mut_slice(),
    );
    Ok(key)
}

fn wrapped(wrapping: &[u8; 32], nonce: [u8; NONCE], key: &DataKey) -> Result<String, LockError> {
    let mut text = Zeroizing::new(Vec::with_capacity(48));
    text.extend_from_slice(key.0.as_slice());
    let sealed = cipher(wrapping)?.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(ASSOCIATED),
        &mut *text,
    );
    sealed.map_err(|_| LockError::Cipher)?;
    Ok(hex::encode(&*text))
}

fn unwrapped(wrapping: &[u8; 32], nonce: &str, wrapped: &str) -> Result<DataKey, LockError> {
    let nonce = Nonce::assume_unique_for_key(bytes::<NONCE>(nonce)?);
    let mut text = Zeroizing::new(bytes::<48>(wrapped)?);
    let opened = cipher(wrapping)?.open_in_place(nonce, Aad::from(ASSOCIATED), text.as_mut_slice());
    let opened = opened.map_err(|_| LockError::Wrong)?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(opened);
    Ok(DataKey(key))
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, LockError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| LockError::Cipher)?;
    Ok(LessSafeKey::new(key))
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], LockError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| LockError::Damaged)?;
    Ok(bytes)
}

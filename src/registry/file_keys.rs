//! Keys from files, in memory while the gateway runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use futures_util::FutureExt;
use futures_util::future::ready;

use super::aead;
use super::keys::{Derived, KeyAnswer, KeyError, Keys, PublicPinKey};
use crate::config::{KeyFile, PinSigningKey, SealKey};

/// The seal keys can be replaced while it is in use, the pin key not.
pub struct FileKeys {
    seal: ArcSwap<KeyFile<SealKey>>,
    pin: Ed25519KeyPair,
    public: PublicPinKey,
}

/// The keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    #[error("the pin key is no Ed25519 key")]
    Pin,
    #[error("there is no seal key whose id has 1 to 255 bytes")]
    NoSealKey,
}

impl FileKeys {
    /// # Errors
    /// Without a seal key, and when the pin key is no Ed25519 key.
    pub fn new(seal: KeyFile<SealKey>, pin: &PinSigningKey) -> Result<Self, BadKeys> {
        let pair = Ed25519KeyPair::from_seed_unchecked(pin.seed.as_slice());
        let pair = pair.map_err(|_| BadKeys::Pin)?;
        let key = pair.public_key().as_ref().try_into();
        let public = PublicPinKey {
            id: pin.id.clone(),
            key: key.map_err(|_| BadKeys::Pin)?,
        };
        fit(&seal)?;
        Ok(Self {
            seal: ArcSwap::from_pointee(seal),
            pin: pair,
            public,
        })
    }

    /// Uses these seal keys from now on. Those before are wiped once nobody uses them.
    ///
    /// # Errors
    /// Without a seal key.
    pub fn replace(&self, seal: KeyFile<SealKey>) -> Result<(), BadKeys> {
        fit(&seal)?;
        self.seal.store(Arc::new(seal));
        Ok(())
    }

    /// The seal keys in use.
    pub fn seal_keys(&self) -> Arc<KeyFile<SealKey>> {
        self.seal.load_full()
    }
}

fn fit(seal: &KeyFile<SealKey>) -> Result<(), BadKeys> {
    let newest = seal.newest().ok_or(BadKeys::NoSealKey)?;
    let fits = (1..=255).contains(&newest.id.len());
    fits.then_some(()).ok_or(BadKeys::NoSealKey)
}

impl Keys for FileKeys {
    fn newest(&self) -> Arc<str> {
        let keys = self.seal.load();
        // There is one: nothing else was let in.
        Arc::from(keys.newest().map_or("", |key| &key.id))
    }

    fn derive<'a>(&'a self, id: &'a str, salt: &'a [u8], info: &'a [u8]) -> KeyAnswer<'a, Derived> {
        let keys = self.seal.load();
        let key = keys.keys.iter().find(|key| key.id == id);
        let derived = key.ok_or(KeyError::Unknown).and_then(|key| {
            let derived = aead::derive(key.key.as_slice(), salt, info);
            derived.map_err(|_| KeyError::Unavailable)
        });
        ready(derived).boxed()
    }

    fn pin_key(&self) -> PublicPinKey {
        self.public.clone()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> KeyAnswer<'a, [u8; 64]> {
        let signature = self.pin.sign(message);
        let signature = signature.as_ref().try_into();
        ready(signature.map_err(|_| KeyError::Unavailable)).boxed()
    }
}

//! The region's keys, as the registry uses them: it names one and has it derive or sign. It never
//! holds a seal key or a pin key itself, so a key may live where it cannot be read (ADR 10).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

/// A key that seals one text, derived for it.
pub type Derived = Zeroizing<[u8; 32]>;

/// An answer of whoever has the keys.
pub type KeyAnswer<'a, T> = BoxFuture<'a, Result<T, KeyError>>;

/// Why a key did not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("there is no key of that id")]
    Unknown,
    #[error("whoever holds the keys does not answer")]
    Unavailable,
}

/// A pin key's public half, as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicPinKey {
    pub id: String,
    pub key: [u8; 32],
}

/// A provider of one region's keys.
pub trait Keys: Send + Sync + 'static {
    /// The id of the seal key that seals from now on, of 1 to 255 bytes.
    fn newest(&self) -> Arc<str>;

    /// HKDF-SHA256 with the seal key of this id as secret, 32 bytes. Exactly this id: another key
    /// in its place makes a text look altered.
    fn derive<'a>(&'a self, id: &'a str, salt: &'a [u8], info: &'a [u8]) -> KeyAnswer<'a, Derived>;

    /// The key that signs pins.
    fn pin_key(&self) -> PublicPinKey;

    /// Ed25519 over `message` by the pin key.
    fn sign<'a>(&'a self, message: &'a [u8]) -> KeyAnswer<'a, [u8; 64]>;
}

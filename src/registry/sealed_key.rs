//! The AppKey inside an App ID's pin: whoever asks by App ID can open it, a reader of the store
//! can't.
//!
//! Bytes: 12 of nonce, then the AppKey's text under AES-256-GCM with its tag of 16. The key is
//! HKDF-SHA256 with no salt, the App ID as registered as secret, and `domicile-pin-sealed-v1` as
//! info. The associated data are the pin's hash in hex and the region, each with its length in
//! front (u32, big-endian).

use super::aead::{self, DerivedKey, NONCE};
use super::names::{Hash, framed};
use super::random::{self, NoRandomness, Randomness};
use crate::domain::{AppId, AppKey, RegionId};

pub(super) fn seal(
    randomness: &dyn Randomness,
    id: &AppId,
    hash: &Hash,
    region: &RegionId,
    key: &AppKey,
) -> Result<Vec<u8>, NoRandomness> {
    let nonce = random::bytes::<NONCE>(randomness)?;
    let mut text = key.as_str().as_bytes().to_vec();
    let sealed = derived(id).and_then(|k| k.seal(nonce, &associated(hash, region), &mut text).ok());
    // AES-GCM of a text this short can't fail; without it nothing is made.
    sealed.ok_or(NoRandomness)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// `None`: not sealed for this App ID, hash and region.
pub(super) fn open(id: &AppId, hash: &Hash, region: &RegionId, sealed: &[u8]) -> Option<AppKey> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let associated = associated(hash, region);
    let text = derived(id)?.open(*nonce, &associated, sealed).ok()?;
    AppKey::parse(std::str::from_utf8(&text).ok()?).ok()
}

fn derived(id: &AppId) -> Option<DerivedKey> {
    let secret = id.as_str().as_bytes();
    let key = aead::derive(secret, &[], b"domicile-pin-sealed-v1").ok()?;
    DerivedKey::new(&key).ok()
}

fn associated(hash: &Hash, region: &RegionId) -> Vec<u8> {
    framed(&[hash.to_string().as_bytes(), region.as_str().as_bytes()])
}

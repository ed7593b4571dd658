//! AES-256-GCM under a key that HKDF-SHA256 derives for this one use.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

pub(super) const NONCE: usize = 12;
pub(super) const TAG: usize = 16;

/// A derived key. It seals one text only, or the nonces are random.
pub(super) struct DerivedKey(LessSafeKey);

struct Aes256;

impl KeyType for Aes256 {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-SHA256, to 32 bytes.
pub(super) fn derive(
    secret: &[u8],
    salt: &[u8],
    info: &[u8],
) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let mut key = Zeroizing::new([0; 32]);
    extracted.expand(&info, Aes256)?.fill(key.as_mut_slice())?;
    Ok(key)
}

impl DerivedKey {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, Unspecified> {
        let key = UnboundKey::new(&AES_256_GCM, key)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Puts the sealed text, and its tag, in the place of the text.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Unspecified> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let associated = Aad::from(associated);
        self.0.seal_in_place_append_tag(nonce, associated, text)
    }

    pub(super) fn open(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut text = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let associated = Aad::from(associated);
        let length = self.0.open_in_place(nonce, associated, &mut text)?.len();
        text.truncate(length);
        Ok(text)
    }
}

//! Keys that sign and verify notes (c2sp.org/signed-note, Ed25519).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::note::{self, NoteError};

/// Signs notes under a name.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

/// Verifies the notes of one key. As text, `NAME+HEX+BASE64`: the key's name, its id as 8 hex
/// digits, and `0x01 ‖ public key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: [u8; PUBLIC],
}

/// Why there is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, or has a space, a control character or a plus in it.
    #[error("a key's name may not be empty nor hold spaces, control characters or a plus")]
    Name,
    /// Not `NAME+HEX+BASE64`.
    #[error("is not NAME+HEX+BASE64")]
    Shape,
    /// The id is not that of the name and the key.
    #[error("the key's id is not that of its name and public key: a character was changed")]
    Id,
    /// Another algorithm than Ed25519, or other than 32 bytes.
    #[error("is not an Ed25519 key")]
    Algorithm,
}

impl Signer {
    /// A key from its 32-byte seed (RFC 8032).
    ///
    /// # Errors
    /// When the name cannot be one, or the seed is none.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Algorithm)?;
        let public = pair.public_key().as_ref().try_into();
        let verifier = VerifierKey::new(name, public.map_err(|_| KeyError::Algorithm)?)?;
        Ok(Self { pair, verifier })
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// The signed note of a text, with this signature alone.
    ///
    /// # Errors
    /// When the text cannot be a note's: empty, without a newline at its end, with control
    /// characters.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        note::check_text(text)?;
        let signature = self.pair.sign(text.as_bytes());
        let mut bytes = self.verifier.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(signature.as_ref());
        let name = &self.verifier.name;
        Ok(format!("{text}\n— {name} {}\n", STANDARD.encode(bytes)))
    }
}

impl VerifierKey {
    /// # Errors
    /// When the name cannot be one.
    pub fn new(name: &str, public: [u8; PUBLIC]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            id: id(name, &public),
            public,
        })
    }

    /// Reads `NAME+HEX+BASE64`, without anything around it.
    ///
    /// # Errors
    /// When it is not the text of an Ed25519 key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(KeyError::Shape);
        let (name, id, key) = (part()?, part()?, part()?);
        let key = STANDARD.decode(key).map_err(|_| KeyError::Shape)?;
        let (algorithm, public) = key.split_first().ok_or(KeyError::Shape)?;
        let public = public.try_into().map_err(|_| KeyError::Algorithm)?;
        if *algorithm != TYPE {
            return Err(KeyError::Algorithm);
        }
        let this = Self::new(name, public)?;
        if id == hex(this.id) {
            Ok(this)
        } else {
            Err(KeyError::Id)
        }
    }

    /// The key's name. Of a log it is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id: the first four bytes of `SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)`.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public(&self) -> &[u8; PUBLIC] {
        &self.public
    }

    pub(crate) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        key.verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![TYPE];
        key.extend_from_slice(&self.public);
        let key = STANDARD.encode(key);
        write!(f, "{}+{}+{key}", self.name, hex(self.id))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, redacted)", self.verifier.name)
    }
}

/// Bytes of a public key.
const PUBLIC: usize = 32;

/// The signature type of Ed25519.
const TYPE: u8 = 1;

pub(crate) fn is_name(name: &str) -> bool {
    let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
    !name.is_empty() && !name.contains(bad)
}

fn id(name: &str, public: &[u8]) -> u32 {
    let mut context = Context::new(&SHA256);
    for part in [name.as_bytes(), b"\n", &[TYPE], public] {
        context.update(part);
    }
    let digest = context.finish();
    let first = digest.as_ref().first_chunk::<4>();
    first.map_or(0, |first| u32::from_be_bytes(*first))
}

fn hex(id: u32) -> String {
    format!("{id:08x}")
}

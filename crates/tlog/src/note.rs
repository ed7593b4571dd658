//! Signed notes (c2sp.org/signed-note).
//!
//! ```text
//! note      = text  "\n"  signature { signature }
//! text      = UTF-8 that ends in "\n", without other control characters
//! signature = "— " name " " base64(key id(u32, big-endian) ‖ 64 bytes) "\n"
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::key::{VerifierKey, is_name};

/// A note that a known key has signed. There is no other way to its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signer: VerifierKey,
}

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE`].
    #[error("the note is too long")]
    TooLong,
    /// Not UTF-8, or with control characters.
    #[error("the note is not a plain text")]
    NotText,
    /// Not a text, an empty line and signatures.
    #[error("the note is not a text, an empty line and signatures")]
    Shape,
    /// More signatures than [`MAX_SIGNATURES`].
    #[error("the note has too many signatures")]
    TooManySignatures,
    /// A known key's signature does not verify.
    #[error("the signature of {0} does not verify")]
    BadSignature(String),
    /// No known key has signed.
    #[error("the note is signed by {0}, not by a key that is known here")]
    UnknownKeys(String),
}

/// Bytes of a note.
pub const MAX_NOTE: usize = 1 << 20;

/// Signatures of a note.
pub const MAX_SIGNATURES: usize = 64;

impl<'a> Note<'a> {
    /// Verifies a note. Signatures of keys that are not in `keys` are passed over; one of a key
    /// that is must verify.
    ///
    /// # Errors
    /// When it is no note, none of the keys has signed it, or a signature is wrong.
    pub fn open(note: &'a [u8], keys: &[VerifierKey]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLong);
        }
        let note = str::from_utf8(note).map_err(|_| NoteError::NotText)?;
        if note.contains(is_control) {
            return Err(NoteError::NotText);
        }
        let (text, signatures) = split(note).ok_or(NoteError::Shape)?;
        let signatures = read(signatures)?;
        let mut signer = None;
        for signature in &signatures {
            let Some(key) = keys.iter().find(|key| signature.is_of(key)) else {
                continue;
            };
            if !key.verifies(text, &signature.bytes) {
                return Err(NoteError::BadSignature(key.name().to_owned()));
            }
            signer.get_or_insert(key);
        }
        match signer {
            Some(signer) => Ok(Self {
                text,
                signer: signer.clone(),
            }),
            None => Err(NoteError::UnknownKeys(names(&signatures))),
        }
    }

    /// The signed text, with the newline at its end.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The first of the known keys that have signed.
    #[must_use]
    pub const fn signer(&self) -> &VerifierKey {
        &self.signer
    }
}

struct Signature<'a> {
    name: &'a str,
    id: u32,
    bytes: Vec<u8>,
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        (is_name(name) && !bytes.is_empty()).then(|| Self {
            name,
            id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        })
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }
}

/// # Errors
/// When the text cannot be that of a note.
pub(crate) fn check_text(text: &str) -> Result<(), NoteError> {
    if text.contains(is_control) {
        return Err(NoteError::NotText);
    }
    if text.ends_with('\n') {
        Ok(())
    } else {
        Err(NoteError::Shape)
    }
}

const fn is_control(c: char) -> bool {
    c < ' ' && c != '\n'
}

/// The text and the lines of signatures; between them is the last empty line.
fn split(note: &str) -> Option<(&str, &str)> {
    let at = note.rfind("\n\n")?;
    let text = note.get(..=at)?;
    let signatures = note.get(at + 2..)?.strip_suffix('\n')?;
    Some((text, signatures))
}

fn read(signatures: &str) -> Result<Vec<Signature<'_>>, NoteError> {
    let mut read = Vec::new();
    for line in signatures.split('\n') {
        if read.len() == MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        read.push(Signature::parse(line).ok_or(NoteError::Shape)?);
    }
    Ok(read)
}

fn names(signatures: &[Signature<'_>]) -> String {
    let names = signatures
        .iter()
        .map(|signature| format!("{} ({:08x})", signature.name, signature.id));
    names.collect::<Vec<_>>().join(", ")
}

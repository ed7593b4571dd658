//! Key files: a key a line, `ID base64`, newest first, `#` comments, mode 0600 or stricter.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::catalogue::is_key_id;
use super::secret::{PrivateFileError, read_private};

/// The keys of a file, newest first. Never empty.
#[derive(Debug)]
pub struct KeyFile<K> {
    pub keys: Vec<K>,
}

/// An AES-256 key that exists only in this region.
pub struct SealKey {
    pub id: String,
    pub key: Zeroizing<[u8; 32]>,
}

/// The seed of an Ed25519 key that signs this region's pins (RFC 8032).
pub struct PinSigningKey {
    pub id: String,
    pub seed: Zeroizing<[u8; 32]>,
}

/// Why a key file is not used. It shows nothing of the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{}: {source}", file.display())]
    Read {
        file: PathBuf,
        source: PrivateFileError,
    },
    #[error("{}:{line}: {source}", file.display())]
    Line {
        file: PathBuf,
        line: usize,
        source: KeyLineError,
    },
    #[error("{}: has no key in it", file.display())]
    Empty { file: PathBuf },
}

/// What is wrong with a line of a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyLineError {
    #[error("is not ID base64")]
    Shape,
    #[error("the id is not 1 to 64 of letters, digits, '_', '.' and '-'")]
    Id,
    #[error("the id is that of a line above")]
    Twice,
    #[error("the key is not base64")]
    Base64,
    #[error("the key is not 32 bytes")]
    Length,
}

/// A kind of key: an id and 32 secret bytes.
pub trait FileKey {
    fn new(id: String, bytes: Zeroizing<[u8; 32]>) -> Self;
    fn id(&self) -> &str;
}

impl FileKey for SealKey {
    fn new(id: String, key: Zeroizing<[u8; 32]>) -> Self {
        Self { id, key }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl FileKey for PinSigningKey {
    fn new(id: String, seed: Zeroizing<[u8; 32]>) -> Self {
        Self { id, seed }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl<K: FileKey> KeyFile<K> {
    /// # Errors
    /// When the file can't be read, others may read it, it has no key, or a line is wrong.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = read_private(path).map_err(|source| KeyFileError::Read {
            file: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// The keys in a file's text; `file` names it in errors.
    ///
    /// # Errors
    /// When it has no key, or a line is wrong.
    pub fn parse(text: &str, file: &Path) -> Result<Self, KeyFileError> {
        let mut keys: Vec<K> = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let key = key_of(line, &keys).map_err(|source| KeyFileError::Line {
                file: file.to_owned(),
                line: i + 1,
                source,
            })?;
            keys.extend(key);
        }
        if keys.is_empty() {
            return Err(KeyFileError::Empty {
                file: file.to_owned(),
            });
        }
        Ok(Self { keys })
    }
}

impl<K> KeyFile<K> {
    /// The key that new things are made with.
    pub fn newest(&self) -> Option<&K> {
        self.keys.first()
    }
}

impl PinSigningKey {
    /// The Ed25519 public key, as the catalogue has it.
    ///
    /// # Errors
    /// When the seed is rejected.
    pub fn public_key(&self) -> Result<[u8; 32], KeyRejected> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*self.seed)?;
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        Ok(key)
    }
}

/// Writes a key file with one key that only its owner reads. It never overwrites.
///
/// # Errors
/// When the file exists or can't be written.
pub fn write_new(path: &Path, id: &str, key: &[u8; 32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    let mut file = options.open(path)?;
    file.write_all(COMMENT.as_bytes())?;
    file.write_all(render(id, key).as_bytes())?;
    file.sync_all()
}

/// A line of a key file.
pub fn render(id: &str, key: &[u8; 32]) -> Zeroizing<String> {
    let key = Zeroizing::new(STANDARD.encode(key));
    let mut line = Zeroizing::new(String::with_capacity(id.len() + key.len() + 2));
    for part in [id, " ", &key, "\n"] {
        line.push_str(part);
    }
    line
}

const COMMENT: &str = "# ID base64, newest first. Keep it secret: mode 0600.\n";

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// The key of a line; `None` for a comment or a blank line.
fn key_of<K: FileKey>(line: &str, before: &[K]) -> Result<Option<K>, KeyLineError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (id, key) = line
        .split_once(char::is_whitespace)
        .ok_or(KeyLineError::Shape)?;
    if !is_key_id(id) {
        return Err(KeyLineError::Id);
    }
    if before.iter().any(|other| other.id() == id) {
        return Err(KeyLineError::Twice);
    }
    let bytes = decode(key.trim_start())?;
    Ok(Some(K::new(id.to_owned(), bytes)))
}

fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyLineError> {
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| KeyLineError::Base64)?);
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(KeyLineError::Length);
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({}, redacted)", self.id)
    }
}

impl fmt::Debug for PinSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinSigningKey({}, redacted)", self.id)
    }
}

//! The keys that seal a data centre's store: a key file as the gateway's.

use std::path::{Path, PathBuf};

use datacenter::SealKeys;
use zeroize::Zeroizing;

use crate::config::keys::write_new;
use crate::config::{KeyFile, KeyFileError, SealKey};
use crate::registry::{Randomness as _, SystemRandomness};

/// A data centre has no keys.
#[derive(Debug, thiserror::Error)]
pub enum CentreKeysError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("{}: has no key in it", .0.display())]
    None(PathBuf),
    #[error("cannot write the new key file {}", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
    #[error("the system gives no random bytes")]
    Random,
}

/// # Errors
/// As [`KeyFile::read`].
pub fn read(path: &Path) -> Result<SealKeys, CentreKeysError> {
    let file = KeyFile::<SealKey>::read(path)?;
    let keys = file.keys.into_iter();
    let keys = keys.map(|SealKey { id, key }| datacenter::SealKey { id, key });
    SealKeys::new(keys.collect()).ok_or_else(|| CentreKeysError::None(path.to_owned()))
}

/// As [`read`]; where there is no file, it is made with a new key.
///
/// # Errors
/// As [`read`], and when it cannot be made.
pub fn read_or_make(path: &Path, id: &str) -> Result<SealKeys, CentreKeysError> {
    if !path.exists() {
        let mut key = Zeroizing::new([0; 32]);
        let filled = SystemRandomness.fill(&mut *key);
        filled.map_err(|_| CentreKeysError::Random)?;
        let written = write_new(path, id, &key);
        written.map_err(|error| CentreKeysError::Write(path.to_owned(), error))?;
    }
    read(path)
}

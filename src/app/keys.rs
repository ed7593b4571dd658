//! The region's keys from their files.

use std::sync::Arc;

use super::StartError;
use crate::config::{Config, KeyFile, PinSigningKey, SealKey};
use crate::registry::FileKeys;

/// # Errors
/// When a file is not what it must be.
pub fn open(config: &Config) -> Result<Arc<FileKeys>, StartError> {
    let pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin)?;
    let pin_key = pin_keys.newest().ok_or(StartError::NoPinKey)?;
    let seal_keys = KeyFile::<SealKey>::read(&config.keys.seal)?;
    Ok(Arc::new(FileKeys::new(seal_keys, pin_key)?))
}

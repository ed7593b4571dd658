//! Writing a backup.

use std::io::Write;

use super::header::{Chain, FORMAT, Header};
use super::lock::{DataKey, Secret};
use super::reader::BackupError;
use super::record::{End, Manifest, Part, Record};
use super::seal::Sealing;
use crate::registry::Randomness;

/// Whose backup is written.
#[derive(Debug, Clone)]
pub struct About {
    pub region: String,
    /// The gateway's id.
    pub gateway: String,
    /// RFC 3339.
    pub created_at: String,
    pub chain: Option<Chain>,
}

/// A backup that is being written.
pub struct Writer<W> {
    sealing: Sealing<W>,
    end: End,
}

impl<W: Write> Writer<W> {
    /// # Errors
    /// When the header cannot be made or written.
    pub fn start(
        mut output: W,
        about: About,
        secret: &Secret,
        randomness: &dyn Randomness,
    ) -> Result<Self, BackupError> {
        let key = DataKey::generate(randomness).map_err(super::LockError::from)?;
        let header = Header {
            format: FORMAT,
            region: about.region.clone(),
            created_at: about.created_at,
            chain: about.chain,
            lock: secret.wrap(&key, randomness)?,
        };
        let header = header.to_bytes()?;
        output.write_all(&header).map_err(BackupError::Text)?;
        let sealing = Sealing::new(output, &key, &header).map_err(BackupError::Text)?;
        let end = End::default();
        let mut writer = Self { sealing, end };
        let (region, gateway) = (about.region, about.gateway);
        Record::Manifest(Manifest { region, gateway }).write(&mut writer.sealing)?;
        Ok(writer)
    }

    /// # Errors
    /// When it cannot be written.
    pub fn file(&mut self, part: Part, bytes: Vec<u8>) -> Result<(), BackupError> {
        self.end.files += 1;
        Ok(Record::File(part, bytes.into()).write(&mut self.sealing)?)
    }

    /// # Errors
    /// When it cannot be written.
    pub fn entry(&mut self, key: &str, value: Vec<u8>) -> Result<(), BackupError> {
        self.end.entries += 1;
        Ok(Record::Entry(key.to_owned(), value).write(&mut self.sealing)?)
    }

    /// How many files and entries it has, and the output.
    ///
    /// # Errors
    /// When the end cannot be written.
    pub fn finish(mut self) -> Result<(u64, u64, W), BackupError> {
        Record::End(self.end).write(&mut self.sealing)?;
        let output = self.sealing.finish().map_err(BackupError::Text)?;
        Ok((self.end.files, self.end.entries, output))
    }
}

//! Reading a backup.

use std::io::{self, Read};

use super::header::{Header, HeaderError};
use super::lock::{LockError, Secret};
use super::open::Opening;
use super::record::{End, Manifest, Record, RecordError};

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Text(io::Error),
    #[error("it does not begin with its manifest")]
    NoManifest,
    #[error("its manifest names another region than its header")]
    OtherRegion,
    #[error("it has not as many files and entries as its end says")]
    Count,
    #[error("it has something behind its end")]
    Behind,
}

/// The records of a backup behind its manifest. It must be read to its end: only then was nothing
/// left out.
pub struct Archive<R> {
    /// It has its own buffer, which is wiped.
    text: Opening<R>,
    pub manifest: Manifest,
    seen: End,
    ended: bool,
}

impl<R: Read> Archive<R> {
    /// `input` stands behind the header.
    ///
    /// # Errors
    /// When the secret does not open it, or it is damaged at its beginning.
    pub fn open(
        input: R,
        (header, bytes): (&Header, &[u8]),
        secret: &Secret,
    ) -> Result<Self, BackupError> {
        let key = secret.unwrap(&header.lock)?;
        let mut text = Opening::new(input, &key, bytes).map_err(BackupError::Text)?;
        let Record::Manifest(manifest) = Record::read(&mut text)? else {
            return Err(BackupError::NoManifest);
        };
        if manifest.region != header.region {
            return Err(BackupError::OtherRegion);
        }
        Ok(Self {
            text,
            manifest,
            seen: End::default(),
            ended: false,
        })
    }

    /// The next file or entry; `None` once all was read and was whole.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read(&mut self) -> Result<Option<Record>, BackupError> {
        if self.ended {
            return Ok(None);
        }
        let record = Record::read(&mut self.text)?;
        match &record {
            Record::Manifest(_) => return Err(RecordError::Content.into()),
            Record::File(..) => self.seen.files += 1,
            Record::Entry(..) => self.seen.entries += 1,
            Record::End(end) => {
                self.check_end(*end)?;
                return Ok(None);
            }
        }
        Ok(Some(record))
    }

    fn check_end(&mut self, end: End) -> Result<(), BackupError> {
        if end != self.seen {
            return Err(BackupError::Count);
        }
        let behind = self.text.read(&mut [0]).map_err(BackupError::Text)?;
        if behind != 0 {
            return Err(BackupError::Behind);
        }
        self.ended = true;
        Ok(())
    }
}

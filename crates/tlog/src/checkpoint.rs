//! The head of a log (c2sp.org/tlog-checkpoint): the text that is signed.
//!
//! ```text
//! checkpoint = origin "\n"  size in decimal "\n"  base64(root) "\n"  { extension "\n" }
//! ```

use std::fmt;

use crate::hash::Hash;

/// Which log, how many entries, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The origin is empty, or has control characters.
    #[error("the first line is not an origin")]
    Origin,
    /// The size is not a number, or has leading zeros.
    #[error("the second line is not a size")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the third line is not a root hash")]
    Root,
    /// An empty line, or no newline at the end.
    #[error("a line is empty, or the last one does not end")]
    Lines,
}

impl Checkpoint {
    /// # Errors
    /// When the origin cannot be one.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if origin.is_empty() || origin.contains(char::is_control) {
            return Err(CheckpointError::Origin);
        }
        let origin = origin.to_owned();
        Ok(Self { origin, size, root })
    }

    /// Reads the text of a note. Extension lines are allowed and passed over.
    ///
    /// # Errors
    /// When it is no checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = lines.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let origin = line();
        let size = read_size(line()).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(line()).ok_or(CheckpointError::Root)?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Self::new(origin, size, root)
    }

    /// Which log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

/// A decimal number without signs and leading zeros.
pub(crate) fn read_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

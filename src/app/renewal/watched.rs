//! Whether files are still what they were.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// Some files, by what is in them: no clock, no inode and no link can hide a change.
pub struct Watched {
    files: Vec<PathBuf>,
    /// When they were looked at last.
    seen: Fingerprint,
    /// When they were read last, with or without success.
    tried: Fingerprint,
    /// Why they could not be used then.
    told: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint(Vec<u8>);

/// Far more than certificates and keys need, in bytes.
const LONGEST: u64 = 1024 * 1024;

impl Watched {
    /// Files that are going to be read now.
    pub fn new<'a>(files: impl IntoIterator<Item = Option<&'a PathBuf>>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().flatten().cloned().collect();
        let seen = Fingerprint::of(&files);
        Self {
            tried: seen.clone(),
            seen,
            files,
            told: None,
        }
    }

    /// Whether they are to be read anew: they are others than those in use, and have been so for
    /// two looks.
    pub fn has_changed(&mut self) -> bool {
        let now = Fingerprint::of(&self.files);
        let has_settled = now == self.seen;
        self.seen = now;
        has_settled && (self.seen != self.tried || self.told.is_some())
    }

    pub fn took(&mut self) {
        self.tried = self.seen.clone();
        self.told = None;
    }

    /// They cannot be used; time may mend that, so they are tried again. Whether it is news.
    pub fn refused(&mut self, why: &impl Display) -> bool {
        let why = why.to_string();
        let is_news = self.seen != self.tried || self.told.as_ref() != Some(&why);
        self.tried = self.seen.clone();
        self.told = Some(why);
        is_news
    }
}

impl Fingerprint {
    fn of(files: &[PathBuf]) -> Self {
        let mut context = Context::new(&SHA256);
        for file in files {
            match contents(file) {
                Ok(bytes) => {
                    context.update(&(bytes.len() as u64).to_be_bytes());
                    context.update(&bytes);
                }
                Err(_) => context.update(b"unreadable"),
            }
        }
        Self(context.finish().as_ref().to_vec())
    }
}

fn contents(file: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    File::open(file)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_is_seen_twice_and_a_refused_one_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let absent = folder.path().join("b");
        std::fs::write(&path, "one").unwrap();
        let mut watched = Watched::new([Some(&path), None, Some(&absent)]);
        assert!(!watched.has_changed() && !watched.has_changed());
        std::fs::write(&path, "two").unwrap();
        assert!(!watched.has_changed());
        std::fs::write(&path, "2").unwrap();
        assert!(!watched.has_changed(), "still being written");
        assert!(watched.has_changed());
        assert!(watched.refused(&"no"));
        assert!(watched.has_changed(), "tried again");
        assert!(!watched.refused(&"no"));
        assert!(watched.refused(&"not yet"));
        watched.took();
        assert!(!watched.has_changed());
        std::fs::write(&absent, "there").unwrap();
        assert!(!watched.has_changed() && watched.has_changed());
    }
}

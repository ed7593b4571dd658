//! `keys.json` in the data folder: how many texts each seal key seals, as the gateway last counted
//! them. It tells when an old key's line may go, and that one has gone too early.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    format: u32,
    /// When it was counted, RFC 3339.
    pub time: String,
    /// The key that sealed then, and may have sealed more since.
    pub newest: String,
    /// By the key's id; `?` is for what names no key of the file.
    pub keys: BTreeMap<String, Count>,
}

/// What one key seals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub records: u64,
    pub accounts: u64,
}

/// In the place of an id: sealed by no key of the file, or no sealing.
pub const UNKNOWN: &str = "?";

const FORMAT: u32 = 1;

/// More than a key file has lines for, in bytes.
const LONGEST: u64 = 1 << 20;

impl KeyUse {
    pub const fn new(time: String, newest: String, keys: BTreeMap<String, Count>) -> Self {
        Self {
            format: FORMAT,
            time,
            newest,
            keys,
        }
    }

    /// The file in a data folder.
    pub fn file(data_dir: &Path) -> PathBuf {
        data_dir.join("keys.json")
    }

    /// `None`: nothing was counted yet.
    ///
    /// # Errors
    /// When the file can't be read or is none of these.
    pub fn read(data_dir: &Path) -> io::Result<Option<Self>> {
        let path = Self::file(data_dir);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > LONGEST => {
                return Err(io::Error::other("is longer than 1 MiB"));
            }
            Ok(_) => {}
        }
        let read: Self = serde_json::from_slice(&fs::read(&path)?)?;
        if read.format != FORMAT {
            return Err(io::Error::other("is of another format"));
        }
        Ok(Some(read))
    }

    /// # Errors
    /// When it can't be written; what was there is there then.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        let mut beside = NamedTempFile::new_in(data_dir)?;
        beside.write_all(&serde_json::to_vec(self)?)?;
        beside.as_file().sync_all()?;
        beside.persist(Self::file(data_dir))?;
        Ok(())
    }

    /// Whether this key sealed everything when it was counted, and was the newest one then.
    pub fn is_all_under(&self, id: &str) -> bool {
        let mut others = self.keys.iter().filter(|(other, _)| *other != id);
        self.newest == id
            && self.keys.contains_key(id)
            && others.all(|(_, count)| *count == Count::default())
    }

    /// The keys that may seal something and are not among `ids`.
    pub fn missing<'a>(&'a self, ids: &[&str]) -> impl Iterator<Item = (&'a str, Count)> {
        let used = self.keys.iter().filter(|(id, count)| {
            let seals = **id == self.newest || count.records + count.accounts > 0;
            seals && *id != UNKNOWN && !ids.contains(&id.as_str())
        });
        used.map(|(id, count)| (id.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(KeyUse::read(dir.path()).unwrap(), None);
        let count = |records, accounts| Count { records, accounts };
        let keys = [
            ("old", count(0, 1)),
            ("gone", count(0, 0)),
            ("?", count(1, 0)),
        ];
        let keys = keys.map(|(id, count)| (id.to_owned(), count));
        let time = "2026-01-02T03:04:05Z".to_owned();
        let written = KeyUse::new(time, "gone".to_owned(), keys.into());
        written.write(dir.path()).unwrap();
        let read = KeyUse::read(dir.path()).unwrap().unwrap();
        assert_eq!(read, written);
        let missing: Vec<_> = read.missing(&["gone"]).collect();
        assert_eq!(missing, [("old", count(0, 1))]);
        let missing: Vec<_> = read.missing(&["old"]).collect();
        assert_eq!(missing, [("gone", count(0, 0))], "it sealed since");
        assert_eq!(read.missing(&["old", "gone"]).count(), 0);
        assert!(!read.is_all_under("gone"), "others seal something");
        let keys = [("old", count(0, 0)), ("new", count(7, 1))];
        let keys = keys.map(|(id, count)| (id.to_owned(), count));
        let settled = KeyUse::new(String::new(), "new".to_owned(), keys.into());
        let under = ["new", "old", "other"].map(|id| settled.is_all_under(id));
        assert_eq!(under, [true, false, false]);
        for bad in ["", "{}", r#"{"format":2,"time":"","newest":"","keys":{}}"#] {
            fs::write(KeyUse::file(dir.path()), bad).unwrap();
            assert!(KeyUse::read(dir.path()).is_err(), "{bad}");
        }
    }
}

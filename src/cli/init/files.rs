//! The folder that `init` fills. Nothing in it is ever overwritten.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::domain::RegionId;

pub struct Folder {
    root: PathBuf,
    written: Vec<String>,
}

impl Folder {
    /// Makes the folder, and those in it, readable by their owner only.
    ///
    /// # Errors
    /// When a gateway has been made there before, or the folders cannot be made.
    pub fn new(root: &Path, region: &RegionId) -> anyhow::Result<Self> {
        let folder = Self {
            root: root.to_owned(),
            written: Vec::new(),
        };
        for name in [
            "gateway.yaml".to_owned(),
            "owner.json".to_owned(),
            format!("keys/{region}.seal"),
        ] {
            let path = folder.path(&name);
            if path.exists() {
                bail!(
                    "{} is there already: init never overwrites, name another folder with --data",
                    path.display()
                );
            }
        }
        for name in ["keys", "regions", "tls"] {
            let path = folder.path(name);
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        }
        Ok(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// # Errors
    /// When the file is there, or cannot be written.
    pub fn write(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.create(name, text.as_bytes(), 0o644)
    }

    /// Writes a file that only its owner reads.
    ///
    /// # Errors
    /// When the file is there, or cannot be written.
    pub fn write_secret(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.create(name, text.as_bytes(), 0o600)
    }

    /// Counts a file as written.
    pub fn note(&mut self, name: &str) {
        self.written.push(name.to_owned());
    }

    pub fn written(self) -> Vec<String> {
        self.written
    }

    fn create(&mut self, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(&path);
        let mut file = match file {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} is there already: init never overwrites", path.display())
            }
            other => other.with_context(|| format!("cannot make {}", path.display()))?,
        };
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.with_context(|| format!("cannot write {}", path.display()))?;
        self.note(name);
        Ok(())
    }
}

/// # Errors
/// When there is no such file.
pub fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

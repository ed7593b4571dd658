//! A backup's files, written beside their places, and put there at once.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::contents::Contents;
use crate::cli::stopped;
use crate::config::Config;

/// Files that are on disk, under other names than their own.
pub struct Staged {
    files: Vec<(&'static str, NamedTempFile, PathBuf)>,
    /// The audit log's folder, if the gateway has none.
    audit: Option<PathBuf>,
    kept: Vec<&'static str>,
}

/// Whether the gateway's folder has the id of another gateway without an audit log of its own.
///
/// # Errors
/// When its id cannot be read.
pub fn is_another_gateway(config: &Config, contents: &Contents) -> anyhow::Result<bool> {
    let id = config.data_dir.join("gateway-id");
    if has_audit(config)? {
        if id.exists() {
            return Ok(false);
        }
        bail!(
            "there is an audit log and no {}: put it back, it is the last part of the log's origin",
            id.display()
        );
    }
    match fs::read_to_string(id) {
        Ok(text) => Ok(text.trim() != contents.gateway),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("cannot read the gateway's id"),
    }
}

impl Staged {
    /// # Errors
    /// When something cannot be written. Nothing is left then.
    pub fn new(config: &Config, contents: &Contents) -> anyhow::Result<Self> {
        let mut staged = Self {
            files: Vec::new(),
            audit: None,
            kept: Vec::new(),
        };
        staged.stage("seal keys", &config.keys.seal, &contents.seal_keys)?;
        staged.stage("pin keys", &config.keys.pin, &contents.pin_keys)?;
        if has_audit(config)? {
            staged.kept.push("audit log");
        } else {
            let id = format!("{}\n", contents.gateway);
            let place = config.data_dir.join("gateway-id");
            staged.stage("gateway id", &place, id.as_bytes())?;
            staged.audit = Some(contents.audit.path().join("audit")).filter(|dir| dir.exists());
        }
        if let Some(anchor) = &contents.anchor {
            staged.stage("anchor", &config.registry.anchor, anchor)?;
        }
        Ok(staged)
    }

    /// Whether the gateway goes on with the audit log that it has.
    pub fn keeps_audit(&self) -> bool {
        self.kept.contains(&"audit log")
    }

    fn stage(&mut self, name: &'static str, place: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        if place.exists() {
            self.kept.push(name);
            return Ok(());
        }
        let unwritable = || format!("cannot write {}", place.display());
        let folder = folder(place);
        make_folder(folder).with_context(unwritable)?;
        // Mode 0600.
        let mut file = NamedTempFile::new_in(folder).with_context(unwritable)?;
        file.write_all(bytes).with_context(unwritable)?;
        file.as_file().sync_all().with_context(unwritable)?;
        self.files.push((name, file, place.to_owned()));
        Ok(())
    }

    /// Gives the names of what was put in its place, and of what was there.
    ///
    /// # Errors
    /// When something cannot be renamed: the same restore again does the rest.
    pub fn install(
        self,
        config: &Config,
    ) -> anyhow::Result<(Vec<&'static str>, Vec<&'static str>)> {
        let mut installed = Vec::new();
        for (name, file, place) in self.files {
            let unwritable = || format!("cannot write {}", place.display());
            file.persist_noclobber(&place).with_context(unwritable)?;
            sync(folder(&place)).with_context(unwritable)?;
            installed.push(name);
        }
        if let Some(beside) = self.audit {
            let place = stopped::audit_dir(config);
            let unwritable = || format!("cannot write {}", place.display());
            // An empty folder gives way.
            fs::rename(&beside, &place).with_context(unwritable)?;
            sync(&config.data_dir).with_context(unwritable)?;
            installed.push("audit log");
        }
        Ok((installed, self.kept))
    }
}

fn has_audit(config: &Config) -> anyhow::Result<bool> {
    let dir = stopped::audit_dir(config);
    match fs::read_dir(&dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", dir.display())),
    }
}

fn folder(place: &Path) -> &Path {
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// As `init` makes them: for their owner only.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

//! A backup's files, written beside their places, and put there at once.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::contents::Contents;
use crate::cli::stopped;
use crate::config::{Config, KeyUse};

/// Files that are on disk, under other names than their own.
#[derive(Default)]
pub struct Staged {
    id: Option<Beside>,
    /// The audit log's folder, if the gateway has none.
    audit: Option<PathBuf>,
    files: Vec<Beside>,
    kept: Vec<&'static str>,
}

/// A file, and where it belongs.
struct Beside {
    name: &'static str,
    file: NamedTempFile,
    place: PathBuf,
}

/// What the names of unfinished files begin with.
pub const UNFINISHED: &str = ".restore-";

/// Removes what an earlier restore left behind that was killed: there may be keys among it. The
/// caller holds the registry, so that no other restore goes on.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_leftovers(config: &Config) -> anyhow::Result<()> {
    let places = [&config.keys.seal, &config.keys.pin, &config.registry.anchor];
    let folders = places.into_iter().map(|place| folder(place));
    for dir in folders.chain([config.data_dir.as_path()]) {
        let unremovable = || format!("cannot clear {} of an earlier restore", dir.display());
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.with_context(unremovable)?,
        };
        for entry in entries {
            let entry = entry.with_context(unremovable)?;
            if !entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(UNFINISHED.as_bytes())
            {
                continue;
            }
            let removed = match entry.file_type().with_context(unremovable)?.is_dir() {
                true => fs::remove_dir_all(entry.path()),
                false => fs::remove_file(entry.path()),
            };
            removed.with_context(unremovable)?;
        }
    }
    Ok(())
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
        let mut staged = Self::default();
        if has_audit(config)? {
            staged.kept.push("audit log");
        } else {
            let id = format!("{}\n", contents.gateway);
            let place = config.data_dir.join("gateway-id");
            staged.id = staged.beside("gateway id", &place, id.as_bytes())?;
            staged.audit = Some(contents.audit.path().join("audit")).filter(|dir| dir.exists());
        }
        if let Some(anchor) = &contents.anchor {
            let anchor = staged.beside("anchor", &config.registry.anchor, anchor)?;
            staged.files.extend(anchor);
        }
        // Last: without keys no gateway starts on what is only half restored.
        let seal = staged.beside("seal keys", &config.keys.seal, &contents.seal_keys)?;
        let pin = staged.beside("pin keys", &config.keys.pin, &contents.pin_keys)?;
        staged.files.extend(seal.into_iter().chain(pin));
        Ok(staged)
    }

    /// Whether the gateway goes on with the audit log that it has.
    pub fn keeps_audit(&self) -> bool {
        self.kept.contains(&"audit log")
    }

    /// None when there is such a file.
    fn beside(
        &mut self,
        name: &'static str,
        place: &Path,
        bytes: &[u8],
    ) -> anyhow::Result<Option<Beside>> {
        if place.exists() {
            self.kept.push(name);
            return Ok(None);
        }
        let unwritable = || format!("cannot write {}", place.display());
        let folder = folder(place);
        make_folder(folder).with_context(unwritable)?;
        // Mode 0600.
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(folder);
        let mut file = file.with_context(unwritable)?;
        file.write_all(bytes).with_context(unwritable)?;
        file.as_file().sync_all().with_context(unwritable)?;
        let place = place.to_owned();
        Ok(Some(Beside { name, file, place }))
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
        // The id before the log, which has no origin without it.
        if let Some(id) = self.id {
            installed.push(id.install()?);
        }
        if let Some(beside) = self.audit {
            let place = stopped::audit_dir(config);
            let unwritable = || format!("cannot write {}", place.display());
            // An empty folder gives way.
            fs::rename(&beside, &place).with_context(unwritable)?;
            sync(&config.data_dir).with_context(unwritable)?;
            installed.push("audit log");
        }
        // What keys sealed in the registry before says nothing of this one.
        forget_key_use(&config.data_dir)?;
        for file in self.files {
            installed.push(file.install()?);
        }
        Ok((installed, self.kept))
    }
}

fn forget_key_use(data_dir: &Path) -> anyhow::Result<()> {
    let file = KeyUse::file(data_dir);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

impl Beside {
    fn install(self) -> anyhow::Result<&'static str> {
        let unwritable = || format!("cannot write {}", self.place.display());
        self.file
            .persist_noclobber(&self.place)
            .with_context(unwritable)?;
        sync(folder(&self.place)).with_context(unwritable)?;
        Ok(self.name)
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

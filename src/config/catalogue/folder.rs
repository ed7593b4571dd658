//! The files of the catalogue.

use std::fs;
use std::io;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::region::{self, RegionFile};
use crate::config::faults::Fault;
use crate::config::read::{Document, read_bounded, unreadable};

/// The catalogue as it is on disk.
#[derive(Default)]
pub(in crate::config) struct CatalogueFiles {
    /// In the order of their names.
    pub(in crate::config) files: Vec<RegionFile>,
    /// Of files that are no YAML.
    pub(in crate::config) faults: Vec<Fault>,
    /// `sha256:` and the hex digest, unless a file could not be read.
    pub(in crate::config) digest: Option<String>,
    /// Names such as `fr.yml`, which are not read.
    pub(in crate::config) skipped: Vec<String>,
}

/// # Errors
/// When the folder can't be listed.
pub(in crate::config) fn open(folder: &Path) -> io::Result<CatalogueFiles> {
    let names = list(folder)?;
    let mut files = CatalogueFiles::default();
    let mut digest = Some(Context::new(&SHA256));
    for name in names {
        let path = folder.join(&name);
        if !name.ends_with(".yaml") {
            files.skipped.push(name);
            continue;
        }
        match read_bounded(&path) {
            Ok(bytes) => {
                digest
                    .iter_mut()
                    .for_each(|digest| add(digest, &name, &bytes));
                files.add(&path, bytes);
            }
            Err(error) => {
                digest = None;
                files.faults.push(unreadable(&path, &error));
            }
        }
    }
    files.digest = digest.map(|digest| format!("sha256:{}", hex::encode(digest.finish())));
    Ok(files)
}

impl CatalogueFiles {
    fn add(&mut self, path: &Path, bytes: Vec<u8>) {
        match Document::parse(path, bytes) {
            Ok(document) => self.files.push(region::read(document)),
            Err(fault) => self.faults.push(fault),
        }
    }
}

/// The names of the `*.yaml` files, sorted, and those that look as if they were meant to be such.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let lower = name.to_ascii_lowercase();
        let named = lower.ends_with(".yaml") || lower.ends_with(".yml");
        if named && !name.starts_with('.') && entry.path().is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Both texts with their length in front (u32 big-endian), so that no two sets of files agree.
fn add(digest: &mut Context, name: &str, bytes: &[u8]) {
    for part in [name.as_bytes(), bytes] {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        digest.update(&length.to_be_bytes());
        digest.update(part);
    }
}

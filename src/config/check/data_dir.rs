//! The data folder: there, or possible to make. It is not made here.

use std::io;
use std::path::Path;

use crate::config::load::Files;
use crate::config::read::Place;

pub(super) fn check(files: &Files) {
    let Some(data_dir) = &files.gateway.data_dir else {
        return;
    };
    if let Err(error) = is_usable(data_dir) {
        let problem = format!("{} cannot be used: {error}", data_dir.display());
        files
            .document
            .fault(&Place::of(&["data_dir"]), problem, EXPECTED);
    }
}

const EXPECTED: &str = "a folder that can be written, or can be made";

/// Tries a file without a name in the folder, or in the nearest one above it that is there.
fn is_usable(data_dir: &Path) -> io::Result<()> {
    let above = data_dir
        .ancestors()
        .find(|folder| folder.try_exists().unwrap_or(true));
    let folder = above.filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    tempfile::tempfile_in(folder).map(drop)
}

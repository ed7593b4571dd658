//! Files that are being made. They stand when all of them are on disk, or none of them does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// New files below a folder, removed again when it is dropped before [`Self::keep`].
pub(super) struct Fresh<'a> {
    root: &'a Path,
    /// Those that must be synced.
    open: Vec<File>,
    made: Vec<PathBuf>,
    /// Folders with new names in them.
    folders: BTreeSet<PathBuf>,
}

impl<'a> Fresh<'a> {
    pub const fn below(root: &'a Path) -> Self {
        Self {
            root,
            open: Vec::new(),
            made: Vec::new(),
            folders: BTreeSet::new(),
        }
    }

    /// Writes a file that [`Self::sync`] will put on disk.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.create(name, bytes)?;
        self.open.push(file);
        Ok(())
    }

    /// Writes a file that may be lost in a crash.
    pub fn write_unsynced(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.create(name, bytes).map(drop)
    }

    /// Waits until files and their names are on disk.
    pub fn sync(&mut self) -> io::Result<()> {
        for file in self.open.drain(..) {
            file.sync_all()?;
        }
        for folder in std::mem::take(&mut self.folders) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    pub fn keep(mut self) {
        self.made.clear();
    }

    fn create(&mut self, name: &str, bytes: &[u8]) -> io::Result<File> {
        let path = self.root.join(name);
        self.make_folders(&path)?;
        self.made.push(path.clone());
        let mut file = File::create(&path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn make_folders(&mut self, path: &Path) -> io::Result<()> {
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(self.root)) {
            self.folders.insert(folder.to_owned());
            if folder.is_dir() {
                return Ok(());
            }
            fs::create_dir_all(folder)?;
        }
        Ok(())
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        for path in self.made.drain(..) {
            remove(&path);
        }
    }
}

/// Puts a file in the place of another: whoever opens it finds the one or the other, whole.
/// An error after the new one is in its place is [`Replaced::Unsynced`].
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<Replaced> {
    let draft = path.with_added_extension("new");
    if let Err(error) = write_synced(&draft, bytes).and_then(|()| fs::rename(&draft, path)) {
        remove(&draft);
        return Err(error);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(match sync_folder(folder) {
        Ok(()) => Replaced::Surely,
        Err(error) => Replaced::Unsynced(error),
    })
}

pub(super) enum Replaced {
    Surely,
    /// It is there, and may be gone after a loss of power.
    Unsynced(io::Error),
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes what nobody needs. That it stays does no harm.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(%error, file = %path.display(), "a file of the audit log that is not needed any more stays");
        }
    }
}

/// Removes a folder, unless something is in it.
pub(super) fn remove_if_empty(folder: &Path) {
    // What it says is that there is something, or no folder.
    let _ = fs::remove_dir(folder);
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

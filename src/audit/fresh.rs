//! Files that are being made. They stand when all of them are on disk, or none of them does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

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
        let path = self.root.join(name);
        let file = self.create(&path, bytes)?;
        self.open.push(file);
        self.folders.extend(path.parent().map(Path::to_owned));
        Ok(())
    }

    /// Writes a file that may be lost in a crash.
    pub fn write_unsynced(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.create(&self.root.join(name), bytes).map(drop)
    }

    /// Writes what shall take the place of a file, beside it, and gives its path.
    pub fn write_draft(&mut self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let draft = draft(&self.root.join(name));
        let file = self.create(&draft, bytes)?;
        self.open.push(file);
        Ok(draft)
    }

    /// Waits until files and their names are on disk. They are synced at once, since the disk
    /// takes hardly longer for all of them than for one.
    pub fn sync(&mut self) -> io::Result<()> {
        let files = std::mem::take(&mut self.open);
        let folders = std::mem::take(&mut self.folders);
        thread::scope(|scope| {
            let mut syncs = Vec::new();
            for file in &files {
                syncs.push(thread::Builder::new().spawn_scoped(scope, || file.sync_all())?);
            }
            for folder in &folders {
                syncs.push(thread::Builder::new().spawn_scoped(scope, || sync_folder(folder))?);
            }
            // The scope waits for all of them, whatever the first fault is.
            syncs.into_iter().try_for_each(ended)
        })
    }

    pub fn keep(mut self) {
        self.made.clear();
    }

    fn create(&mut self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        self.make_folders(path)?;
        self.made.push(path.to_owned());
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn make_folders(&mut self, path: &Path) -> io::Result<()> {
        let above = path.ancestors().skip(1);
        let missing = above.take_while(|folder| !folder.is_dir());
        for folder in missing {
            self.folders.insert(folder.to_owned());
            self.folders.extend(folder.parent().map(Path::to_owned));
        }
        path.parent().map_or(Ok(()), fs::create_dir_all)
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        for path in self.made.drain(..) {
            remove(&path);
        }
    }
}

fn ended(sync: ScopedJoinHandle<'_, io::Result<()>>) -> io::Result<()> {
    let panicked = |_| Err(io::Error::other("a sync ended by a panic"));
    sync.join().unwrap_or_else(panicked)
}

/// Puts a file in the place of another: whoever opens it finds the one or the other, whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(path);
    if let Err(error) = write_synced(&draft, bytes).and_then(|()| fs::rename(&draft, path)) {
        remove(&draft);
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Where a file is written before it takes the place of another.
pub(super) fn draft(path: &Path) -> PathBuf {
    path.with_added_extension("new")
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

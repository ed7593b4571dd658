//! The file of entries: append-only, synced, and whole again after a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::AuditError;
use super::entry::Entry;

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the audit log {0} cannot be used")]
    Io(PathBuf, #[source] io::Error),
    #[error("the audit log {0} is in use by another process")]
    InUse(PathBuf),
    #[error("line {line} of the audit log {path} is not the entry that belongs there")]
    Corrupt { path: PathBuf, line: u64 },
    #[error("the audit log's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// The writing side. One process has it.
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    extent: Arc<Mutex<Extent>>,
    /// A write failed and could not be taken back.
    broken: bool,
}

/// The reading side.
pub(super) struct Reader {
    path: PathBuf,
    extent: Arc<Mutex<Extent>>,
}

/// What of the file is whole and synced.
#[derive(Debug, Default)]
struct Extent {
    entries: u64,
    bytes: u64,
    /// Where every `STRIDE`th entry starts.
    marks: Vec<u64>,
}

const STRIDE: u64 = 256;

impl LogFile {
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("entries.jsonl");
        let fault = |error| OpenError::Io(path.clone(), error);
        fs::create_dir_all(dir).map_err(fault)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path);
        let file = file.map_err(fault)?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => OpenError::InUse(path.clone()),
            fs::TryLockError::Error(error) => fault(error),
        })?;
        let extent = scan(&file, &path)?;
        set_torn_tail_aside(&file, &path, extent.bytes).map_err(fault)?;
        sync_dir(dir).map_err(fault)?;
        Ok(Self {
            file,
            path,
            extent: Arc::new(Mutex::new(extent)),
            broken: false,
        })
    }

    pub fn reader(&self) -> Reader {
        Reader {
            path: self.path.clone(),
            extent: Arc::clone(&self.extent),
        }
    }

    /// The index that the next entry gets.
    pub fn next_index(&self) -> u64 {
        self.extent.lock().entries
    }

    /// Appends the lines and syncs them: all of them, or none.
    pub fn append(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed half way"));
        }
        let all = lines.concat();
        if let Err(error) = self.write(&all) {
            self.take_back();
            return Err(error);
        }
        let mut extent = self.extent.lock();
        for line in lines {
            extent.grow(line.len());
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    fn take_back(&mut self) {
        let whole = self.extent.lock().bytes;
        let undone = self
            .file
            .set_len(whole)
            .and_then(|()| self.file.sync_data());
        self.broken = undone.is_err();
    }
}

impl Reader {
    pub fn entries(&self) -> u64 {
        self.extent.lock().entries
    }

    pub fn read(&self, after: Option<u64>, limit: usize) -> Result<Vec<Entry>, AuditError> {
        let first = after.map_or(0, |index| index.saturating_add(1));
        let Some((start, end)) = self.extent.lock().reach(first) else {
            return Ok(Vec::new());
        };
        let entries = self.parse(start, end, first, limit);
        entries
            .inspect_err(|error| tracing::error!(%error, "the audit log cannot be read"))
            .map_err(|_| AuditError::Read)
    }

    fn parse(&self, start: u64, end: u64, first: u64, limit: usize) -> io::Result<Vec<Entry>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let lines = BufReader::new(file.take(end - start)).lines();
        let entries = lines.map(|line| Ok(serde_json::from_str::<Entry>(&line?)?));
        let wanted = entries.filter(|entry| match entry {
            Ok(entry) => entry.index >= first,
            Err(_) => true,
        });
        wanted.take(limit).collect()
    }
}

impl Extent {
    fn grow(&mut self, length: usize) {
        if self.entries.is_multiple_of(STRIDE) {
            self.marks.push(self.bytes);
        }
        self.entries += 1;
        self.bytes += length as u64;
    }

    /// The bytes that hold the entry `first` and all after it.
    fn reach(&self, first: u64) -> Option<(u64, u64)> {
        if first >= self.entries {
            return None;
        }
        let mark = usize::try_from(first / STRIDE).ok()?;
        Some((*self.marks.get(mark)?, self.bytes))
    }
}

/// Reads the whole lines: each must be the entry with its place's index.
fn scan(file: &File, path: &Path) -> Result<Extent, OpenError> {
    let mut extent = Extent::default();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line);
        let length = length.map_err(|error| OpenError::Io(path.to_owned(), error))?;
        if line.last() != Some(&b'\n') {
            return Ok(extent);
        }
        let entry = serde_json::from_slice::<Entry>(&line);
        if entry.map(|entry| entry.index).ok() != Some(extent.entries) {
            return Err(OpenError::Corrupt {
                path: path.to_owned(),
                line: extent.entries + 1,
            });
        }
        extent.grow(length);
    }
}

/// What a crash left of a last line was never acknowledged: it goes to a file beside the log.
fn set_torn_tail_aside(mut file: &File, path: &Path, whole: u64) -> io::Result<()> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(whole))?;
    file.read_to_end(&mut tail)?;
    if tail.is_empty() {
        return Ok(());
    }
    let aside = path.with_file_name(format!("torn-at-{whole}"));
    tracing::warn!(bytes = tail.len(), aside = %aside.display(), "the audit log's last line was torn: it is set aside");
    let mut copy = File::create(&aside)?;
    copy.write_all(&tail)?;
    copy.sync_all()?;
    file.set_len(whole)?;
    file.sync_all()
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

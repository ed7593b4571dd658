//! The log's reading side: entries from their bundles.

use std::fs;
use std::io;
use std::path::PathBuf;

use tlog::{Kind, TILE_WIDTH, Tile, bundle};

use super::AuditError;
use super::entry::Entry;
use super::head::Published;

pub(super) struct Reader {
    pub dir: PathBuf,
    pub published: Published,
}

impl Reader {
    pub fn read(&self, after: Option<u64>, limit: usize) -> Result<Vec<Entry>, AuditError> {
        let entries = self.collect(after, limit);
        entries
            .inspect_err(|error| tracing::error!(%error, "the audit log cannot be read"))
            .map_err(|_| AuditError::Read)
    }

    fn collect(&self, after: Option<u64>, limit: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut next = after.map_or(0, |index| index.saturating_add(1));
        while entries.len() < limit && next < self.published.size() {
            let place = usize::try_from(next % WIDTH).map_err(io::Error::other)?;
            let bundle = self.bundle(next / WIDTH)?;
            let read: Vec<_> = bundle::entries(&bundle)
                .skip(place)
                .take(limit - entries.len())
                .map(parse)
                .collect::<io::Result<_>>()?;
            if read.is_empty() {
                return Err(io::Error::other("a bundle is shorter than it must be"));
            }
            next += read.len() as u64;
            entries.extend(read);
        }
        Ok(entries)
    }

    /// A bundle as it is published now. A partial one goes away some checkpoints later.
    fn bundle(&self, index: u64) -> io::Result<Vec<u8>> {
        loop {
            let size = self.published.size();
            let tile = Tile::at(Kind::Entries, index, size);
            let tile = tile.ok_or(io::ErrorKind::NotFound)?;
            match fs::read(self.dir.join(tile.path())) {
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && self.published.size() > size => {}
                read => return read,
            }
        }
    }
}

fn parse(entry: Result<&[u8], bundle::Truncated>) -> io::Result<Entry> {
    Ok(serde_json::from_slice(entry.map_err(io::Error::other)?)?)
}

const WIDTH: u64 = TILE_WIDTH as u64;

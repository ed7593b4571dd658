//! The audit log's files, read as `docs/audit.md` says.

use std::fs;
use std::path::Path;

use tlog::{Kind, Tile, bundle};

/// The entries that the checkpoint in `dir` speaks of, each a JSON text.
pub fn entries(dir: &Path) -> Vec<String> {
    let checkpoint = fs::read_to_string(dir.join("checkpoint")).unwrap();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    let tiles = (0..).map_while(|index| Tile::at(Kind::Entries, index, size));
    let bundles = tiles.map(|tile| fs::read(dir.join(tile.path())).unwrap());
    let mut entries = Vec::new();
    for bundle in bundles {
        for entry in bundle::entries(&bundle) {
            entries.push(String::from_utf8(entry.unwrap().to_vec()).unwrap());
        }
    }
    assert_eq!(entries.len() as u64, size);
    entries
}

//! What is wrong with a log.

use std::io;

use tlog::{Kind, Tile};

use super::folder::HeadError;

/// The first thing that is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, #[source] io::Error),
    #[error("the checkpoint {0}")]
    Head(#[source] HeadError),
    #[error("vkey is not the key that was given")]
    Vkey,
    #[error("the earlier checkpoint {0}")]
    Since(#[source] HeadError),
    #[error("the earlier checkpoint is of the log {0}")]
    OtherLog(String),
    #[error(
        "entry {size} and what follows are gone: the log has {size} entries, at the earlier checkpoint it had {since}"
    )]
    Shorter { size: u64, since: u64 },
    #[error("entry 0 to entry {}: something there is not what the earlier checkpoint has signed", .0 - 1)]
    Rewritten(u64),
    #[error("entry {entry} and what follows: {} is not there", tile.path())]
    Missing { entry: u64, tile: Tile },
    #[error("entry {entry}: {} ends before it, or inside it", tile.path())]
    Torn { entry: u64, tile: Tile },
    #[error("entry {entry} is not the one that was logged ({})", tile.path())]
    Changed { entry: u64, tile: Tile },
    #[error("entry {entry} is whole, and its hash in {} was changed", tile.path())]
    Hash { entry: u64, tile: Tile },
    #[error("entry {entry} and its hash in {} do not belong together", tile.path())]
    Apart { entry: u64, tile: Tile },
    #[error("entry {0} is not the JSON of an entry")]
    NotJson(u64),
    #[error("entry {entry} says that it is entry {says}")]
    Misplaced { entry: u64, says: String },
    #[error("entry {0} is of another gateway")]
    Foreign(u64),
    #[error("{} has more in it than its {} entries", .0.path(), .0.width)]
    Longer(Tile),
    #[error("{} is not of {} hashes", .0.path(), .0.width)]
    Length(Tile),
    #[error("hash {hash} of {} is not that of {}", tile.path(), below(tile, *hash))]
    Node { tile: Tile, hash: usize },
    #[error("{} is not the beginning of {}", old.path(), new.path())]
    Earlier { old: Tile, new: Tile },
    #[error(
        "entries and hashes agree with each other, and not with the checkpoint: from entry {since} on, something was changed together with its hashes"
    )]
    Root { since: u64 },
}

/// The entries that a hash of a tile stands for.
fn below(tile: &Tile, hash: usize) -> String {
    let Kind::Hashes(level) = tile.kind else {
        return "its entries".to_owned();
    };
    let wide = 256_u64.saturating_pow(u32::from(level));
    let first = (tile.index.saturating_mul(256)).saturating_add(hash as u64);
    let first = first.saturating_mul(wide);
    format!("entry {first} to entry {}", first.saturating_add(wide - 1))
}

impl Flaw {
    /// The first entry that is not as it was, where that can be said.
    pub const fn entry(&self) -> Option<u64> {
        match self {
            Self::Missing { entry, .. }
            | Self::Torn { entry, .. }
            | Self::Changed { entry, .. }
            | Self::Hash { entry, .. }
            | Self::Apart { entry, .. }
            | Self::Misplaced { entry, .. }
            | Self::NotJson(entry)
            | Self::Foreign(entry)
            | Self::Shorter { size: entry, .. } => Some(*entry),
            Self::Unreadable(..)
            | Self::Head(_)
            | Self::Vkey
            | Self::Since(_)
            | Self::OtherLog(_)
            | Self::Rewritten(_)
            | Self::Longer(_)
            | Self::Length(_)
            | Self::Node { .. }
            | Self::Earlier { .. }
            | Self::Root { .. } => None,
        }
    }

    /// The file that it was found in.
    pub fn file(&self) -> Option<String> {
        match self {
            Self::Unreadable(name, _) => Some(name.clone()),
            Self::Head(_) => Some("checkpoint".to_owned()),
            Self::Vkey => Some("vkey".to_owned()),
            Self::Missing { tile, .. }
            | Self::Torn { tile, .. }
            | Self::Changed { tile, .. }
            | Self::Hash { tile, .. }
            | Self::Apart { tile, .. }
            | Self::Node { tile, .. }
            | Self::Earlier { old: tile, .. }
            | Self::Longer(tile)
            | Self::Length(tile) => Some(tile.path()),
            Self::Since(_)
            | Self::OtherLog(_)
            | Self::Shorter { .. }
            | Self::Rewritten(_)
            | Self::NotJson(_)
            | Self::Misplaced { .. }
            | Self::Foreign(_)
            | Self::Root { .. } => None,
        }
    }
}

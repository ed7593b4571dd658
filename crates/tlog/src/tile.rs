//! Where a log's hashes and entries are kept.

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// What is in a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Entries, with their lengths: a bundle.
    Entries,
    /// Hashes. At level 0 of entries, above of whole tiles of the level below.
    Hashes(u8),
}

/// A tile or a bundle (c2sp.org/tlog-tiles): which, the how many-th, and how many are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// Entries, or hashes of a level.
    pub kind: Kind,
    /// From 0, within its kind.
    pub index: u64,
    /// From 1 to [`TILE_WIDTH`]; fewer than that is a partial tile.
    pub width: u16,
}

impl Tile {
    /// The tile of this kind and index in a tree of `size` entries; `None` if nothing is in it.
    #[must_use]
    pub fn at(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let there = match kind {
            Kind::Entries => size,
            Kind::Hashes(level) => size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0),
        };
        let width = there.checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?)?;
        let width = width.min(u64::from(TILE_WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { kind, index, width })
    }

    /// The last tile of this kind in a tree of `size` entries, when it is partial.
    #[must_use]
    pub fn partial(kind: Kind, size: u64) -> Option<Self> {
        let there = match kind {
            Kind::Entries => size,
            Kind::Hashes(level) => size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0),
        };
        Self::at(kind, there / u64::from(TILE_WIDTH), size)
    }

    /// Whether it holds all that it ever can.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile, full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            width: TILE_WIDTH,
            ..self
        }
    }

    /// Its path below the log's prefix: `tile/<L>/<N>[.p/<W>]`, or `entries` in place of `<L>`.
    /// `<N>` has three digits a part, all parts but the last with `x` in front.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = match self.kind {
            Kind::Entries => "tile/entries/".to_owned(),
            Kind::Hashes(level) => format!("tile/{level}/"),
        };
        path.push_str(&index_path(self.index));
        if !self.is_full() {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// The tile that has this path. Each tile has one.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok()?),
            None => (rest, TILE_WIDTH),
        };
        if width == 0 || width > TILE_WIDTH {
            return None;
        }
        let index = parse_index(index)?;
        let tile = Self { kind, index, width };
        // Leading zeros, signs and needless parts are other spellings, which nobody may use.
        (tile.path() == path).then_some(tile)
    }
}

/// How many levels of the tree a tile spans: 2^8 hashes.
pub(crate) const HEIGHT: u32 = 8;

const MAX_LEVEL: u8 = 63;

fn index_path(index: u64) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path.insert_str(0, &format!("x{:03}/", rest % 1_000));
        rest /= 1_000;
    }
    path
}

fn parse_index(text: &str) -> Option<u64> {
    let mut index: u64 = 0;
    for part in text.split('/') {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let part: u64 = digits.parse().ok()?;
        index = index.checked_mul(1_000)?.checked_add(part)?;
    }
    Some(index)
}

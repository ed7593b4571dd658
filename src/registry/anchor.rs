//! The newest link seen of each region, kept outside the store: what shows a rollback (SPEC 7).
//!
//! The file is JSON, `{"format": 1, "regions": {REGION: {"n": N, "hash": HEX}}}`. It is replaced as
//! a whole: written beside, synced, renamed, and the folder synced.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::chain::Link;
use super::names::Hash;
use super::store::Key;
use crate::domain::RegionId;

#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    #[error("the registry's anchor cannot be read")]
    Read(#[source] io::Error),
    #[error("the registry's anchor is damaged")]
    Damaged,
    #[error("the registry's anchor cannot be written")]
    Write(#[source] io::Error),
}

type Links = BTreeMap<RegionId, Link>;

pub(super) struct Anchor {
    path: PathBuf,
    newest: Mutex<Links>,
    /// What the file says, if there is one. Whoever holds the lock writes, for all who wait for it.
    synced: Arc<tokio::sync::Mutex<Option<Links>>>,
}

impl Anchor {
    /// Reads the file. The second value is whether there was one.
    pub(super) fn open(path: PathBuf) -> Result<(Self, bool), AnchorError> {
        let text = match std::fs::read(&path) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(AnchorError::Read(e)),
        };
        let links = text.map(|text| parse(&text)).transpose()?;
        let existed = links.is_some();
        let anchor = Self {
            path,
            newest: Mutex::new(links.clone().unwrap_or_default()),
            synced: Arc::new(tokio::sync::Mutex::new(links)),
        };
        Ok((anchor, existed))
    }

    pub(super) fn newest(&self, region: &RegionId) -> Option<Link> {
        self.newest.lock().get(region).copied()
    }

    /// What the store has if it has lost nothing: each region's newest link, as it is stored.
    pub(super) fn links(&self) -> Vec<(Key, Vec<u8>)> {
        let newest = self.newest.lock();
        let links = newest.iter();
        links.map(|(r, link)| (link.key(r), link.value())).collect()
    }

    pub(super) fn regions(&self) -> Vec<RegionId> {
        self.newest.lock().keys().cloned().collect()
    }

    /// Remembers a link that is known to be in the store, if it is the newest.
    pub(super) fn note(&self, region: &RegionId, link: Link) {
        let mut newest = self.newest.lock();
        let behind = newest.get(region).is_none_or(|old| old.n < link.n);
        if behind {
            newest.insert(region.clone(), link);
        }
    }

    /// Returns when the file says all that was noted before. Concurrent calls share a write.
    pub(super) async fn sync(&self) -> Result<(), AnchorError> {
        let wanted = self.newest.lock().clone();
        let mut synced = Arc::clone(&self.synced).lock_owned().await;
        if synced.as_ref().is_some_and(|there| covers(there, &wanted)) {
            return Ok(());
        }
        let (path, links) = (self.path.clone(), self.newest.lock().clone());
        // The lock goes with the write: a caller that gives up doesn't leave two writers behind.
        let written = tokio::task::spawn_blocking(move || {
            replace(&path, &links)?;
            *synced = Some(links);
            Ok(())
        });
        let written = written
            .await
            .unwrap_or_else(|gone| Err(io::Error::other(gone)));
        written.map_err(AnchorError::Write)
    }
}

fn covers(synced: &Links, wanted: &Links) -> bool {
    let covered =
        |(region, link): (&RegionId, &Link)| synced.get(region).is_some_and(|old| old.n >= link.n);
    wanted.iter().all(covered)
}

fn replace(path: &Path, links: &Links) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&format(links)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnchor {
    format: u32,
    regions: BTreeMap<String, RawLink>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    n: u64,
    hash: String,
}

const FORMAT: u32 = 1;

fn format(links: &Links) -> io::Result<Vec<u8>> {
    let raw = |(region, link): (&RegionId, &Link)| {
        let (n, hash) = (link.n, link.hash.to_string());
        (region.to_string(), RawLink { n, hash })
    };
    let raw = RawAnchor {
        format: FORMAT,
        regions: links.iter().map(raw).collect(),
    };
    Ok(serde_json::to_vec(&raw)?)
}

fn parse(text: &[u8]) -> Result<Links, AnchorError> {
    let raw: RawAnchor = serde_json::from_slice(text).map_err(|_| AnchorError::Damaged)?;
    if raw.format != FORMAT {
        return Err(AnchorError::Damaged);
    }
    let link = |(region, link): (String, RawLink)| {
        let hash = Hash::parse(&link.hash)?;
        Some((RegionId::parse(&region).ok()?, Link { n: link.n, hash }))
    };
    let links: Option<Links> = raw.regions.into_iter().map(link).collect();
    links.ok_or(AnchorError::Damaged)
}

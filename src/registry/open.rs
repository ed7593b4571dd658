//! Opening one region's view of a store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::Registry;
use super::anchor::{Anchor, AnchorError};
use super::flight::Flights;
use super::health::Facts;
use super::keys::Keys;
use super::memory::{CHANGED, Memory};
use super::pin::Signer;
use super::probe::WrongKey;
use super::random::Randomness;
use super::seal::Sealer;
use super::stats::Counters;
use super::store::{Listener, Store};
use crate::config::Catalogue;
use crate::domain::{Clock, RegionId};

/// What a registry is made of.
pub struct Parts {
    pub region: RegionId,
    pub catalogue: Arc<Catalogue>,
    pub store: Arc<dyn Store>,
    pub keys: Arc<dyn Keys>,
    /// The anchor's file.
    pub anchor: PathBuf,
    /// How many known Apps stay in memory.
    pub cache_capacity: u64,
    /// How long a miss is remembered; more than 5 s counts as 5 s.
    pub negative_ttl: Duration,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    /// Refuse to start without an anchor.
    pub require_anchor: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the catalogue has no region {0}")]
    UnknownRegion(RegionId),
    #[error(transparent)]
    WrongKey(#[from] WrongKey),
    #[error("the pin key is not in the catalogue's entry of its region")]
    PinKeyNotListed,
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    #[error(
        "there is no registry anchor at {0}, and --require-anchor demands one: put the newest one back (docs/backup.md)"
    )]
    NoAnchor(PathBuf),
}

impl Registry {
    /// Opens a region's view of the store, and checks the store against the anchor. A store that
    /// is away or was rolled back shows in [`Registry::state`].
    ///
    /// # Errors
    /// When keys or anchor can't be used.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, OpenError> {
        let signer = signer(&parts)?;
        let sealer = Sealer::new(
            parts.region.clone(),
            parts.keys,
            Arc::clone(&parts.randomness),
        );
        let (anchor, existed) = Anchor::open(parts.anchor.clone())?;
        if parts.require_anchor && !existed {
            return Err(OpenError::NoAnchor(parts.anchor));
        }
        let (sender, changed) = mpsc::channel(CHANGED);
        let memory = Arc::new(Memory::new(
            parts.region.clone(),
            parts.cache_capacity,
            parts.negative_ttl,
            sender,
        ));
        let listener: Arc<dyn Listener> = Arc::clone(&memory) as _;
        parts.store.listen(Arc::downgrade(&listener));
        let registry = Arc::new(Self {
            region: parts.region,
            catalogue: parts.catalogue,
            store: parts.store,
            sealer,
            signer,
            anchor,
            anchor_was_missing: !existed,
            memory,
            facts: Facts::default(),
            counters: Counters::default(),
            flights: Flights::default(),
            checks: Flights::default(),
            book: ArcSwapOption::empty(),
            changed: Mutex::new(Some(changed)),
            clock: parts.clock,
            randomness: parts.randomness,
        });
        registry.check().await;
        registry.probe().await?;
        Ok(registry)
    }
}

fn signer(parts: &Parts) -> Result<Signer, OpenError> {
    let region = parts.catalogue.region(&parts.region);
    let region = region.ok_or_else(|| OpenError::UnknownRegion(parts.region.clone()))?;
    let signer = Signer::new(Arc::clone(&parts.keys));
    if signer.is_listed(&region.pin_keys) {
        Ok(signer)
    } else {
        Err(OpenError::PinKeyNotListed)
    }
}

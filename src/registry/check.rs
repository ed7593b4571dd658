//! The regular comparison of the store with the anchor and the catalogue, and the task that does
//! it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::sync::mpsc;

use super::anchor::AnchorError;
use super::health::{State, Trust};
use super::known::AppName;
use super::store::{CommitError, Key, Store, Txn, Unavailable};
use super::trust::Fault;
use super::{Distrust, Link, Registry};
use crate::config::Catalogue;
use crate::domain::{AppKey, RegionId};

/// Writes the catalogue's region ids into a store that has none: the administrator's part of
/// making a store. Whether the store now has exactly these.
///
/// # Errors
/// When the store doesn't answer.
pub async fn ensure_regions(store: &dyn Store, catalogue: &Catalogue) -> Result<bool, Unavailable> {
    let wanted = region_list(catalogue);
    match store.put_admin(None, wanted.clone()).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict) => {
            let there = store.read(vec![Key::regions()]).await?;
            Ok(there.into_iter().next().flatten() == Some(wanted))
        }
        Err(CommitError::Unavailable(error)) => Err(error),
    }
}

/// The value of `regions`: the sorted ids, a line each.
pub(super) fn region_list(catalogue: &Catalogue) -> Vec<u8> {
    let mut ids: Vec<&str> = catalogue.regions.iter().map(|r| r.id.as_str()).collect();
    ids.sort_unstable();
    ids.join("\n").into_bytes()
}

/// Why a transaction was not made, or not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("something else was written first")]
    Conflict,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Anchor(#[from] AnchorError),
}

/// How often the store is compared with the anchor.
const EVERY: Duration = Duration::from_secs(1);

impl Registry {
    /// Runs for as long as the gateway does: compares the store with the anchor each second, and
    /// reads changed Apps again so that they stay known.
    pub async fn watch(self: Arc<Self>) {
        let changed = self.changed.lock().take();
        let refreshing = self.refresh(changed);
        let checking = async {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.verify().await;
            }
        };
        tokio::join!(refreshing, checking);
    }

    /// Compares the store with the anchor and the catalogue now.
    pub async fn verify(&self) -> State {
        self.checks.join((), || self.check()).await;
        self.state()
    }

    /// Commits to this region's part. The store must still have the newest link that was seen of
    /// every region, and the anchor knows the new one before this returns.
    pub(super) async fn commit(&self, txn: Txn) -> Result<(), WriteError> {
        // Of every region: what a restored store has lost of another one may have had these names.
        let seen = self.anchor.links().into_iter();
        let txn = seen.fold(txn, |txn, (key, value)| txn.equals(key, value));
        let link = self.store.commit(txn).await;
        let link = link.map_err(|error| match error {
            CommitError::Conflict => WriteError::Conflict,
            CommitError::Unavailable(error) => {
                self.facts.away();
                WriteError::Unavailable(error)
            }
        })?;
        self.anchor.note(&self.region, link);
        self.anchor.sync().await?;
        Ok(())
    }

    /// For what is acknowledged without a commit: it may rest on an earlier one that was refused
    /// because its anchor could not be written, or on one of another gateway that this anchor
    /// hasn't seen. Not joined with a comparison under way, which may have read before it.
    pub(super) async fn anchored(&self) -> Result<(), Fault> {
        self.check().await;
        self.require_trust().await?;
        self.anchor.sync().await.map_err(|error| {
            tracing::error!(%error, "what is in the registry cannot be acknowledged");
            Unavailable.into()
        })
    }

    pub(super) async fn check(&self) {
        let checked = self.compare().await;
        let Ok((rolled_back, same_regions)) = checked else {
            self.facts.away();
            return;
        };
        let was_known = matches!(self.facts.trust(), Trust::RolledBack(_));
        if rolled_back.is_some() && !was_known {
            self.distrusted(Distrust::RolledBack);
        }
        let trusted = rolled_back.is_none();
        self.facts.checked(rolled_back, same_regions);
        if trusted && let Err(error) = self.anchor.sync().await {
            // The next second tries again; an own commit isn't acknowledged without it.
            tracing::error!(%error, "the newest state of the registry cannot be remembered");
        }
    }

    /// The first region whose chain has lost what was seen of it, and whether the regions agree.
    async fn compare(&self) -> Result<(Option<RegionId>, bool), Unavailable> {
        let regions = self.store.read(vec![Key::regions()]);
        // Side by side: a store may be far away.
        let chains = join_all(self.chains().into_iter().map(|region| self.chain(region)));
        let (regions, chains) = join(regions, chains).await;
        let regions = regions?.into_iter().next().flatten();
        let same_regions = regions == Some(region_list(&self.catalogue));
        let mut newest = Vec::new();
        for chain in chains {
            let (region, link, is_whole) = chain?;
            if !is_whole {
                return Ok((Some(region), same_regions));
            }
            newest.push((region, link));
        }
        for (region, link) in newest {
            self.noted(&region, link);
        }
        Ok((None, same_regions))
    }

    /// A region's newest link, and whether the one that was seen is there.
    async fn chain(&self, region: RegionId) -> Result<(RegionId, Option<Link>, bool), Unavailable> {
        let link = self.store.newest_link(&region).await?;
        let is_whole = self.has_anchor(&region).await?;
        Ok((region, link, is_whole))
    }

    /// Whether the link that was seen is there. Asked after the newest link was read: a newest
    /// link of another history can't be taken for this one's then.
    async fn has_anchor(&self, region: &RegionId) -> Result<bool, Unavailable> {
        let Some(seen) = self.anchor.newest(region) else {
            return Ok(true);
        };
        let there = self.store.link(region, seen.n).await?;
        Ok(there == Some(seen))
    }

    fn noted(&self, region: &RegionId, link: Option<Link>) {
        if let Some(link) = link {
            self.anchor.note(region, link);
        }
    }

    fn chains(&self) -> Vec<RegionId> {
        let listed = self.catalogue.regions.iter().map(|r| r.id.clone());
        let mut all: Vec<RegionId> = listed.chain(self.anchor.regions()).collect();
        all.sort();
        all.dedup();
        all
    }

    async fn refresh(&self, changed: Option<mpsc::Receiver<AppKey>>) {
        let Some(mut changed) = changed else { return };
        while let Some(key) = changed.recv().await {
            // A failure was counted and said; the App's next request asks again.
            let _failed = self.look_up(AppName::Key(key)).await;
        }
    }
}

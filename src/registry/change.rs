//! Changes of an App's record: suspending, resuming, retiring, and the frame of all others.

use std::sync::Arc;

use super::Registry;
use super::check::WriteError;
use super::known::{App, Home, Status};
use super::names::key_hash;
use super::record::Record;
use super::seal::{SealError, Subject};
use super::store::{Key, Place, Txn};
use super::trust::{Fault, Stored, Verified};
use crate::domain::{AppId, RegionId, ZoneId};

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("no such App is registered")]
    Unknown,
    #[error("the App lives in {0}")]
    Elsewhere(RegionId),
    #[error("the App is retired")]
    Retired,
    #[error("the App has changed since that revision")]
    Stale,
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry is not believed")]
    Untrusted,
    #[error("the record cannot be sealed")]
    Seal(#[source] SealError),
}

/// What an edit did.
pub(super) enum Edited {
    Changed,
    /// It is so already.
    Same,
}

/// How often a change starts anew because another one came first.
const ATTEMPTS: usize = 64;

impl Registry {
    /// Refuses the App's traffic until it is resumed.
    ///
    /// # Errors
    /// See [`ChangeError`]; after `Unavailable` it may have happened or not.
    pub async fn suspend(
        &self,
        id: &AppId,
        if_match: Option<u64>,
    ) -> Result<Arc<App>, ChangeError> {
        self.set_status(id, if_match, Status::Suspended).await
    }

    /// Ends a suspension.
    ///
    /// # Errors
    /// As [`Registry::suspend`].
    pub async fn resume(&self, id: &AppId, if_match: Option<u64>) -> Result<Arc<App>, ChangeError> {
        self.set_status(id, if_match, Status::Active).await
    }

    /// Ends the App for ever. Its secrets are erased, its names stay taken. Retiring again changes
    /// nothing.
    ///
    /// # Errors
    /// As [`Registry::suspend`].
    pub async fn retire(&self, id: &AppId, if_match: Option<u64>) -> Result<Arc<App>, ChangeError> {
        let retire = |record: &mut Record| {
            record.erase_secrets();
            Ok(Edited::Changed)
        };
        match self.edit(id, if_match, retire).await {
            Err(ChangeError::Retired) => self.tombstone(id).await,
            other => other,
        }
    }

    async fn set_status(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        status: Status,
    ) -> Result<Arc<App>, ChangeError> {
        let set = |record: &mut Record| {
            let same = record.status == status;
            record.status = status;
            Ok(if same { Edited::Same } else { Edited::Changed })
        };
        self.edit(id, if_match, set).await
    }

    /// Reads the record, edits it, and writes it if it is still what was read; again if not.
    pub(super) async fn edit<E: From<ChangeError>>(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        edit: impl Fn(&mut Record) -> Result<Edited, E> + Send,
    ) -> Result<Arc<App>, E> {
        for _ in 0..ATTEMPTS {
            let (mut stored, zone) = self.changeable(id, if_match).await?;
            if let Edited::Same = edit(&mut stored.record)? {
                self.anchored().await.map_err(|f| self.unchanged(f))?;
                return Ok(self.changed_app(stored.record, zone));
            }
            stored.record.revision += 1;
            match self.overwrite(&stored).await {
                Ok(()) => return Ok(self.changed_app(stored.record, zone)),
                Err(Overwrite::Conflict) => {
                    self.verify().await;
                }
                Err(Overwrite::Failed(error)) => return Err(error.into()),
            }
        }
        Err(ChangeError::Unavailable.into())
    }

    async fn changeable(
        &self,
        id: &AppId,
        if_match: Option<u64>,
    ) -> Result<(Stored, ZoneId), ChangeError> {
        let (pin, stored) = self.stored(id).await?;
        if stored.record.status == Status::Retired {
            return Err(ChangeError::Retired);
        }
        if if_match.is_some_and(|revision| revision != stored.record.revision) {
            return Err(ChangeError::Stale);
        }
        Ok((stored, pin))
    }

    async fn stored(&self, id: &AppId) -> Result<(ZoneId, Stored), ChangeError> {
        self.require_trust().await.map_err(|f| self.unchanged(f))?;
        let found = self.read_by_id(id).await.map_err(|f| self.unchanged(f))?;
        let (_, Verified { pin, record }) = found.ok_or(ChangeError::Unknown)?;
        let said = pin.says();
        let stored = record.ok_or_else(|| ChangeError::Elsewhere(said.region.clone()))?;
        Ok((said.zone.clone(), stored))
    }

    async fn tombstone(&self, id: &AppId) -> Result<Arc<App>, ChangeError> {
        let found = self.read_by_id(id).await.map_err(|f| self.unchanged(f))?;
        let (key, verified) = found.ok_or(ChangeError::Unknown)?;
        self.anchored().await.map_err(|f| self.unchanged(f))?;
        match self.home(&key, verified) {
            Home::Here(app) => Ok(app),
            Home::Elsewhere(region) => Err(ChangeError::Elsewhere(region)),
        }
    }

    async fn overwrite(&self, stored: &Stored) -> Result<(), Overwrite> {
        let record = &stored.record;
        let hash = key_hash(&record.app_key);
        let sealed = self
            .sealer
            .seal(Subject::Record(&hash), record.revision, &record.to_json())
            .await;
        let sealed = sealed.map_err(|e| Overwrite::Failed(ChangeError::Seal(e)))?;
        let txn = Txn::new(self.region.clone())
            .equals(Key::app(&self.region, &hash), stored.bytes.clone())
            .put(&Place::App(hash), sealed);
        self.commit(txn).await.map_err(|error| match error {
            WriteError::Conflict => Overwrite::Conflict,
            WriteError::Unavailable(_) => Overwrite::Failed(ChangeError::Unavailable),
            WriteError::Anchor(error) => {
                tracing::error!(%error, "a change cannot be acknowledged");
                Overwrite::Failed(ChangeError::Unavailable)
            }
        })
    }

    fn changed_app(&self, record: Record, zone: ZoneId) -> Arc<App> {
        let load = self.memory.loads.of(key_hash(&record.app_key));
        Arc::new(record.into_app(zone, load))
    }

    pub(super) fn unchanged(&self, fault: Fault) -> ChangeError {
        match fault {
            Fault::Unavailable(_) => ChangeError::Unavailable,
            Fault::Distrust(reason) => {
                self.distrusted(reason);
                ChangeError::Untrusted
            }
        }
    }
}

enum Overwrite {
    Conflict,
    Failed(ChangeError),
}

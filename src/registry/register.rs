//! Registering an App: one atomic step that decides its home for ever.

use std::sync::Arc;

use super::Registry;
use super::create::CreateError;
use super::distrust::Distrust;
use super::known::{App, AuthMode, Certificate, Home, Plan, Status};
use super::names::{id_hash, key_hash, pair};
use super::pin::Pin;
use super::seal::SealError;
use super::store::Key;
use super::trust::{Fault, Named, Verified};
use crate::domain::{AppId, AppKey, RegionId, ZoneId};

/// What is asked for. What is left out counts as equal to what is there, or is chosen.
#[derive(Debug, Clone)]
pub struct NewApp {
    pub app_id: Option<AppId>,
    pub app_key: AppKey,
    /// Left out: the gateway's own.
    pub region: Option<RegionId>,
    /// Left out: the region's first.
    pub zone: Option<ZoneId>,
    pub plan: Option<Plan>,
    pub auth_mode: Option<AuthMode>,
}

#[derive(Debug)]
pub enum Registered {
    Created {
        app: Arc<App>,
        certificate: Certificate,
        /// For the audit log.
        pins: PinBytes,
    },
    /// The same App was registered before.
    Existing {
        app: Arc<App>,
        /// For the audit log: the registration may have ended before it was written there.
        pins: PinBytes,
    },
}

/// An App's two pins as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinBytes {
    pub id: Vec<u8>,
    pub key: Vec<u8>,
}

/// Why nothing was registered. The first that applies, in this order, is given; the last three
/// concern the registry itself.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the App is retired; its App ID and AppKey stay taken")]
    Retired,
    #[error("the AppKey is registered with another App ID, or spelt otherwise")]
    AppKeyTaken,
    #[error("the App ID is registered with another AppKey, or spelt otherwise")]
    AppIdTaken,
    #[error("the App's region and zone can never change")]
    RegionImmutable,
    #[error("Apps of {home} are registered there")]
    NotThisRegion { home: RegionId },
    #[error("the App is registered with another plan or mode")]
    AlreadyRegistered,
    #[error("the region has no such zone")]
    UnknownZone,
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry is not believed")]
    Untrusted,
    #[error("the catalogue's regions are not the registry's")]
    Degraded,
    #[error("the record cannot be sealed")]
    Seal(#[source] SealError),
}

/// How often a registration starts anew because something else was written first. Each time it
/// finds what that was; more than once or twice means trouble.
const ATTEMPTS: usize = 8;

impl Registry {
    /// Registers an App in this region.
    ///
    /// # Errors
    /// See [`RegisterError`]. After `Unavailable` it may have happened or not.
    pub async fn register(&self, new: NewApp) -> Result<Registered, RegisterError> {
        for _ in 0..ATTEMPTS {
            self.require_trust().await.map_err(|f| self.refused(f))?;
            if let Some(app) = self.existing(&new).await? {
                let pins = self.stored_pins(&app).await;
                let pins = pins.map_err(|f| self.refused(f))?;
                self.anchored().await.map_err(|f| self.refused(f))?;
                return Ok(Registered::Existing { app, pins });
            }
            match self.create(&new).await {
                Ok(created) => return Ok(created),
                Err(CreateError::Conflict) => {
                    // Another registration, a rollback, or a changed list of regions.
                    self.verify().await;
                }
                Err(CreateError::Refused(error)) => return Err(error),
            }
        }
        Err(RegisterError::Unavailable)
    }

    /// The App, if the same one is registered; `None`: both names are free.
    async fn existing(&self, new: &NewApp) -> Result<Option<Arc<App>>, RegisterError> {
        // The App ID first: if both are being registered right now, the AppKey is seen at least as
        // late, and so nobody takes this App for another one.
        let by_id = self.pinned_id(new).await?;
        let by_key = self.read_key(&new.app_key, new.app_id.as_ref()).await;
        let by_key = by_key.map_err(|f| self.refused(f))?;
        self.refuse_retired(&by_id, &by_key).await?;
        let verified = match by_key {
            Named::SpeltOtherwise => return Err(RegisterError::AppKeyTaken),
            Named::Taken(verified) => verified,
            Named::Free => return self.free(new, &by_id).map(|()| None),
        };
        self.same(new, &by_id, verified).map(Some)
    }

    /// Both pins of an App of this region, which were verified.
    async fn stored_pins(&self, app: &App) -> Result<PinBytes, Fault> {
        let hashes = [id_hash(&app.app_id), key_hash(&app.app_key)];
        let keys = hashes.map(|hash| Key::pin(&self.region, &hash));
        let mut values = self.read(keys.to_vec()).await?.into_iter().flatten();
        match (values.next(), values.next()) {
            (Some(id), Some(key)) => Ok(PinBytes { id, key }),
            _ => Err(Distrust::LonePin.into()),
        }
    }

    async fn pinned_id(&self, new: &NewApp) -> Result<Named<(Pin, AppKey)>, RegisterError> {
        match &new.app_id {
            None => Ok(Named::Free),
            Some(id) => self.read_id(id).await.map_err(|f| self.refused(f)),
        }
    }

    /// Retired Apps of this region answer first, whichever of their names is asked for.
    async fn refuse_retired(
        &self,
        by_id: &Named<(Pin, AppKey)>,
        by_key: &Named<Verified>,
    ) -> Result<(), RegisterError> {
        if let Named::Taken(verified) = by_key {
            refuse_retired(verified)?;
        }
        if let Named::Taken((pin, key)) = by_id
            && pin.says().region == self.region
        {
            match self.read_key(key, None).await {
                Ok(Named::Taken(verified)) => refuse_retired(&verified)?,
                Ok(_) => return Err(self.refused(Distrust::LonePin.into())),
                Err(fault) => return Err(self.refused(fault)),
            }
        }
        Ok(())
    }

    /// Whether an App may be made here of names that are free.
    fn free(&self, new: &NewApp, by_id: &Named<(Pin, AppKey)>) -> Result<(), RegisterError> {
        if !matches!(by_id, Named::Free) {
            return Err(RegisterError::AppIdTaken);
        }
        self.asked_for_here(new)
    }

    /// The registered App, if it is the one that is asked for.
    fn same(
        &self,
        new: &NewApp,
        by_id: &Named<(Pin, AppKey)>,
        verified: Verified,
    ) -> Result<Arc<App>, RegisterError> {
        let pin = verified.pin.says();
        let is_pair = |id: &AppId| pair(id, &new.app_key) == pin.pair;
        if !new.app_id.as_ref().is_none_or(is_pair) {
            return Err(RegisterError::AppKeyTaken);
        }
        if let Named::Taken((id_pin, _)) = by_id
            && id_pin.says().region != pin.region
        {
            return Err(self.refused(Distrust::UnequalPins.into()));
        }
        let region = new.region.as_ref().unwrap_or(&self.region);
        let same_zone = new.zone.as_ref().is_none_or(|zone| *zone == pin.zone);
        if *region != pin.region || !same_zone {
            return Err(RegisterError::RegionImmutable);
        }
        self.asked_for_here(new)?;
        let Home::Here(app) = self.home(&new.app_key, verified) else {
            return Err(RegisterError::RegionImmutable);
        };
        let same_plan = new.plan.is_none_or(|plan| plan == app.plan);
        let same_mode = new.auth_mode.is_none_or(|mode| mode == app.auth_mode);
        if same_plan && same_mode {
            Ok(app)
        } else {
            Err(RegisterError::AlreadyRegistered)
        }
    }

    fn asked_for_here(&self, new: &NewApp) -> Result<(), RegisterError> {
        match &new.region {
            Some(region) if *region != self.region => Err(RegisterError::NotThisRegion {
                home: region.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn refused(&self, fault: Fault) -> RegisterError {
        match fault {
            Fault::Unavailable(_) => RegisterError::Unavailable,
            Fault::Distrust(reason) => {
                self.distrusted(reason);
                RegisterError::Untrusted
            }
        }
    }
}

fn refuse_retired(verified: &Verified) -> Result<(), RegisterError> {
    let record = verified.record.as_ref();
    match record.map(|stored| stored.record.status) {
        Some(Status::Retired) => Err(RegisterError::Retired),
        _ => Ok(()),
    }
}

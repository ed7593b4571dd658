//! Putting back what an older store has lost and the audit log still knows: pins and tombstones.
//!
//! Nothing is ever removed. A pin comes back by its bytes, which are signed: the log could not
//! invent one. The record that went with it is lost unless the store has it, so the App stays
//! `registry_untrusted`: its names are taken, and nobody comes in. A retired App gets a tombstone,
//! sealed anew where its record is lost.

use super::check::WriteError;
use super::distrust::Distrust;
use super::known::{AppLimits, AuthMode, Plan, Status};
use super::names::{Hash, PinKind, id_hash, key_hash, pair};
use super::pin::{Found, Pin};
use super::record::{Record, TokenRules};
use super::register::PinBytes;
use super::seal::{SealError, Subject};
use super::store::{Key, Place, Txn};
use super::trust::{Fault, Named, agree};
use super::{Registry, sealed_key};
use crate::domain::{AppId, AppKey};

/// What was put back of an App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBack {
    /// It was all there.
    Nothing,
    /// The pins; with the App's record, if the store has it, it lives again.
    Pins,
    Tombstone,
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("its pins in the audit log do not verify: {0}")]
    Log(Distrust),
    #[error("the store has other pins under its names")]
    OtherPins,
    #[error("it is retired, and neither the store nor the audit log has its pins")]
    NoPins,
    #[error("what the store has of it is not believed: {0}")]
    Untrusted(Distrust),
    #[error("the registry cannot be reached or written")]
    Unavailable,
    #[error("its tombstone cannot be sealed")]
    Seal(#[from] SealError),
}

impl Registry {
    /// Puts the pins of an App of this region back where the store lacks them.
    ///
    /// # Errors
    /// When they are not an App's of this region, or others stand in their place.
    pub async fn put_back_pins(
        &self,
        id: &AppId,
        pins: &PinBytes,
    ) -> Result<PutBack, ReconcileError> {
        let (by_id, by_key) = self.verified_pins(id, pins).map_err(ReconcileError::Log)?;
        let mut txn = Txn::new(self.region.clone());
        let mut lost = false;
        for (hash, bytes) in [(by_id, &pins.id), (by_key, &pins.key)] {
            let keys = self.pin_keys(&hash);
            let own = Key::pin(&self.region, &hash);
            for (key, there) in keys.iter().zip(self.read(keys.clone()).await?) {
                match there {
                    None => txn = txn.absent(key.clone()),
                    Some(there) if *key == own && there == *bytes => {}
                    Some(_) => return Err(ReconcileError::OtherPins),
                }
            }
            if self.read(vec![own]).await?.iter().any(Option::is_none) {
                txn = txn.put(&Place::Pin(hash), bytes.clone());
                lost = true;
            }
        }
        if !lost {
            return Ok(PutBack::Nothing);
        }
        self.commit(txn).await?;
        Ok(PutBack::Pins)
    }

    /// Makes the record of a retired App of this region the tombstone that it was.
    ///
    /// # Errors
    /// When the App's pins are not there, or its record does not open.
    pub async fn put_back_tombstone(&self, id: &AppId) -> Result<PutBack, ReconcileError> {
        let Named::Taken((pin, app_key)) = self.read_id(id).await? else {
            return Err(ReconcileError::NoPins);
        };
        if pin.says().region != self.region {
            return Err(ReconcileError::OtherPins);
        }
        let hash = key_hash(&app_key);
        let place = Key::app(&self.region, &hash);
        let there = self.read(vec![place.clone()]).await?.into_iter().next();
        let txn = Txn::new(self.region.clone());
        let (record, txn) = match there.flatten() {
            None => (tombstone(*id, app_key, pin.says().time), txn.absent(place)),
            Some(bytes) => {
                let mut record = self.unseal(&hash, &bytes).await?;
                if record.status == Status::Retired {
                    return Ok(PutBack::Nothing);
                }
                record.erase_secrets();
                record.revision += 1;
                (record, txn.equals(place, bytes))
            }
        };
        let subject = Subject::Record(&hash);
        let sealed = self
            .sealer
            .seal(subject, record.revision, &record.to_json())
            .await?;
        self.commit(txn.put(&Place::App(hash), sealed)).await?;
        Ok(PutBack::Tombstone)
    }

    /// The places of two pins that are an App's of this region, both of them.
    fn verified_pins(&self, id: &AppId, pins: &PinBytes) -> Result<(Hash, Hash), Distrust> {
        let found = |kind, hash| Found {
            kind,
            hash,
            region: &self.region,
        };
        let by_id = id_hash(id);
        let id_pin = Pin::verify(&self.catalogue, found(PinKind::Id, by_id), &pins.id)?;
        let said = id_pin.says();
        let key = sealed_key::open(id, &by_id, &said.region, &said.sealed);
        let key = key.ok_or(Distrust::SealedKey)?;
        let by_key = key_hash(&key);
        let key_pin = Pin::verify(&self.catalogue, found(PinKind::Key, by_key), &pins.key)?;
        if pair(id, &key) != said.pair {
            return Err(Distrust::OtherPair);
        }
        agree(&id_pin, &key_pin)?;
        Ok((by_id, by_key))
    }
}

/// The tombstone of an App whose record is lost.
fn tombstone(app_id: AppId, app_key: AppKey, created_at: u64) -> Record {
    Record {
        app_id,
        app_key,
        certificates: Vec::new(),
        plan: Plan::Free,
        retention_days: Plan::Free.default_retention_days(),
        auth_mode: AuthMode::Secure,
        status: Status::Retired,
        limits: AppLimits::default(),
        token_rules: TokenRules::default(),
        revoked_users: Vec::new(),
        created_at,
        revision: 1,
    }
}

impl From<Fault> for ReconcileError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable(_) => Self::Unavailable,
            Fault::Distrust(reason) => Self::Untrusted(reason),
        }
    }
}

impl From<WriteError> for ReconcileError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::OtherPins,
            WriteError::Unavailable(_) => Self::Unavailable,
            WriteError::Anchor(error) => {
                tracing::error!(%error, "the new anchor cannot be written");
                Self::Unavailable
            }
        }
    }
}

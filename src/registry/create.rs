//! Making an App: its record, its two pins, and the one transaction that writes them.

use std::sync::Arc;

use secrecy::SecretString;

use super::check::{WriteError, region_list};
use super::known::{AppLimits, AuthMode, CertRole, Certificate, Plan, Status};
use super::names::{PinKind, exact, id_hash, key_hash, pair};
use super::pin::Statement;
use super::random::{self, NoRandomness};
use super::record::{Record, TokenRules};
use super::register::{NewApp, PinBytes, RegisterError, Registered};
use super::seal::{SealError, Subject};
use super::store::{Key, Place, Txn};
use super::{Registry, sealed_key};
use crate::domain::{AppId, ZoneId};

/// Why nothing was made.
pub(super) enum CreateError {
    Conflict,
    Refused(RegisterError),
}

impl Registry {
    pub(super) async fn create(&self, new: &NewApp) -> Result<Registered, CreateError> {
        if !self.facts.same_regions() {
            return Err(CreateError::Refused(RegisterError::Degraded));
        }
        let zone = self.zone(new)?;
        let draft = self.draft(new).map_err(|e| RegisterError::Seal(e.into()))?;
        let pins = self.pins(&draft, &zone).await;
        let pins = pins.map_err(RegisterError::Seal)?;
        let hash = key_hash(&draft.app_key);
        let sealed = self
            .sealer
            .seal(Subject::Record(&hash), draft.revision, &draft.to_json())
            .await;
        let sealed = sealed.map_err(RegisterError::Seal)?;
        self.commit(self.registration(&draft, &pins, sealed))
            .await?;
        let certificate = draft.certificates.first().cloned();
        // A draft has one certificate.
        let certificate = certificate.ok_or(RegisterError::Unavailable)?;
        let app = Arc::new(draft.into_app(zone, self.memory.loads.of(hash)));
        Ok(Registered::Created {
            app,
            certificate,
            pins,
        })
    }

    fn zone(&self, new: &NewApp) -> Result<ZoneId, RegisterError> {
        let zones = self.catalogue.region(&self.region).map(|r| &r.zones);
        let mut zones = zones.into_iter().flatten();
        let zone = match &new.zone {
            None => zones.next(),
            Some(zone) => zones.find(|z| *z == zone),
        };
        zone.cloned().ok_or(RegisterError::UnknownZone)
    }

    fn draft(&self, new: &NewApp) -> Result<Record, NoRandomness> {
        let app_id = match new.app_id {
            Some(id) => id,
            None => self.fresh_app_id()?,
        };
        let plan = new.plan.unwrap_or(Plan::Free);
        let created_at = self.clock.unix();
        Ok(Record {
            app_id,
            app_key: new.app_key,
            certificates: vec![self.fresh_certificate(CertRole::Primary)?],
            plan,
            retention_days: plan.default_retention_days(),
            auth_mode: new.auth_mode.unwrap_or(AuthMode::Secure),
            status: Status::Active,
            limits: AppLimits::default(),
            token_rules: TokenRules::default(),
            revoked_users: Vec::new(),
            created_at,
            revision: 1,
        })
    }

    fn fresh_app_id(&self) -> Result<AppId, NoRandomness> {
        let digits = random::digits::<16>(&*self.randomness)?;
        AppId::parse(&digits).map_err(|_| NoRandomness)
    }

    pub(super) fn fresh_certificate(&self, role: CertRole) -> Result<Certificate, NoRandomness> {
        Ok(Certificate {
            id: random::digits::<6>(&*self.randomness)?,
            role,
            value: SecretString::from(random::digits::<16>(&*self.randomness)?),
            created_at: self.clock.unix(),
        })
    }

    async fn pins(&self, draft: &Record, zone: &ZoneId) -> Result<PinBytes, SealError> {
        let (id, key) = (&draft.app_id, &draft.app_key);
        let hash = id_hash(id);
        let sealed = sealed_key::seal(&*self.randomness, id, &hash, &self.region, key)?;
        let statement = |kind, hash, name: &str, sealed| Statement {
            kind,
            hash,
            exact: exact(kind, name),
            region: self.region.clone(),
            zone: zone.clone(),
            time: draft.created_at,
            pair: pair(id, key),
            sealed,
        };
        let by_id = statement(PinKind::Id, hash, id.as_str(), sealed);
        let by_key = statement(PinKind::Key, key_hash(key), key.as_str(), Vec::new());
        Ok(PinBytes {
            id: self.signer.sign(&by_id).await?,
            key: self.signer.sign(&by_key).await?,
        })
    }

    /// Both pins absent under every region, the record under its own, `regions` as it should be.
    fn registration(&self, draft: &Record, pins: &PinBytes, sealed: Vec<u8>) -> Txn {
        let (by_id, by_key) = (id_hash(&draft.app_id), key_hash(&draft.app_key));
        let mut txn = Txn::new(self.region.clone());
        for key in [self.pin_keys(&by_id), self.pin_keys(&by_key)].concat() {
            txn = txn.absent(key);
        }
        txn.absent(Key::app(&self.region, &by_key))
            .equals(Key::regions(), region_list(&self.catalogue))
            .put(&Place::Pin(by_id), pins.id.clone())
            .put(&Place::Pin(by_key), pins.key.clone())
            .put(&Place::App(by_key), sealed)
    }
}

impl From<RegisterError> for CreateError {
    fn from(error: RegisterError) -> Self {
        Self::Refused(error)
    }
}

impl From<WriteError> for CreateError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => Self::Conflict,
            WriteError::Unavailable(_) => Self::Refused(RegisterError::Unavailable),
            WriteError::Anchor(error) => {
                tracing::error!(%error, "a registration cannot be acknowledged");
                Self::Refused(RegisterError::Unavailable)
            }
        }
    }
}

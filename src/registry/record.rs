//! The record of an App, as it stands inside its seal: JSON, format 1.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::known::{App, AppLimits, AppLoad, AuthMode, CertRole, Certificate, Plan, Status};
use crate::domain::{AppId, AppKey, ZoneId};

/// What a region keeps of one of its Apps. Its region and zone are in its pins.
#[derive(Clone)]
pub struct Record {
    pub app_id: AppId,
    pub app_key: AppKey,
    pub certificates: Vec<Certificate>,
    pub plan: Plan,
    pub retention_days: u32,
    pub auth_mode: AuthMode,
    pub status: Status,
    pub limits: AppLimits,
    pub token_rules: TokenRules,
    /// User id and unix second.
    pub revoked_users: Vec<(String, u64)>,
    /// Unix seconds.
    pub created_at: u64,
    pub revision: u64,
}

/// What the App's token server may do. Nothing is configurable yet; the place is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRules {}

impl fmt::Debug for Record {
    /// Without secrets and user ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("app_id", &self.app_id)
            .field("status", &self.status)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// How many days messages are kept when nothing else is agreed.
    pub const fn default_retention_days(self) -> u32 {
        match self {
            Self::Free => 7,
            Self::Basic => 90,
            Self::Advanced | Self::Enterprise => 180,
        }
    }
}

impl Record {
    /// The text to seal. Its copy of the secrets is wiped when it is dropped.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let certificates = self.certificates.iter();
        let raw = RawRecord {
            app_id: self.app_id.as_str().to_owned(),
            app_key: self.app_key.as_str().to_owned(),
            certificates: certificates.map(RawCertificate::new).collect(),
            plan: self.plan,
            retention_days: self.retention_days,
            auth_mode: self.auth_mode,
            status: self.status,
            limits: self.limits,
            token_rules: self.token_rules,
            revoked_users: self.revoked_users.clone(),
            created_at: self.created_at,
            revision: self.revision,
        };
        let mut text = Zeroizing::new(Vec::with_capacity(CAPACITY));
        // Texts and numbers only: writing them as JSON can't fail.
        let written = serde_json::to_writer(&mut *text, &raw);
        debug_assert!(written.is_ok());
        text
    }

    /// `None`: not a record.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let raw: RawRecord = serde_json::from_slice(text).ok()?;
        let certificates = raw.certificates.into_iter();
        Some(Self {
            app_id: AppId::parse(&raw.app_id).ok()?,
            app_key: AppKey::parse(&raw.app_key).ok()?,
            certificates: certificates.map(RawCertificate::read).collect(),
            plan: raw.plan,
            retention_days: raw.retention_days,
            auth_mode: raw.auth_mode,
            status: raw.status,
            limits: raw.limits,
            token_rules: raw.token_rules,
            revoked_users: raw.revoked_users,
            created_at: raw.created_at,
            revision: raw.revision,
        })
    }

    /// Retires the App: what stays keeps its names taken and can't let anybody in.
    pub fn erase_secrets(&mut self) {
        self.status = Status::Retired;
        self.certificates.clear();
        self.revoked_users.clear();
    }

    /// The App as traffic and the admin API see it.
    pub fn into_app(self, zone: ZoneId, load: Arc<AppLoad>) -> App {
        App {
            app_id: self.app_id,
            app_key: self.app_key,
            zone,
            plan: self.plan,
            retention_days: self.retention_days,
            auth_mode: self.auth_mode,
            status: self.status,
            limits: self.limits,
            certificates: self.certificates,
            revoked_users: self.revoked_users,
            created_at: self.created_at,
            revision: self.revision,
            load,
        }
    }
}

/// Enough for most records, so that no half-written copy is left behind by growing.
const CAPACITY: usize = 4_096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    app_id: String,
    app_key: String,
    certificates: Vec<RawCertificate>,
    plan: Plan,
    retention_days: u32,
    auth_mode: AuthMode,
    status: Status,
    #[serde(default)]
    limits: AppLimits,
    #[serde(default)]
    token_rules: TokenRules,
    #[serde(default)]
    revoked_users: Vec<(String, u64)>,
    created_at: u64,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertificate {
    id: String,
    role: CertRole,
    #[serde(serialize_with = "expose")]
    value: SecretString,
    created_at: u64,
}

impl RawCertificate {
    fn new(certificate: &Certificate) -> Self {
        Self {
            id: certificate.id.clone(),
            role: certificate.role,
            value: certificate.value.clone(),
            created_at: certificate.created_at,
        }
    }

    fn read(self) -> Certificate {
        Certificate {
            id: self.id,
            role: self.role,
            value: self.value,
            created_at: self.created_at,
        }
    }
}

fn expose<S: Serializer>(value: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.expose_secret())
}

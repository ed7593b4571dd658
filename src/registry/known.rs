//! What a gateway knows of an App once its pins verify and, at home, its record is opened.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use governor::DefaultDirectRateLimiter;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::{AppId, AppKey, RegionId, ZoneId};
use crate::places::Places;

/// How a request names its App.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppName {
    Key(AppKey),
    Id(AppId),
}

/// A verified answer to "whose App is this?". Immutable: a change makes a new one and marks this stale.
#[derive(Debug)]
pub struct Known {
    pub app_key: AppKey,
    pub home: Home,
    stale: AtomicBool,
}

/// Where an App lives.
#[derive(Debug)]
pub enum Home {
    /// In this gateway's region.
    Here(Arc<App>),
    Elsewhere(RegionId),
}

/// An App of this region: its opened record.
pub struct App {
    pub app_id: AppId,
    pub app_key: AppKey,
    pub zone: ZoneId,
    pub plan: Plan,
    pub retention_days: u32,
    pub auth_mode: AuthMode,
    pub status: Status,
    pub limits: AppLimits,
    pub certificates: Vec<Certificate>,
    /// User id and unix second: tokens of that user issued up to and including then are refused.
    pub revoked_users: Vec<(String, u64)>,
    /// Unix seconds.
    pub created_at: u64,
    pub revision: u64,
    /// What is in flight for this App in this process; survives changes of the record.
    pub load: Arc<AppLoad>,
}

/// Counters of one App in one process.
#[derive(Debug, Default)]
pub struct AppLoad {
    pub in_flight: Places,
    /// One for each rate that is asked with: sessions keep that of their beginning. The newest is the first.
    pub rates: ArcSwapOption<Vec<Arc<AppRate>>>,
}

/// A limiter and the rate it was made for, in calls a second.
#[derive(Debug)]
pub struct AppRate {
    pub per_second: NonZeroU32,
    pub limiter: DefaultDirectRateLimiter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Basic,
    Advanced,
    Enterprise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    Secure,
    Upstream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    Suspended,
    Retired,
}

/// An App's own limits, where they differ from the gateway's. Rates in requests a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<usize>,
}

/// An App certificate: the secret that signs the App's tokens.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub id: String,
    pub role: CertRole,
    /// 32 hexadecimal digits, used as text.
    pub value: SecretString,
    /// Unix seconds.
    pub created_at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertRole {
    Primary,
    Secondary,
}

impl App {
    /// The certificates whose signatures verify, the primary first.
    pub fn certificate_texts(&self) -> Vec<&str> {
        use secrecy::ExposeSecret;
        let certificates = self.certificates.iter();
        certificates.map(|c| c.value.expose_secret()).collect()
    }

    /// Up to and including which unix second the user's tokens were revoked.
    pub fn revoked_until(&self, user: &str) -> Option<u64> {
        let mut revoked = self.revoked_users.iter();
        revoked.find(|(u, _)| u == user).map(|(_, until)| *until)
    }
}

impl fmt::Debug for App {
    /// Without secrets and user ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("app_id", &self.app_id)
            .field("app_key", &self.app_key)
            .field("zone", &self.zone)
            .field("status", &self.status)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Known {
    pub fn new(app_key: AppKey, home: Home) -> Self {
        Self {
            app_key,
            home,
            stale: AtomicBool::new(false),
        }
    }

    /// Whether something newer is known. Caches that hold this must ask again.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    pub fn mark_stale(&self) {
        self.stale.store(true, Ordering::Release);
    }
}

#[cfg(test)]
impl App {
    /// One in secure mode, without certificates.
    pub fn example() -> Self {
        Self {
            app_id: AppId::parse("970ca35de60c44645bbae8a215061b33").unwrap(),
            app_key: AppKey::parse("acme#chat").unwrap(),
            zone: ZoneId::parse("fra1").unwrap(),
            plan: Plan::Free,
            retention_days: 7,
            auth_mode: AuthMode::Secure,
            status: Status::Active,
            limits: AppLimits::default(),
            certificates: Vec::new(),
            revoked_users: Vec::new(),
            created_at: 0,
            revision: 2,
            load: Arc::new(AppLoad::default()),
        }
    }
}

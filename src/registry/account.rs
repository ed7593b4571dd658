//! An administrator's account, as it stands inside its seal: JSON.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::AppId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// All.
    Owner,
    /// Apps; may be bound to orgs.
    Registrar,
    /// Tokens of named Apps, from named address ranges.
    Issuer,
    /// Reading.
    Auditor,
}

/// Who may use the admin API of this region.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// The Apps of an issuer.
    pub apps: Vec<AppId>,
    /// The orgs of a registrar; empty: all.
    pub orgs: Vec<String>,
    /// Where an issuer's key may be used from; empty: nowhere named.
    pub allow_from: Vec<IpNet>,
    /// SHA-256 of the key's text, lower-case hex.
    pub key_hash: String,
    /// Unix seconds.
    pub created_at: u64,
    /// Unix seconds; to the hour.
    pub last_used_at: Option<u64>,
    pub revision: u64,
}

impl fmt::Debug for Account {
    /// Without the person's name and the key's hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// What stands under an account's id.
pub(super) enum Entry {
    Account(Account),
    /// Deleted: nothing of the account is left, its id stays taken.
    Deleted {
        revision: u64,
    },
}

impl Entry {
    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let raw = match self {
            Self::Account(account) => Raw::Account(RawAccount::new(account)),
            Self::Deleted { revision } => Raw::Deleted {
                revision: *revision,
            },
        };
        // Texts and numbers only: writing them as JSON can't fail.
        Zeroizing::new(serde_json::to_vec(&raw).unwrap_or_default())
    }

    /// `None`: no account.
    pub(super) fn from_json(text: &[u8]) -> Option<Self> {
        match serde_json::from_slice(text).ok()? {
            Raw::Account(raw) => raw.read().map(Self::Account),
            Raw::Deleted { revision } => Some(Self::Deleted { revision }),
        }
    }

    pub(super) const fn revision(&self) -> u64 {
        match self {
            Self::Account(account) => account.revision,
            Self::Deleted { revision } => *revision,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
enum Raw {
    Account(RawAccount),
    Deleted { revision: u64 },
}

#[derive(Serialize, Deserialize)]
struct RawAccount {
    id: String,
    name: String,
    role: Role,
    apps: Vec<String>,
    orgs: Vec<String>,
    allow_from: Vec<String>,
    key_hash: String,
    created_at: u64,
    last_used_at: Option<u64>,
    revision: u64,
}

impl RawAccount {
    fn new(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            role: account.role,
            apps: account.apps.iter().map(ToString::to_string).collect(),
            orgs: account.orgs.clone(),
            allow_from: account.allow_from.iter().map(ToString::to_string).collect(),
            key_hash: account.key_hash.clone(),
            created_at: account.created_at,
            last_used_at: account.last_used_at,
            revision: account.revision,
        }
    }

    fn read(self) -> Option<Account> {
        let apps = self.apps.iter().map(|id| AppId::parse(id).ok());
        let ranges = self.allow_from.iter().map(|range| range.parse().ok());
        Some(Account {
            apps: apps.collect::<Option<_>>()?,
            allow_from: ranges.collect::<Option<_>>()?,
            id: self.id,
            name: self.name,
            role: self.role,
            orgs: self.orgs,
            key_hash: self.key_hash,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            revision: self.revision,
        })
    }
}

//! Where pins and records are kept.

mod etcd;

pub use etcd::prefix as etcd_prefix;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::read::{Item, Section};

#[derive(Debug, PartialEq, Eq)]
pub struct RegistryConfig {
    pub store: RegistryStore,
    /// The highest registry state seen (SPEC 7, rollback).
    pub anchor: PathBuf,
    /// How many known Apps stay in memory.
    pub cache_capacity: u64,
    /// How long a miss is remembered; at most 5 s.
    pub negative_ttl: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub enum RegistryStore {
    /// One file, used by one process.
    Embedded { path: PathBuf },
    /// Several machines.
    Etcd(EtcdConfig),
}

/// A cluster, and as whom it is used.
#[derive(Debug, Clone)]
pub struct EtcdConfig {
    /// URLs of the members, without a slash at the end.
    pub endpoints: Vec<String>,
    /// What all keys start with, without a slash at the end.
    pub prefix: String,
    /// A name and its password.
    pub user: Option<(String, SecretString)>,
    /// The CA certificates (PEM) that are trusted instead of the machine's own.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain and key (PEM), for an etcd that asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// With the password: another one is another way in.
impl PartialEq for EtcdConfig {
    fn eq(&self, other: &Self) -> bool {
        fn user(config: &EtcdConfig) -> Option<(&str, &str)> {
            let (name, password) = config.user.as_ref()?;
            Some((name, password.expose_secret()))
        }
        self.endpoints == other.endpoints
            && self.prefix == other.prefix
            && self.ca == other.ca
            && self.identity == other.identity
            && user(self) == user(other)
    }
}

impl Eq for EtcdConfig {}

/// Relative paths in here start from `data_dir`.
pub(super) fn read(item: &Item<'_>, data_dir: &Path, plain: bool) -> Option<RegistryConfig> {
    item.section(|s| {
        let store = store(s, item, data_dir, plain);
        let anchor = s.path("anchor", data_dir);
        let (cache_capacity, negative_ttl) = cache(s);
        Some(RegistryConfig {
            store: store?,
            anchor: anchor.unwrap_or_else(|| data_dir.join("registry.anchor")),
            cache_capacity,
            negative_ttl,
        })
    })?
}

fn store(
    s: &mut Section<'_>,
    item: &Item<'_>,
    data_dir: &Path,
    plain: bool,
) -> Option<RegistryStore> {
    let expected = "either embedded: {path: ...} or etcd: {endpoints: [...], ...}";
    match (s.take("embedded"), s.take("etcd")) {
        (Some(embedded), None) => read_embedded(&embedded, data_dir),
        (None, Some(etcd)) => etcd::read(&etcd, data_dir, plain),
        (Some(_), Some(_)) => item.fault("has both embedded and etcd", expected),
        (None, None) => item.fault("has neither embedded nor etcd", expected),
    }
}

fn read_embedded(item: &Item<'_>, data_dir: &Path) -> Option<RegistryStore> {
    let path = item.section(|s| s.need_path("path", data_dir))??;
    Some(RegistryStore::Embedded { path })
}

const CACHE_CAPACITY: u64 = 1_000_000;
const NEGATIVE_TTL: Duration = Duration::from_secs(5);

fn cache(s: &mut Section<'_>) -> (u64, Duration) {
    let cache = s.take("cache").and_then(|item| {
        item.section(|s| {
            let capacity = s
                .take("capacity")
                .and_then(|item| item.count(1..=1_000_000_000));
            let negative_ttl =
                s.duration("negative_ttl", Duration::ZERO..=NEGATIVE_TTL, NEGATIVE_TTL);
            (capacity.map_or(CACHE_CAPACITY, |n| n as u64), negative_ttl)
        })
    });
    cache.unwrap_or((CACHE_CAPACITY, NEGATIVE_TTL))
}

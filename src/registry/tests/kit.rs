//! Four regions over one store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::config::{Catalogue, KeyFile, PinKey, PinSigningKey, Region, SealKey};
use crate::domain::{AppId, AppKey, ManualClock, RegionId, ZoneId};
use crate::registry::pin::{Signer, Statement};
use crate::registry::seal::{Opened, Sealer, Subject};
use crate::registry::suite::Backend;
use crate::registry::{
    App, FileKeys, NewApp, Parts, Randomness, Registered, Registry, SealError, Store,
    SystemRandomness, ensure_regions,
};

pub const NOW: u64 = 1_800_000_000;

const REGIONS: [(&str, &[&str]); 4] = [
    ("beijing", &["bj1", "vip6"]),
    ("frankfurt", &["fra1"]),
    ("singapore", &["sg1"]),
    ("virginia", &["va1"]),
];

pub struct World {
    pub backend: Arc<dyn Backend>,
    pub store: Arc<dyn Store>,
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<ManualClock>,
    folder: TempDir,
}

impl World {
    /// A store that knows its regions.
    pub async fn new(backend: Arc<dyn Backend>) -> Self {
        let catalogue = Arc::new(catalogue());
        let store = backend.store();
        assert_eq!(ensure_regions(&*store, &catalogue).await, Ok(true));
        Self {
            backend,
            store,
            catalogue,
            clock: Arc::new(ManualClock::at(NOW)),
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn anchor(&self, region: &str) -> PathBuf {
        self.folder.path().join(format!("{region}.anchor"))
    }

    pub fn parts(&self, name: &str) -> Parts {
        Parts {
            region: region(name),
            catalogue: Arc::clone(&self.catalogue),
            store: Arc::clone(&self.store),
            keys: Arc::new(
                FileKeys::new(
                    KeyFile {
                        keys: vec![seal_key(name)],
                    },
                    &pin_key(name),
                )
                .unwrap(),
            ),
            anchor: self.anchor(name),
            cache_capacity: 10_000,
            negative_ttl: Duration::from_secs(5),
            clock: Arc::clone(&self.clock) as _,
            randomness: Arc::new(SystemRandomness),
            require_anchor: false,
        }
    }

    pub async fn open(&self, name: &str) -> Arc<Registry> {
        Registry::open(self.parts(name)).await.unwrap()
    }
}

pub fn region(name: &str) -> RegionId {
    RegionId::parse(name).unwrap()
}

pub fn key(text: &str) -> AppKey {
    AppKey::parse(text).unwrap()
}

/// The App ID that ends in these hexadecimal digits.
pub fn id(end: &str) -> AppId {
    AppId::parse(&format!("{end:0>32}")).unwrap()
}

pub fn app(app_id: AppId, app_key: AppKey) -> NewApp {
    NewApp {
        app_id: Some(app_id),
        app_key,
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    }
}

pub async fn registered(registry: &Registry, app_id: AppId, app_key: AppKey) -> Arc<App> {
    match registry.register(app(app_id, app_key)).await.unwrap() {
        Registered::Created { app, .. } => app,
        Registered::Existing { .. } => panic!("it was there already"),
    }
}

/// What needs no waiting: keys from files.
pub fn ready<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("it does not wait")
}

/// Seals and opens by these keys.
pub struct Seals(pub Sealer);

impl Seals {
    pub fn new(home: &str, keys: Vec<SealKey>, randomness: Arc<dyn Randomness>) -> Self {
        let keys = FileKeys::new(KeyFile { keys }, &pin_key(home)).unwrap();
        Self(Sealer::new(region(home), Arc::new(keys), randomness))
    }

    pub fn seal(
        &self,
        subject: Subject<'_>,
        revision: u64,
        text: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        ready(self.0.seal(subject, revision, text))
    }

    pub fn open(&self, subject: Subject<'_>, bytes: &[u8]) -> Option<Opened> {
        ready(self.0.open(subject, bytes)).ok()
    }
}

/// A pin, signed.
pub fn sign(key: &PinSigningKey, statement: &Statement) -> Vec<u8> {
    let keys = vec![seal_key("frankfurt")];
    let keys = FileKeys::new(KeyFile { keys }, key).unwrap();
    ready(Signer::new(Arc::new(keys)).sign(statement)).unwrap()
}

pub fn pin_key(name: &str) -> PinSigningKey {
    PinSigningKey {
        id: format!("{name}-pin"),
        seed: Zeroizing::new(secret(name, 1)),
    }
}

pub fn seal_key(name: &str) -> SealKey {
    SealKey {
        id: format!("{name}-seal"),
        key: Zeroizing::new(secret(name, 2)),
    }
}

fn secret(name: &str, kind: u8) -> [u8; 32] {
    let mut bytes = [kind; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

pub fn catalogue() -> Catalogue {
    Catalogue {
        regions: REGIONS
            .iter()
            .map(|(name, zones)| entry(name, zones))
            .collect(),
        digest: String::new(),
    }
}

fn entry(name: &str, zones: &[&str]) -> Region {
    Region {
        id: region(name),
        location: name.to_owned(),
        service_area: "europe".to_owned(),
        zones: zones.iter().map(|z| ZoneId::parse(z).unwrap()).collect(),
        rest: Vec::new(),
        websocket: Vec::new(),
        msync: Vec::new(),
        admin: Vec::new(),
        pin_keys: vec![public(&pin_key(name), None)],
    }
}

pub fn public(key: &PinSigningKey, not_after: Option<u64>) -> PinKey {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(key.seed.as_slice()).unwrap();
    PinKey {
        id: key.id.clone(),
        key: pair.public_key().as_ref().try_into().unwrap(),
        not_after,
    }
}

//! Two regions over one file, from the outside.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use domicile::config::{Catalogue, KeyFile, PinKey, PinSigningKey, Region, SealKey};
use domicile::domain::{RegionId, SystemClock, ZoneId};
use domicile::registry::{
    EmbeddedStore, FileKeys, Parts, Registry, SystemRandomness, ensure_regions,
};
use zeroize::Zeroizing;

pub const REGIONS: [&str; 2] = ["frankfurt", "virginia"];

/// Opens the file, and makes it if it isn't there.
pub async fn open(folder: &Path) -> Arc<EmbeddedStore> {
    let store = EmbeddedStore::open(&folder.join("registry.redb")).unwrap();
    assert!(ensure_regions(&*store, &catalogue()).await.unwrap());
    store
}

pub async fn registry(folder: &Path, store: &Arc<EmbeddedStore>, name: &str) -> Arc<Registry> {
    let store = Arc::clone(store);
    let parts = Parts {
        region: RegionId::parse(name).unwrap(),
        catalogue: Arc::new(catalogue()),
        store,
        keys: Arc::new(
            FileKeys::new(
                KeyFile {
                    keys: vec![SealKey {
                        id: name.to_owned(),
                        key: Zeroizing::new(secret(name)),
                    }],
                },
                &pin_key(name),
            )
            .unwrap(),
        ),
        anchor: folder.join(format!("{name}.anchor")),
        cache_capacity: 100_000,
        negative_ttl: Duration::from_secs(5),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.unwrap()
}

fn catalogue() -> Catalogue {
    let entry = |name: &str| Region {
        id: RegionId::parse(name).unwrap(),
        location: name.to_owned(),
        service_area: "europe".to_owned(),
        zones: vec![ZoneId::parse("z1").unwrap()],
        rest: Vec::new(),
        websocket: Vec::new(),
        msync: Vec::new(),
        admin: Vec::new(),
        pin_keys: vec![public(&pin_key(name))],
    };
    Catalogue {
        regions: REGIONS.iter().map(|name| entry(name)).collect(),
        digest: String::new(),
    }
}

fn pin_key(name: &str) -> PinSigningKey {
    PinSigningKey {
        id: name.to_owned(),
        seed: Zeroizing::new(secret(name)),
    }
}

fn public(key: &PinSigningKey) -> PinKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(key.seed.as_slice()).unwrap();
    PinKey {
        id: key.id.clone(),
        key: pair.public_key().as_ref().try_into().unwrap(),
        not_after: None,
    }
}

fn secret(name: &str) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

//! A region that is real: embedded registry, audit log, a catalogue of two.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::NOW;
use crate::audit::{AuditLog, Origin};
use crate::config::{self, Catalogue, Endpoint, KeyFile, PinKey, PinSigningKey, SealKey};
use crate::domain::{ManualClock, RegionId, ZoneId};
use crate::registry::{EmbeddedStore, FileKeys, Parts, Registry, SystemRandomness, ensure_regions};

/// Frankfurt's registry and audit log, in a folder of their own.
pub struct Region {
    dir: tempfile::TempDir,
    pub audit: Arc<AuditLog>,
    pub registry: Arc<Registry>,
    pub clock: Arc<ManualClock>,
}

impl Region {
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let origin = Origin {
            region: id(),
            gateway_id: "0199c5a0-0000-7000-8000-000000000000".to_owned(),
        };
        let audit = AuditLog::open(
            &dir.path().join("audit"),
            origin,
            &[&[7; 32]],
            clock.clone(),
        );
        let registry = open_registry(dir.path(), clock.clone()).await;
        Self {
            dir,
            audit: Arc::new(audit.unwrap()),
            registry,
            clock,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

async fn open_registry(dir: &Path, clock: Arc<ManualClock>) -> Arc<Registry> {
    let seed = [7; 32];
    let pin = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let catalogue = Arc::new(catalogue(pin.public_key().as_ref().try_into().unwrap()));
    let store = EmbeddedStore::open(&dir.join("registry.redb")).unwrap();
    assert!(ensure_regions(&*store, &catalogue).await.unwrap());
    let parts = Parts {
        region: id(),
        catalogue,
        store,
        keys: Arc::new(
            FileKeys::new(
                KeyFile {
                    keys: vec![SealKey {
                        id: "fra".to_owned(),
                        key: Zeroizing::new([9; 32]),
                    }],
                },
                &PinSigningKey {
                    id: "fra".to_owned(),
                    seed: Zeroizing::new(seed),
                },
            )
            .unwrap(),
        ),
        anchor: dir.join("registry.anchor"),
        cache_capacity: 1_000,
        negative_ttl: Duration::from_secs(5),
        clock,
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.unwrap()
}

pub fn id() -> RegionId {
    RegionId::parse("frankfurt").unwrap()
}

fn catalogue(pin_key: [u8; 32]) -> Catalogue {
    let mut frankfurt = region("frankfurt", "fra1");
    frankfurt.pin_keys.push(PinKey {
        id: "fra".to_owned(),
        key: pin_key,
        not_after: None,
    });
    Catalogue {
        regions: vec![frankfurt, region("virginia", "va1")],
        digest: "sha256:00".to_owned(),
    }
}

fn region(id: &str, zone: &str) -> config::Region {
    let endpoint = |scheme: &str, name: &str, port| Endpoint {
        text: format!("{scheme}{name}.{id}.example"),
        host: format!("{name}.{id}.example"),
        port,
    };
    config::Region {
        id: RegionId::parse(id).unwrap(),
        location: id.to_owned(),
        service_area: "europe".to_owned(),
        zones: vec![ZoneId::parse(zone).unwrap()],
        rest: vec![endpoint("https://", "rest", 443)],
        websocket: vec![endpoint("wss://", "ws", 443)],
        msync: vec![endpoint("", "msync", 443)],
        admin: vec![endpoint("https://", "admin", 443)],
        pin_keys: Vec::new(),
    }
}

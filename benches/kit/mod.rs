//! What benches have in common: a region of one zone, its registry, and an App that lives there.

use std::sync::Arc;
use std::time::Duration;

use access_token::build_user_token;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use domicile::config::{
    Catalogue, Endpoint, KeyFile, PinKey, PinSigningKey, Region, Scheme, SealKey, Upstream,
    UpstreamTls, Upstreams, ZoneConfig,
};
use domicile::domain::{AppKey, Clock, RegionId, SystemClock, ZoneId};
use domicile::registry::{
    App, EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness,
    ensure_regions,
};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

pub const HOST: &str = "a71.chat.example.com";
pub const APP_KEY: &str = "acme#chat";
pub const USER: &str = "u7k2m9";

const DAY: u32 = 24 * 60 * 60;

/// A new token of the App for the user.
pub fn token(app: &App, salt: u32) -> String {
    let now = u32::try_from(SystemClock.unix()).expect("the clock");
    let certificate = app.certificates[0].value.expose_secret();
    let id = app.app_id.as_str();
    build_user_token(id, certificate, USER, DAY, now, salt).expect("a token")
}

pub fn region_id() -> RegionId {
    RegionId::parse("frankfurt").expect("a region's id")
}

pub fn zone_id() -> ZoneId {
    ZoneId::parse("fra1").expect("a zone's id")
}

pub async fn registry(folder: &tempfile::TempDir, clock: &Arc<dyn Clock>) -> Arc<Registry> {
    let seed = [7; 32];
    let pin = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key");
    let catalogue = Arc::new(catalogue(pin.public_key().as_ref()));
    let store = EmbeddedStore::open(&folder.path().join("registry.redb")).expect("a store");
    ensure_regions(&*store, &catalogue)
        .await
        .expect("the regions");
    let parts = Parts {
        region: region_id(),
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
            .expect("keys"),
        ),
        anchor: folder.path().join("registry.anchor"),
        cache_capacity: 1_000_000,
        negative_ttl: Duration::from_secs(5),
        clock: Arc::clone(clock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.expect("a registry")
}

pub async fn registered(registry: &Registry) -> Arc<App> {
    let new = NewApp {
        app_id: None,
        app_key: AppKey::parse(APP_KEY).expect("an AppKey"),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    match registry.register(new).await.expect("registered") {
        Registered::Created { app, .. } | Registered::Existing { app, .. } => app,
    }
}

fn catalogue(pin_key: &[u8]) -> Catalogue {
    let endpoint = || Endpoint {
        text: format!("https://{HOST}"),
        host: HOST.to_owned(),
        port: 443,
    };
    let region = Region {
        id: region_id(),
        location: "Frankfurt, Germany".to_owned(),
        service_area: "europe".to_owned(),
        zones: vec![zone_id()],
        rest: vec![endpoint()],
        websocket: vec![endpoint()],
        msync: vec![endpoint()],
        admin: vec![endpoint()],
        pin_keys: vec![PinKey {
            id: "fra".to_owned(),
            key: pin_key.try_into().expect("32 bytes"),
            not_after: None,
        }],
    };
    Catalogue {
        regions: vec![region],
        digest: String::new(),
    }
}

pub fn zone_config() -> ZoneConfig {
    let upstream = Upstream {
        scheme: Scheme::Plain,
        host: "127.0.0.1".to_owned(),
        port: 9,
        path: "/".to_owned(),
    };
    ZoneConfig {
        id: zone_id(),
        egress: vec!["127.0.0.1/32".parse().expect("a range")],
        upstreams: Upstreams {
            rest: vec![upstream],
            websocket: Vec::new(),
            msync: Vec::new(),
        },
        channels: Vec::new(),
        tls: UpstreamTls::default(),
        gateway_secret: None,
        msync_preamble: false,
    }
}

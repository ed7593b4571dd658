//! What the gateway's own decision costs: from a request's head to the pools it may leave through.
//!
//! These are steps 3 to 6 of `gateway::route`, with the real registry, gate and zones of one core,
//! the machine's clock, metrics and limits; no socket is opened. `cargo bench --bench decision`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use access_token::{Expected, Policy, Token, build_user_token};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use domicile::auth::Gate;
use domicile::call::{Call, CallBody, Names, Peer, Target, classify};
use domicile::config::{
    Catalogue, Endpoint, KeyFile, Limits, PinKey, PinSigningKey, Region, Scheme, SealKey, Upstream,
    UpstreamTls, Upstreams, ZoneConfig,
};
use domicile::domain::{AppKey, Clock, RegionId, SystemClock, ZoneId};
use domicile::observe::{Metrics, RequestId};
use domicile::pace::Pacer;
use domicile::registry::{
    App, EmbeddedStore, Locator, NewApp, Parts, Registered, Registry, SystemRandomness,
    ensure_regions,
};
use domicile::zone::{Bound, Homes, Zones};
use futures_util::FutureExt;
use http::request;
use secrecy::ExposeSecret;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

const USER: &str = "u7k2m9";
const DAY: u32 = 24 * 60 * 60;

/// One core's gateway, as far as it decides, and an App that it knows.
struct Core {
    names: Names,
    locator: Locator,
    gate: Gate,
    zones: Zones,
    limits: Limits,
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

impl Core {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = registry(&folder, &clock).await;
        let app = registered(&registry).await;
        let (region, zone) = (region_id(), zone_id());
        let metrics = Arc::new(Metrics::new(
            &region,
            std::slice::from_ref(&zone),
            std::slice::from_ref(&region),
        ));
        let (limits, policy) = (Limits::default(), Policy::default());
        let homes = Homes::new(&[zone_config()], &limits, &metrics, |_| None);
        let homes = homes.expect("the zone");
        Self {
            names: Names::new([HOST.to_owned()]),
            locator: Locator::new(registry),
            gate: Gate::new(policy.max_age, policy.clock_skew, clock, metrics),
            zones: Zones::new(&homes, &Pacer::new(), &TaskTracker::new()),
            limits,
            app,
            _folder: folder,
        }
    }

    /// A new token of the App for the user.
    fn token(&self, salt: u32) -> String {
        let now = u32::try_from(SystemClock.unix()).expect("the clock");
        let certificate = self.app.certificates[0].value.expose_secret();
        let id = self.app.app_id.as_str();
        build_user_token(id, certificate, USER, DAY, now, salt).expect("a token")
    }

    fn classify(&self, head: request::Parts) -> Box<Call> {
        let Ok(Target::App(asked)) = classify(&head, &self.names) else {
            unreachable!("the head asks for the App")
        };
        Box::new(Call {
            head,
            body: CallBody::Read(Bytes::new()),
            asked,
            peer: Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), false),
            id: RequestId::fresh(),
        })
    }

    /// The steps of `Gateway::route`. For a known App nothing in them waits.
    async fn decide(&self, head: request::Parts) -> Bound<Box<Call>> {
        let call = self.classify(head);
        let pinned = self.locator.locate(call).await.expect("the App lives here");
        let identified = self.gate.identify(pinned).expect("one App throughout");
        let identified = self.gate.check_grant(identified).await.expect("no log-in");
        let admitted = self.gate.admit(identified).expect("a valid token");
        self.zones
            .bind(admitted, &self.limits)
            .expect("a free place")
    }

    fn decide_at_once(&self, head: request::Parts) -> Bound<Box<Call>> {
        self.decide(head).now_or_never().expect("the App is known")
    }
}

const HOST: &str = "a71.chat.example.com";

/// Calls under way at once: below the limit of one App.
const BATCH: BatchSize = BatchSize::NumIterations(64);

fn region_id() -> RegionId {
    RegionId::parse("frankfurt").expect("a region's id")
}

fn zone_id() -> ZoneId {
    ZoneId::parse("fra1").expect("a zone's id")
}

/// What the head of a usual call looks like.
fn head(token: &str) -> request::Parts {
    let request = http::Request::get("/acme/chat/users/u7k2m9")
        .header("host", HOST)
        .header("user-agent", "chat-backend/1.0")
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"));
    request.body(()).expect("a request").into_parts().0
}

async fn registry(folder: &tempfile::TempDir, clock: &Arc<dyn Clock>) -> Arc<Registry> {
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
        seal_keys: KeyFile {
            keys: vec![SealKey {
                id: "fra".to_owned(),
                key: Zeroizing::new([9; 32]),
            }],
        },
        pin_key: PinSigningKey {
            id: "fra".to_owned(),
            seed: Zeroizing::new(seed),
        },
        anchor: folder.path().join("registry.anchor"),
        cache_capacity: 1_000_000,
        negative_ttl: Duration::from_secs(5),
        clock: Arc::clone(clock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.expect("a registry")
}

async fn registered(registry: &Registry) -> Arc<App> {
    let new = NewApp {
        app_id: None,
        app_key: AppKey::parse("acme#chat").expect("an AppKey"),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    match registry.register(new).await.expect("registered") {
        Registered::Created { app, .. } | Registered::Existing(app) => app,
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

fn zone_config() -> ZoneConfig {
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

fn decision(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let core = runtime.block_on(Core::new());
    let token = core.token(1);
    let known = head(&token);
    drop(runtime.block_on(core.decide(known.clone())));

    let mut group = criterion.benchmark_group("decision");
    group.bench_function("classify", |bench| {
        bench.iter(|| classify(&known, &core.names).expect("a call"));
    });
    group.bench_function("known App, known token", |bench| {
        let setup = || known.clone();
        bench.iter_batched(setup, |head| core.decide_at_once(head), BATCH);
    });
    let mut salt = 1;
    group.bench_function("known App, new token", |bench| {
        let setup = || {
            salt += 1;
            head(&core.token(salt))
        };
        bench.iter_batched(setup, |head| core.decide_at_once(head), BATCH);
    });
    group.finish();
    verification(criterion, &core, &token);
}

/// The token alone: parsing, inflating, the signature, the times.
fn verification(criterion: &mut Criterion, core: &Core, token: &str) {
    let certificates = core.app.certificate_texts();
    let expected = Expected {
        app_id: core.app.app_id.as_str(),
        certificates: &certificates,
    };
    let policy = Policy::default();
    let now = SystemClock.unix();
    criterion.bench_function("token/parse and verify", |bench| {
        bench.iter(|| {
            let parsed = Token::parse(token).expect("a token");
            parsed
                .check(&expected, now, &policy)
                .expect("a valid token")
        });
    });
}

criterion_group!(benches, decision);
criterion_main!(benches);

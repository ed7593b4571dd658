//! What the gateway's own decision costs: from a request's head to the pools it may leave through.
//!
//! These are steps 3 to 6 of `gateway::route`, with the real registry, gate and zones of one core,
//! the machine's clock, metrics and limits; no socket is opened. `cargo bench --bench decision`.

#[path = "kit/mod.rs"]
mod kit;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use access_token::{Expected, Policy, Token};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use domicile::auth::Gate;
use domicile::call::{Call, CallBody, Names, Peer, Target, classify};
use domicile::config::Limits;
use domicile::domain::{Clock, SystemClock};
use domicile::observe::{Metrics, RequestId, TraceContext};
use domicile::pace::Pacer;
use domicile::registry::{App, Locator, Registry};
use domicile::shard;
use domicile::zone::{Bound, Homes, Zones};
use futures_util::FutureExt;
use http::request;
use kit::HOST;
use tokio_util::task::TaskTracker;

/// What cores share, and an App that they know.
struct Shared {
    registry: Arc<Registry>,
    metrics: Arc<Metrics>,
    homes: Homes,
    clock: Arc<dyn Clock>,
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

/// One core's gateway, as far as it decides.
struct Core {
    names: Names,
    locator: Locator,
    gate: Gate,
    zones: Zones,
    limits: Limits,
}

impl Shared {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = kit::registry(&folder, &clock).await;
        let app = kit::registered(&registry).await;
        let (region, zone) = (kit::region_id(), kit::zone_id());
        let metrics = Arc::new(Metrics::new(
            &region,
            std::slice::from_ref(&zone),
            std::slice::from_ref(&region),
        ));
        let limits = Limits::default();
        let homes = Homes::new(&[kit::zone_config()], &limits, &metrics, |_| None);
        Self {
            registry,
            metrics,
            homes: homes.expect("the zone"),
            clock,
            app,
            _folder: folder,
        }
    }
}

impl Core {
    fn new(shared: &Shared) -> Self {
        let (clock, metrics) = (Arc::clone(&shared.clock), Arc::clone(&shared.metrics));
        let policy = Policy::default();
        Self {
            names: Names::new([HOST.to_owned()]),
            locator: Locator::new(Arc::clone(&shared.registry)),
            gate: Gate::new(policy.max_age, policy.clock_skew, clock, metrics),
            zones: Zones::new(&shared.homes, &Pacer::new(), &TaskTracker::new()),
            limits: Limits::default(),
        }
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
            trace: TraceContext::of(RequestId::fresh()),
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

/// Calls under way at once: below the limit of one App.
const BATCH: BatchSize = BatchSize::NumIterations(64);

/// What the head of a usual call looks like.
fn head(token: &str) -> request::Parts {
    let request = http::Request::get("/acme/chat/users/u7k2m9")
        .header("host", HOST)
        .header("user-agent", "chat-backend/1.0")
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"));
    request.body(()).expect("a request").into_parts().0
}

fn decision(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    shard::settle();
    let shared = runtime.block_on(Shared::new());
    let core = Core::new(&shared);
    let token = kit::token(&shared.app, 1);
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
    with_another_core(&shared, &known, || {
        group.bench_function(
            "known App, known token, another core at the same App",
            |bench| {
                let setup = || known.clone();
                bench.iter_batched(setup, |head| core.decide_at_once(head), BATCH);
            },
        );
    });
    let mut salt = 1;
    group.bench_function("known App, new token", |bench| {
        let setup = || {
            salt += 1;
            head(&kit::token(&shared.app, salt))
        };
        bench.iter_batched(setup, |head| core.decide_at_once(head), BATCH);
    });
    group.finish();
    verification(criterion, &shared.app, &token);
}

/// Measures while a second core decides the same calls, as fast as it can.
fn with_another_core(shared: &Shared, known: &request::Parts, measure: impl FnOnce()) {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            shard::settle();
            let core = Core::new(shared);
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime");
            drop(runtime.block_on(core.decide(known.clone())));
            while !ends.load(Ordering::Relaxed) {
                let bound: Vec<_> = (0..64)
                    .map(|_| core.decide_at_once(known.clone()))
                    .collect();
                drop(bound);
            }
        });
        measure();
        ends.store(true, Ordering::Relaxed);
    });
}

/// The token alone: parsing, inflating, the signature, the times.
fn verification(criterion: &mut Criterion, app: &App, token: &str) {
    let certificates = app.certificate_texts();
    let expected = Expected {
        app_id: app.app_id.as_str(),
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

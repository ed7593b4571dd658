//! What the gateway's own decision costs: from a request's head to the pools it may leave through.
//!
//! These are steps 3 to 6 of `gateway::route`, with the real registry, gate and zones of one core,
//! the machine's clock, metrics and limits; no socket is opened. `cargo bench --bench decision`.

#[path = "kit/decide.rs"]
mod decide;
#[path = "kit/mod.rs"]
mod kit;

use access_token::{Expected, Policy, Token};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use decide::{Core, head};
use domicile::call::classify;
use domicile::domain::{Clock, SystemClock};

/// The gateway's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls under way at once: below the limit of one App.
const BATCH: BatchSize = BatchSize::NumIterations(64);

fn decision(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let core = runtime.block_on(Core::new());
    let token = kit::token(&core.app, 1);
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
            head(&kit::token(&core.app, salt))
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

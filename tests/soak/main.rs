//! The soak: full load by clients of every kind, with Apps that are registered, changed and retired,
//! tokens that nobody has seen, and addresses that were not used before. Nothing grows.
//!
//! `cargo test --test soak` takes two minutes. `SOAK_SECONDS=1800 cargo test --release --test soak --
//! --nocapture` is the long one; it prints its series.
//!
//! First everything that is remembered is filled: tokens, Apps, absent names, addresses. From then on
//! the process's own memory is sampled. What is mapped from files does not count; the registry's
//! and the audit log's files grow, since nothing is ever deleted from them. Then the clients leave, and
//! with them every open file and connection that they had.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test says what is wrong by panicking, and what it saw by printing"
)]

mod centre;
#[path = "../it/harness/certificates.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod certificates;
mod gateway;
mod load;
mod region;
mod series;
mod site;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use centre::Centre;
use gateway::{Gateway, PATIENCE};
use load::Load;
use region::{CAPACITY, Region};
use series::{GENERATION, Growth, Sample};
use site::Site;

/// Seconds of load at least, of which the first part fills what is remembered.
const SECONDS: u64 = 60;
const WARM_UP: f64 = 0.25;

/// Apps at home and elsewhere: more than a generation of what a core remembers of them (8,192), and
/// far more than the shared memory of the registry, so that they push each other out all the time.
const HERE: usize = 9_000;
const ELSEWHERE: usize = 1_000;

/// In a long soak the registry's file is larger than what is held of it in memory (128 MiB,
/// `src/registry/embedded_file.rs`). In a short one it is smaller, is held whole, and hardly grows.
const LONG: u64 = 600;
const HERE_IF_LONG: usize = 60_000;

/// What the process may have more at the end.
///
/// The means of whole teeth of the largest cache's saw are compared; other caches have teeth of a
/// few MiB, and the allocator keeps pages that it may need again. A leak of 1 KiB for each new token is
/// 16 MiB from one generation to the next.
const ALLOWANCE: f64 = 10.0 * MIB;

/// By how many open files and threads a mean may differ from another. Clients come and go, and the
/// runtime has threads for files, which end when they had nothing to do for 10 s: looking at files every
/// second gives each of them something to do.
const FILES: f64 = 40.0;
const THREADS: f64 = 3.0;

const MIB: f64 = 1024.0 * 1024.0;

/// Controls: the generations of `Recent` (`src/recent.rs`), the capacity of what the registry
/// remembers (`src/registry/memory.rs`), and every place that gives back what a connection, a request
/// or a session has taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_at_full_load() {
    let span = Duration::from_secs(seconds());
    let centre = Centre::start().await;
    let site = Site::new(centre.address);
    let region = Region::new(&site);
    let here = if seconds() < LONG { HERE } else { HERE_IF_LONG };
    let apps = region.fill(here, ELSEWHERE).await;
    let mut gateway = Gateway::start(&region, &site).await;
    let before = gateway.sample();
    let threads = gateway.threads();
    println!(
        "{} Apps here, {} elsewhere; at the start {before:?} {threads:?}",
        apps.0.len(),
        apps.1.len()
    );
    let load = Load::new(site, region.key.clone(), gateway.http().clone(), apps);
    let clients = load.begin();

    let began = Instant::now();
    sampled(&gateway, &load, began, span.mul_f64(WARM_UP), || {
        is_full(&load)
    })
    .await;
    println!("filled with {:?}", load.done());
    let filled = load.tokens();
    let series = sampled(&gateway, &load, began, span, || {
        load.tokens() > filled + 2 * GENERATION + GENERATION / 16
    })
    .await;
    load.end();
    clients.join_all().await;
    println!("at the end: {:?}", load.done());

    assert_eq!(load.went_wrong(), [""; 0], "what no client may see");
    let memory = Growth::of(&series, |sample| sample.anonymous);
    let [by, an_hour] = [memory.by(), memory.an_hour()].map(|bytes| bytes / MIB);
    println!("{memory:?}: by {by:.1} MiB, {an_hour:.1} MiB an hour");
    assert!(memory.by() < ALLOWANCE, "memory grows by {by:.1} MiB");
    let files = Growth::of(&series, |sample| sample.files);
    assert!(files.by() < FILES, "open files grow: {files:?}");
    let count = Growth::of(&series, |sample| sample.threads);
    assert!(count.by() < THREADS, "threads grow: {count:?}");
    drop(centre);
    comes_to_rest(&gateway, before, threads).await;
    assert!(gateway.ends_by_itself().await, "some task has not ended");
}

/// Everything that is remembered has been filled once.
fn is_full(load: &Load) -> bool {
    // They are forgotten after 5 s.
    let absent = load.count("unknown") > CAPACITY as u64 / 4;
    load.tokens() > 2 * GENERATION && load.has_called_all() && absent
}

/// Looks at the gateway until the time has come and the condition holds, and tells now and then.
async fn sampled(
    gateway: &Gateway,
    load: &Load,
    began: Instant,
    until: Duration,
    holds: impl Fn() -> bool,
) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let step = Duration::from_secs(seconds()) / 400;
    while began.elapsed() < until || !holds() {
        assert!(began.elapsed() < TOO_LONG, "this machine is too slow");
        samples.push(Sample {
            tokens: load.tokens(),
            ..gateway.sample()
        });
        if samples.len() % TELL == 1 {
            tell(&samples[samples.len() - 1], load);
        }
        tokio::time::sleep(step).await;
    }
    samples
}

/// Samples, of which one is told.
const TELL: usize = 16;

const TOO_LONG: Duration = Duration::from_secs(2 * 3600);

/// Whether there are those threads that there were before, and a few more of the runtime's for files at most.
fn are_at_rest(before: &BTreeMap<String, usize>, now: &BTreeMap<String, usize>) -> bool {
    let count = |threads: &BTreeMap<String, usize>| threads.get(OF_RUNTIME).copied().unwrap_or(0);
    let own = |threads: &BTreeMap<String, usize>| {
        let mut own = threads.clone();
        own.remove(OF_RUNTIME);
        own
    };
    own(before) == own(now) && count(now) as f64 <= count(before) as f64 + THREADS
}

/// What tokio calls its workers, and its threads for files.
const OF_RUNTIME: &str = "tokio-rt-worker";

/// Waits until nothing is left of what the clients had.
async fn comes_to_rest(gateway: &Gateway, before: Sample, threads: BTreeMap<String, usize>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut open = 0.0;
        for gauge in ["connections", "sessions", "upstream_connections"] {
            open += gateway.metric(&format!("domicile_{gauge}"), "").await;
        }
        let (now, running) = (gateway.sample(), gateway.threads());
        if open == 0.0 && now.files <= before.files && are_at_rest(&threads, &running) {
            println!("at rest: {now:?} {running:?}");
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{open} connections and sessions are left; {before:?} became {now:?}, {threads:?} became {running:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own length")]
fn seconds() -> u64 {
    let text = std::env::var("SOAK_SECONDS").ok();
    text.map_or(SECONDS, |text| text.parse().expect("a number of seconds"))
}

fn tell(sample: &Sample, load: &Load) {
    let Sample {
        at, files, threads, ..
    } = sample;
    let [own, resident] = [sample.anonymous, sample.resident].map(|bytes| bytes / MIB);
    let done: u64 = load.done().values().sum();
    println!(
        "{at:7.1} s: {own:6.1} MiB of its own, {resident:6.1} resident, {files:4} files, \
         {threads} threads; {done} done"
    );
    for wrong in load.went_wrong() {
        println!("wrong: {wrong}");
    }
}

//! What clients ask, each on a connection of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, from_crowd, verdict};
use super::history::Known;
use super::lab::{self, Gateway};

/// A call without a token tells where an App lives: its home wants a token.
pub const HOME: &str = "401 token_missing";
pub const ELSEWHERE: &str = "421 app_lives_elsewhere";
pub const UNKNOWN: &str = "404 app_unknown";
pub const UNAVAILABLE: &str = "503 registry_unavailable";
pub const UNTRUSTED: &str = "503 registry_untrusted";
const PAUSE: Duration = Duration::from_millis(20);
/// How long anybody waits for a refusal: three members that do not answer, and some.
const PATIENCE: Duration = Duration::from_secs(9);
/// How many of the oldest, and of the newest Apps are asked for: outages are short.
const SAMPLE: usize = 4;

/// Status and code of a call at a gateway.
pub fn ask(gateway: Gateway, name: &str) -> String {
    let answer = from_crowd(async || Client::new(gateway).looks_up(name).await);
    answer.map_or("nobody answers".to_owned(), |answer| verdict(&answer))
}

/// These gateways serve known Apps, or say that they live elsewhere, at the first question.
pub fn serve_now(gateways: &[Gateway], known: &[Known]) {
    let (first, last) = (known.iter().take(SAMPLE), known.iter().rev().take(SAMPLE));
    let sample: Vec<_> = first.chain(last).collect();
    each(gateways, |gateway| {
        for app in &sample {
            let expected = if gateway.place == app.place {
                HOME
            } else {
                ELSEWHERE
            };
            assert_eq!(ask(gateway, &app.name), expected, "{gateway:?} {app:?}");
        }
    });
}

pub fn answer_unknown(gateways: &[Gateway], expected: &str) {
    each(gateways, |gateway| {
        let began = Instant::now();
        assert_eq!(ask(gateway, &fresh()), expected, "{gateway:?}");
        let took = began.elapsed();
        assert!(took < PATIENCE, "{gateway:?} says so after {took:?}");
    });
}

/// This gateway has found out that etcd is away, and has nobody wait to hear it.
///
/// Control: `Absence` in `src/registry/etcd`.
pub fn refuses_at_once(gateway: Gateway) {
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(ask(gateway, &fresh()), UNAVAILABLE, "{gateway:?}");
    }
    // One or two of them have seen for themselves.
    let took = began.elapsed();
    assert!(took < PATIENCE, "{gateway:?} took {took:?}");
}

/// How long it took until each gateway answered so for an App that nobody has.
pub fn until_all_answer(expected: &str, within: Duration) -> Duration {
    let began = Instant::now();
    let all: Vec<_> = lab::all().collect();
    each(&all, |gateway| until_answers(gateway, expected, within));
    began.elapsed()
}

pub fn until_answers(gateway: Gateway, expected: &str, within: Duration) {
    let began = Instant::now();
    loop {
        let found = ask(gateway, &fresh());
        let took = began.elapsed();
        assert!(took < within, "{gateway:?}: {found} after {took:?}");
        if found == expected {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// At the same time.
fn each(gateways: &[Gateway], work: impl Fn(Gateway) + Sync) {
    std::thread::scope(|scope| {
        for gateway in gateways {
            scope.spawn(|| work(*gateway));
        }
    });
}

/// A name that no gateway was asked for.
fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("fresh-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

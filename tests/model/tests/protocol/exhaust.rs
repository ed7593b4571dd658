//! Each size is exhausted: every promise holds in every state, and what must be possible is.

use registry_model::{Protocol, Size};
use stateright::{Checker, Expectation, Model};

use crate::sizes;

#[test]
fn races() {
    let possible = [
        "an App is served",
        "an App is said to live elsewhere",
        "a late commit is made",
    ];
    exhaust(sizes::races(), 250_000, &possible);
}

#[test]
fn three() {
    let possible = [
        "an App is served",
        "an App is said to live elsewhere",
        "an App is retired",
    ];
    exhaust(sizes::three(), 250_000, &possible);
}

#[test]
fn outage() {
    let possible = [
        "a known App is served in an outage",
        "a late commit is made",
        "an App is retired",
    ];
    exhaust(sizes::outage(), 300_000, &possible);
}

#[test]
fn changes() {
    exhaust(sizes::changes(), 100_000, &["an App is retired"]);
}

#[test]
fn rollback() {
    let possible = [
        "a known App is served on a store that was rolled back",
        "pins are put back",
        "an App is served after reconciling",
    ];
    exhaust(sizes::rollback(), 150_000, &possible);
}

#[test]
fn forgotten_retirement() {
    let possible = ["a tombstone is put back", "pins are put back"];
    exhaust(sizes::forgotten_retirement(), 250_000, &possible);
}

#[test]
fn partly_seen() {
    exhaust(sizes::partly_seen(), 10_000, &[]);
}

#[test]
fn hostile() {
    let possible = [
        "an App is served",
        "an App is said to live elsewhere",
        "a hostile pin refuses an App",
    ];
    exhaust(sizes::hostile(), 100_000, &possible);
}

/// All states, none of which breaks a promise; at least so many, and each of `possible` in one.
fn exhaust(size: Size, at_least: usize, possible: &[&str]) {
    let checker = Protocol(size).checker().spawn_bfs().join();
    assert!(checker.is_done());
    let found = checker.discoveries();
    println!(
        "{} states, {} of them different, at most {} steps deep",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    for property in checker.model().properties() {
        if property.expectation == Expectation::Always {
            let path = found.get(property.name);
            let steps = path.map(|path| path.clone().into_actions());
            assert!(steps.is_none(), "{}: {steps:#?}", property.name);
        }
    }
    for name in possible {
        assert!(found.contains_key(name), "never: {name}");
    }
    assert!(checker.unique_state_count() >= at_least);
}

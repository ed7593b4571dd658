//! Each control is needed: without it there is a way to break a promise, and it is told.

use std::collections::BTreeSet;

use registry_model::{Procedure, Protocol, Rules, Size};
use stateright::{Checker, HasDiscoveries, Model};

use crate::sizes;

/// One test for each control: the size that shows it, and the promise that breaks.
macro_rules! needed {
    ($($control:ident, $size:ident, $promise:literal;)*) => {
        $(#[test]
        fn $control() {
            let rules = Rules { $control: false, ..Rules::default() };
            breaks(Size { rules, ..sizes::$size() }, $promise);
        })*
    };
}

needed! {
    absent_everywhere, races, "a pin never moves";
    own_link, partly_seen, "a pin never moves";
    all_links, partly_seen, "a pin never moves";
    links_in_reads, forgotten_retirement, "a retired App is not served";
    chain, rollback, "a pin never moves";
    anchor_first, rollback, "what is acknowledged is anchored";
    anchor_again, three, "what is acknowledged is anchored";
    pins_logged_again, rollback_asked_again, "a pin never moves";
    two_pins, hostile, "another region's keys send nobody away";
    signature, hostile, "nobody is sent where no key signed";
    permissions, hostile_twice, "a pin never moves";
    tombstone, three, "a retired App stays retired";
    compare, changes, "a retired App is not served";
    own_news, three, "who acknowledges has heard";
    news, three, "a retired App is not served";
    absence_ends, three, "a miss ends with the registration";
    gap, outage, "a retired App is not served";
    epoch, three, "a retired App is not served";
    elsewhere_ends, hostile, "another region's keys send nobody away";
}

#[test]
fn known_go_on() {
    let rules = Rules {
        known_go_on: false,
        ..Rules::default()
    };
    let size = Size {
        rules,
        ..sizes::forgotten_retirement()
    };
    let served = "a known App is served on a store that was rolled back, and has a gap";
    assert!(steps(size, served).is_none());
    assert!(steps(sizes::forgotten_retirement(), served).is_some());
}

/// What no control helps against: docs/model.md, "What must be so".
#[test]
fn a_loss_that_a_gateway_has_not_seen() {
    let size = Size {
        unseen_losses: true,
        ..sizes::rollback()
    };
    breaks(size, "an App has one home");
}

#[test]
fn regions_that_reconcile_one_after_the_other() {
    let size = Size {
        procedure: Procedure::RegionByRegion,
        ..sizes::rollback()
    };
    breaks(size, "a pin never moves");
}

/// Not a broken promise, but the worst that another region can do to all.
#[test]
fn a_hostile_chain_stops_all_that_is_new() {
    let stopped = "a hostile chain stops everybody";
    assert!(steps(sizes::hostile_with_commits(), stopped).is_some());
}

fn breaks(size: Size, promise: &'static str) {
    let told = steps(size, promise);
    println!("{promise}:\n{}", told.as_deref().unwrap_or_default());
    assert!(told.is_some(), "{promise}: nothing breaks it");
}

/// The shortest way to what breaks a promise, or shows that something is possible.
fn steps(size: Size, property: &'static str) -> Option<String> {
    let finish = HasDiscoveries::AllOf(BTreeSet::from([property]));
    let checker = Protocol(size).checker().finish_when(finish);
    let checker = checker.spawn_bfs().join();
    let path = checker.discovery(property)?;
    let steps = path.into_actions().into_iter();
    Some(steps.map(|step| format!("  {step:?}\n")).collect())
}

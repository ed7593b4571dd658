//! A cluster under faults: three etcd members and two gateways in each of four regions, each in a
//! namespace of its own. Whatever fails, no App has two homes, what was acknowledged is there, and
//! known Apps are served.
//!
//! Needs root, iproute2, nftables and etcd. `docs/registry.md` tells of it.

mod ask;
mod faults;
mod lab;
mod members;
mod storm;

use std::time::{Duration, Instant};

use crate::residency::network;
use crate::residency::places::{PLACES, place};
use ask::{Known, UNAVAILABLE, UNKNOWN, UNTRUSTED};
use lab::Lab;

/// How long after its end an outage may be noticed (issue 6's figure).
const RECOVERY: Duration = Duration::from_secs(5);
/// How long an outage lasts here.
const OUTAGE: Duration = Duration::from_secs(4);

#[test]
fn no_fault_gives_an_app_two_homes() {
    let _alone = network::alone();
    let mut lab = Lab::new();
    let early = PLACES.map(|place| lab.must_register(place, "early"));
    let mut known = early.to_vec();
    ask::all_serve(&lab, &known, RECOVERY);
    lab.members.save(&lab.network);

    let history = storm::with_the_leader_killed(&mut lab);
    known.extend(history.acknowledged());
    ask::all_serve(&lab, &known, RECOVERY);
    history.judge(&lab);

    a_region_is_cut_off(&lab, &mut known);
    etcd_is_cut_off(&lab, &mut known);
    lab.restart_gateways();
    ask::all_serve(&lab, &known, RECOVERY);
    history.judge(&lab);

    an_older_snapshot(&mut lab, &known);
}

/// The rest of the world goes on, and what it does is seen after the healing.
fn a_region_is_cut_off(lab: &Lab, known: &mut Vec<Known>) {
    let frankfurt = place("frankfurt");
    faults::cut_off(&lab.network, "10.73.0.0/16");
    let (cut, well): (Vec<_>, Vec<_>) = lab.gateways().partition(|g| g.place == frankfurt);
    let until = Instant::now() + OUTAGE;
    while Instant::now() < until {
        ask::serve_now(&cut, known);
        ask::answer_unknown(&cut, UNAVAILABLE);
        ask::answer_unknown(&well, UNKNOWN);
    }
    let meanwhile = lab.must_register(place("virginia"), "meanwhile");
    known.push(meanwhile);
    faults::heal(&lab.network);
    let took = ask::until_all_answer(lab, UNKNOWN, RECOVERY);
    println!("after a region's partition all gateways answered in {took:?}");
    ask::all_serve(lab, known, RECOVERY);
}

/// No member reaches another, nor any gateway a member.
fn etcd_is_cut_off(lab: &Lab, known: &mut Vec<Known>) {
    faults::cut_everything_off(&lab.network);
    let all: Vec<_> = lab.gateways().collect();
    let until = Instant::now() + OUTAGE;
    while Instant::now() < until {
        ask::serve_now(&all, known);
        ask::answer_unknown(&all, UNAVAILABLE);
    }
    let refused = lab.register(place("beijing"), 0, "refused");
    assert_eq!(refused.as_deref(), Some("503 -"));
    faults::heal(&lab.network);
    let took = ask::until_all_answer(lab, UNKNOWN, RECOVERY);
    println!("after etcd's partition all gateways answered in {took:?}");
    ask::all_serve(lab, known, RECOVERY);
    known.push(lab.must_register(place("singapore"), "afterwards"));
    ask::all_serve(lab, known, RECOVERY);
}

/// Control: `Registry::compare`.
fn an_older_snapshot(lab: &mut Lab, known: &[Known]) {
    lab.members.restore(&lab.network);
    let took = ask::until_all_answer(lab, UNTRUSTED, Duration::from_secs(30));
    println!("an older snapshot was noticed by all gateways in {took:?}");
    let all: Vec<_> = lab.gateways().collect();
    ask::serve_now(&all, known);
    ask::answer_unknown(&all, UNTRUSTED);
    let refused = lab.register(place("beijing"), 0, "refused-again");
    assert_eq!(refused.as_deref(), Some("503 -"));
}

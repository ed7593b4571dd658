//! What each fault does, and what must be so while it lasts.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{self, UNAVAILABLE, UNKNOWN, UNTRUSTED};
use super::lab::{self, Gateway};
use super::members::address;
use super::{OLDER, RECOVERY, Scene, partitions};
use crate::residency::places::PLACES;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LeaderKilled,
    LeaderCutOff,
    RegionCutOff,
    EtcdCutOff,
    Restart,
    RestartInOutage,
    OlderSnapshot,
}

/// How long an outage lasts here.
const OUTAGE: Duration = Duration::from_secs(4);
/// For what is no recovery: a start, or etcd's own.
const READY: Duration = Duration::from_secs(30);
/// A gateway's start without etcd.
const START: Duration = Duration::from_secs(15);
/// So many registrations show that the storm goes on.
const SOME: usize = 12;

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::LeaderKilled,
        Self::LeaderCutOff,
        Self::RegionCutOff,
        Self::EtcdCutOff,
        Self::Restart,
        Self::RestartInOutage,
        Self::OlderSnapshot,
    ];

    pub fn strike(self, scene: &mut Scene) {
        match self {
            Self::LeaderKilled => scene.in_a_storm(leader_killed),
            Self::LeaderCutOff => scene.in_a_storm(leader_cut_off),
            Self::RegionCutOff => scene.in_a_storm(region_cut_off),
            Self::EtcdCutOff => scene.in_a_storm(etcd_cut_off),
            Self::Restart => scene.in_a_storm(restart),
            Self::RestartInOutage => restart_in_outage(scene),
            Self::OlderSnapshot => older_snapshot(scene),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeaderKilled => "leader-killed",
            Self::LeaderCutOff => "leader-cut-off",
            Self::RegionCutOff => "region-cut-off",
            Self::EtcdCutOff => "etcd-cut-off",
            Self::Restart => "restart",
            Self::RestartInOutage => "restart-in-outage",
            Self::OlderSnapshot => "older-snapshot",
        })
    }
}

/// The two that are left go on.
fn leader_killed(scene: &mut Scene) {
    scene.history.grows_by(SOME, READY);
    let leader = scene.lab.members.leader(&scene.lab.network);
    scene.lab.members.kill(leader);
    scene.serve_now(&all());
    fails_over();
    scene.history.grows_by(SOME, READY);
    scene.lab.members.begin(&scene.lab.network, leader);
}

/// It goes on believing that it leads, and gateways go on asking it.
fn leader_cut_off(scene: &mut Scene) {
    let leader = scene.lab.members.leader(&scene.lab.network);
    partitions::cut_member_off(&scene.lab.network, &address(leader));
    scene.serve_now(&all());
    fails_over();
    scene.history.grows_by(SOME, READY);
    partitions::heal(&scene.lab.network);
    recovers();
}

/// The rest of the world goes on, and what it does is seen after the healing.
fn region_cut_off(scene: &mut Scene) {
    let region = PLACES[scene.dice.below(PLACES.len())];
    partitions::cut_off(&scene.lab.network, &region.prefix());
    let (cut, well): (Vec<_>, Vec<_>) = lab::all().partition(|g| g.place == region);
    let until = Instant::now() + OUTAGE;
    while Instant::now() < until {
        scene.serve_now(&cut);
        ask::answer_unknown(&cut, UNAVAILABLE);
        ask::answer_unknown(&well, UNKNOWN);
    }
    scene.history.must_register(well[0].place, "meanwhile");
    partitions::heal(&scene.lab.network);
    recovers();
}

/// No member reaches another, nor any gateway a member.
fn etcd_cut_off(scene: &mut Scene) {
    partitions::cut_everything_off(&scene.lab.network);
    let until = Instant::now() + OUTAGE;
    while Instant::now() < until {
        scene.serve_now(&all());
        ask::answer_unknown(&all(), UNAVAILABLE);
    }
    ask::refuses_at_once(all()[0]);
    let refused = scene.history.register(all()[0], "refused");
    assert_eq!(refused.as_deref(), Some(UNAVAILABLE));
    partitions::heal(&scene.lab.network);
    recovers();
}

/// One after the other: a region always has one.
fn restart(scene: &mut Scene) {
    for gateway in all() {
        scene.lab.restart(gateway);
        ask::until_answers(gateway, UNKNOWN, READY);
    }
}

/// Whoever starts without a registry knows nobody: it refuses, and guesses nothing.
fn restart_in_outage(scene: &mut Scene) {
    partitions::cut_everything_off(&scene.lab.network);
    let victim = all()[scene.dice.below(all().len())];
    scene.lab.restart(victim);
    ask::until_answers(victim, UNAVAILABLE, START);
    let (victims, others): (Vec<_>, Vec<_>) = lab::all().partition(|g| *g == victim);
    for app in scene.known.iter().take(4) {
        assert_eq!(
            ask::ask(victim, &app.name),
            UNAVAILABLE,
            "{victim:?} {app:?}"
        );
    }
    scene.serve_now(&others);
    ask::answer_unknown(&victims, UNAVAILABLE);
    partitions::heal(&scene.lab.network);
    recovers();
}

/// Control: `Registry::compare`. The newest state is put back at the end, and believed again.
fn older_snapshot(scene: &mut Scene) {
    let (members, network) = (&mut scene.lab.members, &scene.lab.network);
    members.save(network, "newest");
    members.restore(network, OLDER);
    let took = ask::until_all_answer(UNTRUSTED, READY);
    println!("noticed by all gateways in {took:?}");
    scene.serve_now(&all());
    ask::answer_unknown(&all(), UNTRUSTED);
    let refused = scene.history.register(all()[0], "refused-again");
    assert_eq!(refused.as_deref(), Some(UNTRUSTED));
    let (members, network) = (&mut scene.lab.members, &scene.lab.network);
    members.restore(network, "newest");
    recovers();
}

/// All gateways answer for Apps that they do not know, without a restart.
fn recovers() {
    let took = ask::until_all_answer(UNKNOWN, RECOVERY);
    println!("all gateways answered in {took:?}");
}

/// The same by the members that are left, once they have a leader.
fn fails_over() {
    let took = ask::until_all_answer(UNKNOWN, READY);
    println!("another leader was found in {took:?}");
}

fn all() -> Vec<Gateway> {
    lab::all().collect()
}

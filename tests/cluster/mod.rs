//! A cluster under faults: three etcd members and two gateways in each of four regions, each in a
//! namespace of its own. Whatever fails, in whatever order, no App has two homes, what was
//! acknowledged is there, known Apps are served, and unknown ones get no wrong answer.
//!
//! `CLUSTER_SEED=N` chooses another order than CI's, `CLUSTER_FAULTS=etcd-cut-off,restart,…` any.
//!
//! Needs root, iproute2, nftables and etcd. `docs/registry.md` tells of it.

mod ask;
mod client;
mod faults;
mod history;
mod lab;
mod ledger;
mod members;
mod partitions;
mod plan;
mod storm;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use crate::residency::network;
use crate::residency::places::PLACES;
use history::{History, Known};
use lab::{Gateway, Lab};
use plan::{Dice, Plan};

/// How long after its end an outage may be noticed (issue 6's figure).
const RECOVERY: Duration = Duration::from_secs(5);
/// The snapshot that is older than what all gateways have seen.
const OLDER: &str = "older";

/// The cluster, and what is known of it from outside.
struct Scene {
    lab: Lab,
    history: Arc<History>,
    /// What all gateways have said before.
    known: Vec<Known>,
    dice: Dice,
}

#[test]
fn no_fault_gives_an_app_two_homes() {
    let plan = Plan::chosen();
    println!("{plan}");
    let _alone = network::alone();
    let mut scene = Scene::new(plan.dice());
    for fault in plan.faults() {
        println!("-- {fault}");
        fault.strike(&mut scene);
        scene.settle();
    }
    scene.history.judge();
}

impl Scene {
    fn new(dice: Dice) -> Self {
        let lab = Lab::new();
        let history = Arc::new(History::new(Arc::clone(&lab.owners)));
        let mut scene = Self {
            lab,
            history,
            known: Vec::new(),
            dice,
        };
        scene.lab.members.save(&scene.lab.network, OLDER);
        for place in PLACES {
            scene.history.must_register(place, "early");
        }
        scene.settle();
        scene
    }

    /// With clients at every gateway, which register Apps and ask for them.
    fn in_a_storm(&mut self, work: impl FnOnce(&mut Self)) {
        let history = Arc::clone(&self.history);
        storm::during(&history, || work(self));
    }

    /// All is well again: everything that was acknowledged is there, at every gateway.
    fn settle(&mut self) {
        self.known = self.history.settle(RECOVERY);
    }

    /// These gateways serve known Apps, at the first question.
    fn serve_now(&self, gateways: &[Gateway]) {
        ask::serve_now(gateways, &self.known);
    }
}

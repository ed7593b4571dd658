//! Clients of all gateways register Apps at the same time, some of the same name in all regions.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::ask::{self, ELSEWHERE, HOME, Known, UNKNOWN};
use super::lab::{Gateway, Lab};

/// What was asked for and what came of it.
#[derive(Debug)]
struct Tried {
    gateway: Gateway,
    name: String,
    answer: Option<String>,
}

#[derive(Debug)]
pub struct History(Vec<Tried>);

/// How many names each client registers; every other one is the same for all.
const EACH: usize = 12;
/// The leader dies when so many attempts have been answered.
const IN_THE_MIDDLE: usize = 24;

pub fn with_the_leader_killed(lab: &mut Lab) -> History {
    let tried = Mutex::new(Vec::new());
    let shared: &Lab = lab;
    let leader = shared.members.leader(&shared.network);
    let before = std::thread::scope(|scope| {
        for gateway in shared.gateways() {
            let tried = &tried;
            scope.spawn(move || storm(shared, gateway, tried));
        }
        while tried.lock().unwrap().len() < IN_THE_MIDDLE {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        shared.members.kill(leader);
        tried.lock().unwrap().len()
    });
    lab.members.begin(&lab.network, leader);
    let history = History(tried.into_inner().unwrap());
    let count = history.acknowledged().len();
    println!("{} registrations, {count} acknowledged", history.0.len());
    println!("{before} had been answered when the leader was killed");
    assert!(before < history.0.len() / 2, "the storm was over");
    history
}

fn storm(lab: &Lab, gateway: Gateway, tried: &Mutex<Vec<Tried>>) {
    for i in 0..EACH {
        let name = match i % 2 {
            0 => format!("shared-{i}"),
            _ => format!("own-{}-{}-{i}", gateway.place.region, gateway.n),
        };
        let answer = lab.register(gateway.place, gateway.n, &name);
        tried.lock().unwrap().push(Tried {
            gateway,
            name,
            answer,
        });
    }
}

impl History {
    pub fn acknowledged(&self) -> Vec<Known> {
        let made = |t: &&Tried| t.answer.as_deref() == Some("201 -");
        let known = |t: &Tried| Known {
            place: t.gateway.place,
            name: t.name.clone(),
        };
        self.0.iter().filter(made).map(known).collect()
    }

    /// No name was acknowledged twice, and of each all gateways say the same: also of those whose
    /// registration nobody knows the end of.
    pub fn judge(&self, lab: &Lab) {
        let names: BTreeSet<_> = self.0.iter().map(|tried| &tried.name).collect();
        for name in names {
            let acknowledged = self.acknowledged();
            let times = acknowledged
                .iter()
                .filter(|known| known.name == *name)
                .count();
            assert!(times <= 1, "{name} was given {times} times: {self:?}");
            let answers: Vec<_> = lab.gateways().map(|g| (g, ask::ask(g, name))).collect();
            let homes = answers.iter().filter(|(_, answer)| answer == HOME);
            let homes: BTreeSet<_> = homes.map(|(g, _)| g.place.region).collect();
            assert!(homes.len() <= 1, "{name} has two homes: {answers:?}");
            let fits = |(g, answer): &(Gateway, String)| match homes.first() {
                None => answer == UNKNOWN,
                Some(home) if g.place.region == *home => answer == HOME,
                Some(_) => answer == ELSEWHERE,
            };
            assert!(answers.iter().all(fits), "{name}: {answers:?}");
        }
    }
}

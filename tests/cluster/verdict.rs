//! What becomes of a history: everything that was acknowledged is there, and it fits together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, from_crowd};
use super::history::{History, Known, meaning};
use super::lab::{self, Gateway};
use super::ledger::{self, Event, Op, Said};
use crate::residency::places::place;

/// What a gateway says of each name, in their order.
type Saying = (Gateway, Vec<Option<Said>>);

impl History {
    /// Asks all gateways for all names until each says the same, and what was acknowledged is there.
    /// Gives what is there.
    pub fn settle(&self, within: Duration) -> Vec<Known> {
        let names: Vec<_> = self.by_name().into_iter().collect();
        let mut until = None;
        loop {
            let asked: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
            let sayings = everybody_says(&asked);
            let homes = (0..names.len()).map(|n| agreed(&names[n], &sayings, n));
            match homes.collect::<Result<Vec<_>, _>>() {
                Ok(homes) => return self.note_homes(names, homes),
                Err(what) => {
                    let until = *until.get_or_insert_with(|| Instant::now() + within);
                    assert!(Instant::now() < until, "{what}");
                }
            }
        }
    }

    fn note_homes(
        &self,
        names: Vec<(String, Vec<Event>)>,
        homes: Vec<Option<&'static str>>,
    ) -> Vec<Known> {
        let there = names.into_iter().zip(homes);
        let there = there.filter_map(|((name, _), home)| Some((name, home?)));
        let known = there.map(|(name, region)| {
            let (thread, seen) = (self.thread(), true);
            let op = Op::LookUp { region, seen };
            self.note(&name, Event::Asked(thread, op));
            self.note(&name, Event::Answered(thread, Said::Here));
            let place = place(region);
            Known { place, name }
        });
        known.collect()
    }

    /// No name has two homes or was made twice, and each one's history is linearizable.
    pub fn judge(&self) {
        let names = self.by_name();
        for (name, events) in &names {
            let homes = homes(events);
            assert!(homes.len() <= 1, "{name} has two homes: {events:#?}");
            let made = |e: &&Event| matches!(e, Event::Answered(_, Said::Created));
            let made = events.iter().filter(made).count();
            assert!(made <= 1, "{name} was made {made} times: {events:#?}");
            let home = homes.first().copied();
            assert!(ledger::is_linearizable(events, home), "{name}: {events:#?}");
        }
        let events = names.values().flatten();
        let (asked, answered): (Vec<_>, _) = events.partition(|e| matches!(e, Event::Asked(..)));
        let answered: Vec<&Event> = answered;
        let (names, asked) = (names.len(), asked.len());
        println!(
            "{names} names, asked for {asked} times, {} answers",
            answered.len()
        );
    }
}

/// Each home that an answer tells.
fn homes(events: &[Event]) -> BTreeSet<&'static str> {
    let mut asked = BTreeMap::new();
    let mut homes = BTreeSet::new();
    for event in events {
        match *event {
            Event::Asked(thread, op) => {
                asked.insert(thread, op.region());
            }
            Event::Answered(thread, said) => homes.extend(said.home(asked[&thread])),
        }
    }
    homes
}

fn everybody_says(names: &[&str]) -> Vec<Saying> {
    std::thread::scope(|scope| {
        let ask = |gateway| scope.spawn(move || (gateway, says(gateway, names)));
        let threads: Vec<_> = lab::all().map(ask).collect();
        let sayings = threads.into_iter();
        sayings.map(|saying| saying.join().unwrap()).collect()
    })
}

fn says(gateway: Gateway, names: &[&str]) -> Vec<Option<Said>> {
    from_crowd(async || {
        let mut client = Client::new(gateway);
        let mut all = Vec::new();
        for name in names {
            let answer = client.looks_up(name).await;
            all.push(answer.as_ref().and_then(meaning));
        }
        all
    })
}

/// The home that all gateways tell; an error while they differ, or do not know what was acknowledged.
fn agreed(
    (name, events): &(String, Vec<Event>),
    sayings: &[Saying],
    n: usize,
) -> Result<Option<&'static str>, String> {
    let home = |(gateway, said): &Saying| said[n].and_then(|s| s.home(gateway.place.region));
    let mut told = homes(events);
    told.extend(sayings.iter().filter_map(home));
    assert!(
        told.len() <= 1,
        "{name} has two homes: {told:?}, {events:#?}"
    );
    let all = told.first().copied();
    let fits = |saying: &Saying| saying.1[n].is_some() && home(saying) == all;
    if sayings.iter().all(fits) {
        return Ok(all);
    }
    let said: Vec<_> = sayings.iter().map(|(g, said)| (g, said[n])).collect();
    Err(format!("{name}, {all:?}: {said:?}"))
}

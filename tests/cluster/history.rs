//! All that clients asked for and were told, in the order in which it was.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{ELSEWHERE, HOME, UNKNOWN};
use super::client::{Client, from_crowd, verdict};
use super::lab::{Gateway, Owners};
use super::ledger::{Event, Op, Said};
use crate::harness::Answer;
use crate::residency::places::{Place, place};

pub struct History {
    owners: Arc<Owners>,
    events: Mutex<Vec<(String, Event)>>,
    /// Which gateway has said that there is such an App.
    seen: Mutex<HashSet<(Gateway, String)>>,
    threads: AtomicUsize,
    created: AtomicUsize,
}

/// An App, as all gateways know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub place: Place,
    pub name: String,
}

const PAUSE: Duration = Duration::from_millis(20);

impl History {
    pub fn new(owners: Arc<Owners>) -> Self {
        Self {
            owners,
            events: Mutex::default(),
            seen: Mutex::default(),
            threads: AtomicUsize::new(0),
            created: AtomicUsize::new(0),
        }
    }

    /// Who asks one thing after the other.
    pub fn thread(&self) -> usize {
        self.threads.fetch_add(1, Ordering::Relaxed)
    }

    /// Registers an App, and gives what was said, if anything.
    pub async fn registers(
        &self,
        thread: &mut usize,
        by: &mut Client,
        name: &str,
    ) -> Option<String> {
        let op = Op::Register(by.gateway.place.region);
        self.note(name, Event::Asked(*thread, op));
        let owner = &self.owners[by.gateway.place.region];
        let answer = by.registers(owner, name).await;
        self.told(thread, by.gateway, name, answer)
    }

    pub async fn looks_up(
        &self,
        thread: &mut usize,
        by: &mut Client,
        name: &str,
    ) -> Option<String> {
        let region = by.gateway.place.region;
        let seen = self
            .seen
            .lock()
            .unwrap()
            .contains(&(by.gateway, name.to_owned()));
        self.note(name, Event::Asked(*thread, Op::LookUp { region, seen }));
        let answer = by.looks_up(name).await;
        self.told(thread, by.gateway, name, answer)
    }

    /// The same, by somebody who does nothing else.
    pub fn register(&self, gateway: Gateway, name: &str) -> Option<String> {
        let mut thread = self.thread();
        from_crowd(async || {
            self.registers(&mut thread, &mut Client::new(gateway), name)
                .await
        })
    }

    pub fn must_register(&self, place: Place, name: &str) {
        let name = format!("{name}-{}-{}", place.region, self.thread());
        let answer = self.register(Gateway { place, n: 0 }, &name);
        assert_eq!(answer.as_deref(), Some("201 -"), "{name}");
    }

    /// Waits until so many more Apps are there.
    pub fn grows_by(&self, count: usize, within: Duration) {
        let (wanted, until) = (self.created() + count, Instant::now() + within);
        while self.created() < wanted {
            assert!(Instant::now() < until, "the storm has no way");
            std::thread::sleep(PAUSE);
        }
    }

    fn created(&self) -> usize {
        self.created.load(Ordering::Relaxed)
    }

    pub fn note(&self, name: &str, event: Event) {
        self.events.lock().unwrap().push((name.to_owned(), event));
    }

    /// What happened to each name.
    pub fn by_name(&self) -> BTreeMap<String, Vec<Event>> {
        let mut all = BTreeMap::<_, Vec<_>>::new();
        for (name, event) in self.events.lock().unwrap().iter() {
            all.entry(name.clone()).or_default().push(*event);
        }
        all
    }

    /// Who gets no answer goes on as somebody else: what was asked for may happen at any time.
    fn told(
        &self,
        thread: &mut usize,
        by: Gateway,
        name: &str,
        answer: Option<Answer>,
    ) -> Option<String> {
        let verdict = answer.as_ref().map(verdict);
        let Some(said) = answer.and_then(|answer| meaning(&answer)) else {
            *thread = self.thread();
            return verdict;
        };
        self.note(name, Event::Answered(*thread, said));
        if said == Said::Created {
            self.created.fetch_add(1, Ordering::Relaxed);
        }
        if said.home(by.place.region).is_some() {
            self.seen.lock().unwrap().insert((by, name.to_owned()));
        }
        verdict
    }
}

/// What an answer says of the App; nothing if it says to come again.
pub fn meaning(answer: &Answer) -> Option<Said> {
    Some(match verdict(answer).as_str() {
        "201 -" => Said::Created,
        "200 -" => Said::Existing,
        "409 region_immutable" => Said::RegionImmutable,
        UNKNOWN => Said::Unknown,
        HOME => Said::Here,
        ELSEWHERE => {
            let home = answer.json()["home_region"].as_str().map(place);
            Said::Elsewhere(home.unwrap().region)
        }
        _ if answer.status == 503 => return None,
        other => panic!("{other}: {}", answer.text()),
    })
}

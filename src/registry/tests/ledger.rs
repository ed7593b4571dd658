//! What the registry does when one thing happens after the other: the specification that recorded
//! histories are held to.

use stateright::semantics::SequentialSpec;

use crate::registry::Status;

/// All Apps of one history. Names and regions are numbers here.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    apps: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    names: Names,
    home: usize,
    /// The status at each revision, from 1.
    versions: Vec<Status>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    pub id: usize,
    pub key: usize,
}

#[derive(Debug, Clone, Copy)]
pub enum Name {
    Id(usize),
    Key(usize),
}

/// What a gateway of a region was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Register(usize, Names),
    Change {
        region: usize,
        id: usize,
        to: Status,
        if_match: Option<u64>,
    },
    /// Whatever is remembered.
    Ask(usize, usize),
    /// From memory where possible. What is remembered may be old, but it was so once; and who has
    /// registered an App itself knows it.
    LookUp {
        region: usize,
        name: Name,
        made_here: bool,
    },
}

/// What it answered. `Unavailable` is no answer: it may have happened, then or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Created,
    Existing,
    Retired,
    KeyTaken,
    IdTaken,
    RegionImmutable,
    Unknown,
    Elsewhere(usize),
    Stale,
    /// Its status and revision.
    Is(Status, u64),
}

impl SequentialSpec for Ledger {
    type Op = Op;
    type Ret = Answer;

    fn invoke(&mut self, op: &Op) -> Answer {
        match *op {
            Op::Register(region, names) => self.register(region, names),
            Op::Change {
                region,
                id,
                to,
                if_match,
            } => self.change(region, id, to, if_match),
            Op::Ask(region, id) => self.now(region, Name::Id(id)),
            Op::LookUp { region, name, .. } => self.now(region, name),
        }
    }

    fn is_valid_step(&mut self, op: &Op, answer: &Answer) -> bool {
        match *op {
            Op::LookUp {
                region,
                name,
                made_here,
            } => self.was(region, name, made_here, *answer),
            _ => self.invoke(op) == *answer,
        }
    }
}

impl Ledger {
    fn register(&mut self, region: usize, names: Names) -> Answer {
        let (by_id, by_key) = (
            self.find(Name::Id(names.id)),
            self.find(Name::Key(names.key)),
        );
        let retired = |e: &Entry| e.home == region && e.now() == Status::Retired;
        if [by_id, by_key].into_iter().flatten().any(retired) {
            return Answer::Retired;
        }
        match by_key {
            Some(there) if there.names != names => Answer::KeyTaken,
            Some(there) if there.home != region => Answer::RegionImmutable,
            Some(_) => Answer::Existing,
            None if by_id.is_some() => Answer::IdTaken,
            None => {
                self.apps.push(Entry {
                    names,
                    home: region,
                    versions: vec![Status::Active],
                });
                Answer::Created
            }
        }
    }

    fn change(&mut self, region: usize, id: usize, to: Status, if_match: Option<u64>) -> Answer {
        let entry = self.apps.iter_mut().find(|e| e.names.id == id);
        let Some(entry) = entry else {
            return Answer::Unknown;
        };
        if entry.home != region {
            return Answer::Elsewhere(entry.home);
        }
        let (status, revision) = (entry.now(), entry.revision());
        if status == Status::Retired {
            return match to {
                Status::Retired => Answer::Is(status, revision),
                Status::Active | Status::Suspended => Answer::Retired,
            };
        }
        if if_match.is_some_and(|wanted| wanted != revision) {
            return Answer::Stale;
        }
        if status != to {
            entry.versions.push(to);
        }
        Answer::Is(to, entry.revision())
    }

    fn now(&self, region: usize, name: Name) -> Answer {
        match self.find(name) {
            None => Answer::Unknown,
            Some(entry) if entry.home == region => Answer::Is(entry.now(), entry.revision()),
            Some(entry) => Answer::Elsewhere(entry.home),
        }
    }

    /// Whether it was so, now or before.
    fn was(&self, region: usize, name: Name, made_here: bool, answer: Answer) -> bool {
        let entry = self.find(name);
        match (entry, answer) {
            (_, Answer::Unknown) => !made_here,
            (Some(entry), Answer::Elsewhere(home)) => entry.home == home && home != region,
            (Some(entry), Answer::Is(status, revision)) => {
                let at = usize::try_from(revision)
                    .ok()
                    .and_then(|n| n.checked_sub(1));
                let then = at.and_then(|at| entry.versions.get(at));
                entry.home == region && then == Some(&status)
            }
            _ => false,
        }
    }

    fn find(&self, name: Name) -> Option<&Entry> {
        self.apps.iter().find(|e| match name {
            Name::Id(id) => e.names.id == id,
            Name::Key(key) => e.names.key == key,
        })
    }
}

impl Entry {
    fn now(&self) -> Status {
        // It is made with one.
        self.versions.last().copied().unwrap()
    }

    fn revision(&self) -> u64 {
        self.versions.len() as u64
    }
}

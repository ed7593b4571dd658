//! What gateways do with one name when one thing happens after the other: the specification that
//! histories are held to.

use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

/// Where the App of a name lives.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Option<&'static str>);

/// What a gateway of a region was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Register(&'static str),
    /// From memory where possible. That there is no such App may be remembered for a while, but not
    /// by a gateway that has `seen` it before.
    LookUp {
        region: &'static str,
        seen: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Created,
    Existing,
    RegionImmutable,
    Unknown,
    Here,
    Elsewhere(&'static str),
}

/// One thing that happened to a name, as a client saw it.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Asked(usize, Op),
    Answered(usize, Said),
}

impl Op {
    pub const fn region(self) -> &'static str {
        match self {
            Self::Register(region) | Self::LookUp { region, .. } => region,
        }
    }
}

impl Said {
    /// The home that it tells, if a gateway of this region says so.
    pub const fn home(self, region: &'static str) -> Option<&'static str> {
        match self {
            Self::Created | Self::Existing | Self::Here => Some(region),
            Self::Elsewhere(home) => Some(home),
            Self::RegionImmutable | Self::Unknown => None,
        }
    }
}

impl SequentialSpec for Ledger {
    type Op = Op;
    type Ret = Said;

    fn invoke(&mut self, op: &Op) -> Said {
        let region = op.region();
        match (*op, self.0) {
            (Op::Register(_), None) => {
                self.0 = Some(region);
                Said::Created
            }
            (Op::Register(_), Some(home)) if home == region => Said::Existing,
            (Op::Register(_), Some(_)) => Said::RegionImmutable,
            (Op::LookUp { .. }, None) => Said::Unknown,
            (Op::LookUp { .. }, Some(home)) if home == region => Said::Here,
            (Op::LookUp { .. }, Some(home)) => Said::Elsewhere(home),
        }
    }

    fn is_valid_step(&mut self, op: &Op, said: &Said) -> bool {
        match (op, said) {
            (Op::LookUp { seen: false, .. }, Said::Unknown) => true,
            _ => self.invoke(op) == *said,
        }
    }
}

/// Whether there is an order in which all this is right. Whoever got no answer may have been the
/// first one, or never have been heard.
pub fn is_linearizable(events: &[Event], home: Option<&'static str>) -> bool {
    let answered = |at: usize, thread: usize| {
        let mut later = events[at..].iter();
        later.any(|event| matches!(event, Event::Answered(by, _) if *by == thread))
    };
    let mut tester = LinearizabilityTester::new(Ledger::default());
    for (at, event) in events.iter().enumerate() {
        let noted = match *event {
            // Another region's registration of no known end did nothing, or the home would be
            // there. Left out, since each of them multiplies the orders to be tried.
            Event::Asked(thread, op) if home != Some(op.region()) && !answered(at, thread) => {
                continue;
            }
            Event::Asked(thread, op) => tester.on_invoke(thread, op),
            Event::Answered(thread, said) => tester.on_return(thread, said),
        };
        noted.unwrap();
    }
    tester.is_consistent()
}

//! Hands calls to connections, and books what becomes of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::now;
use crate::record::Record;

pub struct Desk {
    state: Mutex<State>,
    /// One for each connection, told when a call lies in its place.
    bells: Vec<Notify>,
    orders: Orders,
}

pub struct Orders {
    pub connections: usize,
    /// Statuses that are no failures.
    pub expect: Vec<u16>,
    /// Each connection has a call under way all the time.
    pub at_once: bool,
    /// The name of the phases in which there are calls; all when there is none.
    pub during: Option<String>,
    pub slot: Option<Duration>,
}

struct State {
    phases: Vec<Record>,
    /// Calls that are due and have no connection yet.
    waiting: VecDeque<Due>,
    /// Connections without a call; the one that has rested longest is the next.
    resting: VecDeque<usize>,
    /// What each connection has under way.
    places: Vec<Option<Due>>,
    number: u64,
    over: bool,
}

/// A call and when it ought to be sent.
#[derive(Clone, Copy)]
pub struct Due {
    pub number: u64,
    at: Instant,
    phase: usize,
}

impl Desk {
    pub fn new(orders: Orders) -> Self {
        let state = State {
            phases: Vec::new(),
            waiting: VecDeque::new(),
            resting: VecDeque::new(),
            places: vec![None; orders.connections],
            number: 0,
            over: false,
        };
        Self {
            state: Mutex::new(state),
            bells: (0..orders.connections).map(|_| Notify::new()).collect(),
            orders,
        }
    }

    /// From here on calls count as this phase's.
    ///
    /// # Errors
    /// When there is no room for its figures.
    pub fn begin(&self, name: &str, at: Instant) -> anyhow::Result<()> {
        let mut state = self.state.lock();
        if let Some(last) = state.phases.last_mut() {
            last.close(at);
        }
        let is_first = state.phases.is_empty();
        state.phases.push(Record::new(name, at, self.orders.slot)?);
        drop(state);
        if is_first && self.orders.at_once {
            self.bells.iter().for_each(Notify::notify_one);
        }
        Ok(())
    }

    /// A call is due: for a connection that rests, else for the first that is free.
    pub fn due(&self, at: Instant, now: Instant) {
        let mut state = self.state.lock();
        let phase = state.phases.last().map(Record::name);
        if self.orders.during.is_some() && self.orders.during.as_deref() != phase {
            return;
        }
        let due = state.make(at);
        match state.resting.pop_front() {
            Some(place) => {
                state.places[place] = Some(due);
                state.phases[due.phase].late(due.at, now);
                drop(state);
                self.bells[place].notify_one();
            }
            None => state.waiting.push_back(due),
        }
    }

    /// The connection's next call.
    pub async fn next(&self, place: usize) -> Due {
        loop {
            if let Some(due) = self.take(place) {
                return due;
            }
            self.bells[place].notified().await;
        }
    }

    fn take(&self, place: usize) -> Option<Due> {
        let mut state = self.state.lock();
        if state.places[place].is_some() {
            return state.places[place];
        }
        let begun = !state.phases.is_empty();
        let due = match state.waiting.pop_front() {
            None if self.orders.at_once && begun && !state.over => Some(state.make(now())),
            waiting => waiting,
        };
        match due {
            Some(_) => state.places[place] = due,
            None if !state.resting.contains(&place) => state.resting.push_back(place),
            None => {}
        }
        due
    }

    /// What came of the connection's call: a status, or none.
    pub fn answered(&self, place: usize, status: anyhow::Result<u16>, at: Instant) {
        let mut state = self.state.lock();
        if let Some(due) = state.places[place].take() {
            let status = status.ok();
            let is_good = status.is_some_and(|status| self.orders.expect.contains(&status));
            state.phases[due.phase].answered(due.at, at, status, is_good);
        }
    }

    /// Waits so long for what is under way.
    pub async fn finish(&self, grace: Duration, look: Duration) {
        let end = now() + grace;
        {
            let mut state = self.state.lock();
            state.over = true;
            if let Some(last) = state.phases.last_mut() {
                last.close(now());
            }
        }
        while self.state.lock().is_busy() && now() < end {
            tokio::time::sleep(look).await;
        }
    }

    /// The figures of all phases, as JSON. Calls that have no answer yet are `unanswered`, and have
    /// taken as long as they have waited until now.
    pub fn report(&self, at: Instant) -> anyhow::Result<String> {
        let mut state = self.state.lock();
        let mut open: Vec<Due> = state.places.iter_mut().filter_map(Option::take).collect();
        open.extend(std::mem::take(&mut state.waiting));
        for due in open {
            state.phases[due.phase].unanswered(due.at, at);
        }
        let phases: Vec<_> = state.phases.iter().map(Record::figures).collect();
        Ok(serde_json::to_string(&phases)?)
    }
}

impl State {
    fn make(&mut self, at: Instant) -> Due {
        self.number += 1;
        Due {
            number: self.number,
            at,
            phase: self.phases.len().saturating_sub(1),
        }
    }

    fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.places.iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(during: Option<&str>) -> Desk {
        Desk::new(Orders {
            connections: 1,
            expect: vec![200],
            at_once: false,
            during: during.map(str::to_owned),
            slot: None,
        })
    }

    /// Else a gateway that answers nobody for a while would be seen by one call alone.
    #[test]
    fn calls_that_find_no_connection_count_from_when_they_were_due() {
        let (desk, start) = (desk(None), now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        desk.begin("one", start).unwrap();
        assert!(desk.take(0).is_none());
        for due in [0, 1, 2] {
            desk.due(after(due), after(due));
        }
        for answered in [500, 501, 502] {
            assert!(desk.take(0).is_some());
            desk.answered(0, Ok(200), after(answered));
        }
        assert!(desk.take(0).is_none());
        let told: serde_json::Value = serde_json::from_str(&desk.report(now()).unwrap()).unwrap();
        assert_eq!(told[0]["requests"], 3);
        for (figure, least) in [("p50", 499_000.0), ("max", 499_000.0)] {
            assert!(told[0]["time"][figure].as_f64().unwrap() > least, "{told}");
        }
        // There was no connection: that is not this program's fault.
        assert!(told[0]["lag"]["max"].as_f64().unwrap() < 1.0, "{told}");
    }

    #[test]
    fn other_phases_have_no_calls() {
        let (desk, start) = (desk(Some("event")), now());
        for phase in ["quiet", "event", "rest"] {
            desk.begin(phase, start).unwrap();
            desk.due(start, start);
        }
        assert!(desk.take(0).is_some());
        desk.answered(0, Ok(200), start);
        assert!(desk.take(0).is_none(), "only one was due");
    }
}

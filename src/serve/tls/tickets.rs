//! Session tickets under keys that are made in this process, kept nowhere and replaced by its clock.
//!
//! rustls has a rotator of its own. It rotates once when it is used: on a listener that nobody used for a day it
//! would still open the ticket of the day before.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use crate::domain::Clock;

/// One listener's tickets.
pub(super) struct Tickets {
    clock: Arc<dyn Clock>,
    keys: ArcSwap<Keys>,
    rotating: Mutex<()>,
}

struct Keys {
    /// When the current one began, in unix seconds.
    since: u64,
    current: Arc<dyn ProducesTickets>,
    previous: Option<Arc<dyn ProducesTickets>>,
}

impl Tickets {
    /// # Errors
    /// When there is no randomness for a key.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Result<Arc<Self>, rustls::Error> {
        let keys = Keys {
            since: clock.unix(),
            current: Ticketer::new()?,
            previous: None,
        };
        Ok(Arc::new(Self {
            clock,
            keys: ArcSwap::from_pointee(keys),
            rotating: Mutex::new(()),
        }))
    }

    /// Those of now; none when no new one can be made: then clients shake hands in full.
    fn keys(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.load_full();
        if keys.are_of(self.clock.unix()) {
            return Some(keys);
        }
        let _rotating = self.rotating.lock();
        let (keys, now) = (self.keys.load_full(), self.clock.unix());
        if keys.are_of(now) {
            return Some(keys);
        }
        let next = Arc::new(keys.next(now, Ticketer::new().ok()?));
        self.keys.store(Arc::clone(&next));
        Some(next)
    }
}

impl Keys {
    /// A clock that went back ends a period as well: else one that was far ahead would keep its key.
    const fn are_of(&self, now: u64) -> bool {
        now.abs_diff(self.since) < PERIOD
    }

    /// The period that `now` is in. What was current is opened for one period more, not for longer.
    fn next(&self, now: u64, new: Arc<dyn ProducesTickets>) -> Self {
        let periods = now.saturating_sub(self.since) / PERIOD;
        let current = Arc::clone(&self.current);
        Self {
            since: match periods {
                0 => now,
                _ => self.since + periods * PERIOD,
            },
            current: new,
            previous: (periods == 1).then_some(current),
        }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    /// The longest that a ticket is opened, in seconds.
    fn lifetime(&self) -> u32 {
        2 * PERIOD as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys()?.current.encrypt(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys()?;
        let current = keys.current.decrypt(ticket);
        current.or_else(|| keys.previous.as_ref()?.decrypt(ticket))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

/// How long a key makes tickets, in seconds: six hours.
const PERIOD: u64 = 6 * 3600;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ManualClock;

    const BEGAN: u64 = 1_795_460_400;

    fn tickets() -> (Arc<ManualClock>, Arc<Tickets>) {
        let clock = Arc::new(ManualClock::at(BEGAN));
        (Arc::clone(&clock), Tickets::new(clock).unwrap())
    }

    fn opens(tickets: &Tickets, ticket: &[u8]) -> bool {
        let opened = tickets.decrypt(ticket);
        assert!(opened.is_none() || opened.as_deref() == Some(b"a session"));
        opened.is_some()
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Control: the previous key goes after its period, whether or not anybody came meanwhile.
    #[test]
    fn a_ticket_opens_in_its_period_and_the_next() {
        for is_used in [true, false] {
            let (clock, tickets) = tickets();
            let ticket = tickets.encrypt(b"a session").unwrap();
            clock.advance(seconds(PERIOD));
            assert!(!is_used || opens(&tickets, &ticket));
            let later = is_used.then(|| tickets.encrypt(b"a session").unwrap());
            clock.advance(seconds(PERIOD - 1));
            assert!(!is_used || opens(&tickets, &ticket));
            clock.advance(seconds(1));
            assert!(!opens(&tickets, &ticket), "after two periods: {is_used}");
            assert!(later.is_none_or(|later| opens(&tickets, &later)));
        }
    }

    /// Control: periods are counted from the first, not from whoever came first in one.
    #[test]
    fn who_comes_late_in_a_period_does_not_lengthen_the_next() {
        let (clock, tickets) = tickets();
        let ticket = tickets.encrypt(b"a session").unwrap();
        clock.advance(seconds(2 * PERIOD - 1));
        assert!(opens(&tickets, &ticket));
        clock.advance(seconds(1));
        assert!(!opens(&tickets, &ticket));
    }

    #[test]
    fn a_clock_that_was_far_ahead_keeps_no_key() {
        let (_, tickets) = tickets();
        let keys = tickets.keys().unwrap();
        let next = keys.next(BEGAN - PERIOD, Ticketer::new().unwrap());
        assert!(!keys.are_of(BEGAN - PERIOD));
        assert!(next.previous.is_none() && next.since == BEGAN - PERIOD);
    }

    #[test]
    fn two_listeners_do_not_open_each_others() {
        let (clock, one) = tickets();
        let other = Tickets::new(clock).unwrap();
        assert!(!opens(&other, &one.encrypt(b"a session").unwrap()));
        assert_eq!(one.lifetime(), 43_200);
    }
}

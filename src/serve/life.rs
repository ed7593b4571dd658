//! How a client's connection lives: what it is busy with, and how long it may take.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::Limits;
use crate::gateway::ForwardedFor;
use crate::observe::Stopwatch;
use crate::pace::Deadline;

/// Shared by a connection's I/O and its requests.
#[derive(Debug)]
pub struct Life {
    pub deadline: Deadline,
    /// Requests under way.
    busy: AtomicUsize,
    /// Bytes of a next head have come. Not used on HTTP/2, whose frames tell.
    in_head: AtomicBool,
    http2: bool,
    /// It has become something else than HTTP.
    upgraded: OnceLock<Option<ForwardedFor>>,
    /// A write is blocked.
    stalled: AtomicBool,
    /// Its end has begun, and has a time of its own, whatever else of it ends.
    closes: AtomicBool,
    /// On HTTP/2: pieces of answers that their clients have not taken yet, the oldest first.
    offered: Mutex<Vec<(u64, Stopwatch)>>,
    offers: AtomicU64,
    head_time: Duration,
    keep_alive: Duration,
    stall: Duration,
}

/// One request under way on a connection.
#[derive(Debug)]
pub struct Busy(Arc<Life>);

/// A piece of an answer on HTTP/2, until the next one is asked for. A client that takes nothing may
/// go on with everything else on its connection: its window says so, not its socket.
#[derive(Debug)]
pub struct Offer {
    life: Arc<Life>,
    number: u64,
}

impl Life {
    /// A new connection is to begin a head within the time for one.
    pub fn of_http1(deadline: Deadline, limits: &Limits) -> Arc<Self> {
        Self::new(deadline, limits, false)
    }

    pub fn of_http2(deadline: Deadline, limits: &Limits) -> Arc<Self> {
        Self::new(deadline, limits, true)
    }

    fn new(deadline: Deadline, limits: &Limits, http2: bool) -> Arc<Self> {
        deadline.set(limits.head_time);
        Arc::new(Self {
            deadline,
            busy: AtomicUsize::new(0),
            in_head: AtomicBool::new(false),
            http2,
            upgraded: OnceLock::new(),
            stalled: AtomicBool::new(false),
            closes: AtomicBool::new(false),
            offered: Mutex::default(),
            offers: AtomicU64::new(0),
            head_time: limits.head_time,
            keep_alive: limits.keep_alive,
            stall: limits.body_idle,
        })
    }

    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        if !self.http2 {
            self.deadline.clear();
        }
        Busy(Arc::clone(self))
    }

    /// A piece of an answer is there to be taken, and is not the last. On HTTP/1 its write tells.
    pub fn offer(self: &Arc<Self>) -> Option<Offer> {
        if !self.http2 {
            return None;
        }
        let number = self.offers.fetch_add(1, Ordering::Relaxed);
        let mut offered = self.offered.lock();
        if offered.is_empty() {
            self.deadline.set(self.stall);
        }
        offered.push((number, Stopwatch::start()));
        Some(Offer {
            life: Arc::clone(self),
            number,
        })
    }

    /// Whether the connection's time is up: it idles, or something of it is stuck, for too long.
    pub fn is_over(&self) -> bool {
        if !self.deadline.has_passed() {
            return false;
        }
        if !self.is_busy() {
            return true;
        }
        // A blocked write keeps its own time.
        if !self.http2 || self.stalled.load(Ordering::Relaxed) {
            return false;
        }
        let oldest = self
            .offered
            .lock()
            .first()
            .map(|(_, since)| since.elapsed());
        let left = oldest.map(|age| self.stall.saturating_sub(age));
        match left {
            Some(left) if left.is_zero() => return true,
            Some(left) => self.deadline.set(left),
            None => self.deadline.clear(),
        }
        false
    }

    /// The connection was told that it switches protocols.
    pub(super) fn upgrade(&self, before: Option<ForwardedFor>) {
        self.upgraded.get_or_init(|| before);
    }

    /// What the upgrade said of who came to a trusted proxy; `None` if there was no upgrade.
    pub(super) fn upgraded(&self) -> Option<&Option<ForwardedFor>> {
        self.upgraded.get()
    }

    pub const fn is_http2(&self) -> bool {
        self.http2
    }

    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Whether a head has begun to arrive and is not complete.
    pub fn is_in_head(&self) -> bool {
        !self.is_busy() && self.in_head.load(Ordering::Relaxed)
    }

    /// Bytes came in. On HTTP/2 only a request counts: its other frames, or a byte of one now and
    /// then, would keep a connection for ever.
    pub(super) fn has_read(&self) {
        if self.is_busy() || self.http2 {
            return;
        }
        if !self.in_head.swap(true, Ordering::Relaxed) {
            self.deadline.set(self.head_time);
        }
    }

    /// The connection is to end within this time. Said once.
    pub(super) fn close(&self, within: Duration) {
        if !self.closes.swap(true, Ordering::Relaxed) {
            self.deadline.set(within);
        }
    }

    fn closes(&self) -> bool {
        self.closes.load(Ordering::Relaxed)
    }

    /// The client takes nothing more for now.
    pub(super) fn is_stalled(&self) {
        self.stalled.store(true, Ordering::Relaxed);
        if !self.closes() {
            self.deadline.set(self.stall);
        }
    }

    /// The client takes bytes again.
    pub(super) fn goes_on(&self) {
        self.stalled.store(false, Ordering::Relaxed);
        if self.closes() {
            return;
        }
        if !self.is_busy() {
            self.deadline.set(self.keep_alive);
        } else if self.offered.lock().is_empty() {
            self.deadline.clear();
        } else {
            self.deadline.set(self.stall);
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        let mut offered = self.life.offered.lock();
        offered.retain(|(number, _)| *number != self.number);
    }
}

impl Busy {
    pub const fn life(&self) -> &Arc<Life> {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 && !self.0.closes() {
            self.0.deadline.set(self.0.keep_alive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::{Pacer, TICK};

    #[test]
    fn a_piece_that_is_not_taken_ends_the_connection_and_others_do_not() {
        let limits = Limits {
            body_idle: TICK,
            ..Limits::default()
        };
        let pacer = Pacer::new();
        let turn = || (0..3).for_each(|_| pacer.turn());
        let life = Life::of_http2(pacer.deadline(), &limits);
        let _busy = life.busy();
        drop(life.offer());
        turn();
        assert!(!life.is_over(), "it was taken");
        let _stuck = life.offer();
        drop(life.offer());
        while life.offered.lock()[0].1.elapsed() < TICK {
            std::thread::yield_now();
        }
        turn();
        assert!(life.is_over(), "it was not");
        let http1 = Life::of_http1(pacer.deadline(), &limits);
        assert!(http1.offer().is_none());
    }

    #[test]
    fn a_connection_is_in_a_head_from_its_first_byte_until_the_request_begins() {
        let life = Life::of_http1(Pacer::new().deadline(), &Limits::default());
        assert!(!life.is_in_head());
        life.has_read();
        assert!(life.is_in_head());
        let busy = life.busy();
        assert!(!life.is_in_head());
        life.has_read();
        drop(busy);
        assert!(!life.is_in_head(), "idle between requests");
        life.has_read();
        assert!(life.is_in_head());
    }
}

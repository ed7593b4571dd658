//! How a client's connection lives: what it is busy with, and how long it may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::config::Limits;
use crate::pace::Deadline;

/// Shared by a connection's I/O and its requests.
#[derive(Debug)]
pub struct Life {
    pub deadline: Deadline,
    /// Requests under way.
    busy: AtomicUsize,
    /// Bytes of a next head have come. On HTTP/2 never: its frames come between requests too.
    in_head: AtomicBool,
    http2: bool,
    head_time: Duration,
    keep_alive: Duration,
    stall: Duration,
}

/// One request under way on a connection.
#[derive(Debug)]
pub struct Busy(Arc<Life>);

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
            head_time: limits.head_time,
            keep_alive: limits.keep_alive,
            stall: limits.body_idle,
        })
    }

    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        self.deadline.clear();
        Busy(Arc::clone(self))
    }

    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Whether a head has begun to arrive and is not complete.
    pub fn is_in_head(&self) -> bool {
        !self.is_busy() && self.in_head.load(Ordering::Relaxed)
    }

    /// Bytes came in.
    pub(super) fn has_read(&self) {
        if self.is_busy() {
            return;
        }
        if self.http2 {
            self.deadline.set(self.keep_alive);
        } else if !self.in_head.swap(true, Ordering::Relaxed) {
            self.deadline.set(self.head_time);
        }
    }

    /// The client takes nothing more for now.
    pub(super) fn is_stalled(&self) {
        self.deadline.set(self.stall);
    }

    /// The client takes bytes again.
    pub(super) fn goes_on(&self) {
        if self.is_busy() {
            self.deadline.clear();
        } else {
            self.deadline.set(self.keep_alive);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.deadline.set(self.0.keep_alive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pacer;

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

//! All sessions of one core: what ends them from outside, looked at by one sweep instead of by a
//! timer each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::Context;
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::gateway::Shared;
use crate::pace::{Pacer, TICK};
use crate::registry::Seen;

/// How often sessions are looked after.
pub const SWEEP: Duration = Duration::from_millis(250);

const NEVER: u64 = u64::MAX;

/// What the sweep asks of a session; several at once are one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orders(u8);

impl Orders {
    /// The App's record has changed: look whether the session may go on.
    pub const RECHECK: Self = Self(1);
    /// What waited for time to pass may go on.
    pub const GO_ON: Self = Self(2);
    /// The token's time is up.
    pub const EXPIRED: Self = Self(4);
    /// Nothing has come for too long.
    pub const IDLE: Self = Self(8);
    /// An end has taken nothing for too long.
    pub const STALLED: Self = Self(16);
    /// The gateway is draining: leave once no message waits for its acknowledgement.
    pub const LEAVE: Self = Self(32);
    /// There is no more time for that.
    pub const LEAVE_NOW: Self = Self(64);

    pub const fn has(self, order: Self) -> bool {
        self.0 & order.0 != 0
    }
}

/// A session, as the sweep sees it. Times are the pacer's ticks.
pub(super) struct Handle {
    orders: AtomicU8,
    waker: AtomicWaker,
    active: AtomicU64,
    stalled: AtomicU64,
    /// When something that waits is to go on.
    wakes: AtomicU64,
    /// Unix seconds.
    ends: AtomicU64,
    seen: Mutex<Arc<Seen>>,
}

pub(super) struct Roll {
    sessions: Arc<Mutex<Sessions>>,
    shared: Arc<Shared>,
    pacer: Arc<Pacer>,
}

#[derive(Default)]
struct Sessions {
    next: u64,
    handles: HashMap<u64, Arc<Handle>, RandomState>,
    /// Once the gateway drains.
    leaving: Option<Leaving>,
}

struct Leaving {
    /// How many are asked to leave in a sweep.
    share: usize,
    /// Sweeps until nobody is waited for.
    left: usize,
}

/// A session's entry; off the roll when dropped.
pub(super) struct Entry {
    pub handle: Arc<Handle>,
    number: u64,
    sessions: Arc<Mutex<Sessions>>,
    pacer: Arc<Pacer>,
}

impl Roll {
    pub fn new(shared: Arc<Shared>, pacer: Arc<Pacer>) -> Self {
        Self {
            sessions: Arc::default(),
            shared,
            pacer,
        }
    }

    /// `ends` is when the token dies, in unix seconds.
    pub fn enter(&self, seen: Arc<Seen>, ends: Option<u64>) -> Entry {
        // Changed while it was being opened: before anything passes.
        let orders = if seen.is_stale() {
            Orders::RECHECK.0
        } else {
            0
        };
        let handle = Arc::new(Handle {
            orders: AtomicU8::new(orders),
            waker: AtomicWaker::new(),
            active: AtomicU64::new(self.pacer.now()),
            stalled: AtomicU64::new(NEVER),
            wakes: AtomicU64::new(NEVER),
            ends: AtomicU64::new(ends.unwrap_or(NEVER)),
            seen: Mutex::new(seen),
        });
        let mut sessions = self.sessions.lock();
        let number = sessions.next;
        sessions.next += 1;
        sessions.handles.insert(number, Arc::clone(&handle));
        Entry {
            handle,
            number,
            sessions: Arc::clone(&self.sessions),
            pacer: Arc::clone(&self.pacer),
        }
    }

    pub fn sweep(&self) {
        let mut sessions = self.sessions.lock();
        let times = Times {
            now: self.pacer.now(),
            unix: self.shared.clock.unix(),
            idle: ticks(self.shared.limits.session_idle),
            stall: ticks(self.shared.limits.body_idle),
        };
        for handle in sessions.handles.values() {
            handle.look(&times);
        }
        if self.shared.is_draining() {
            sessions.drain(self.shared.limits.drain);
        }
    }
}

impl Sessions {
    /// Asks some to leave, so that all have been asked in half the time there is. In half of what is
    /// left then they must be gone.
    fn drain(&mut self, limit: Duration) {
        let sweeps = (limit / 2).as_millis() / SWEEP.as_millis();
        let sweeps = usize::try_from(sweeps).unwrap_or(usize::MAX).max(1);
        let all = self.handles.len();
        let leaving = self.leaving.get_or_insert(Leaving {
            share: all.div_ceil(sweeps).max(1),
            left: sweeps + sweeps / 2,
        });
        leaving.left = leaving.left.saturating_sub(1);
        let (share, order) = match leaving.left {
            0 => (all, Orders::LEAVE_NOW),
            _ => (leaving.share, Orders::LEAVE),
        };
        let staying = self.handles.values().filter(|h| !h.is_asked(order));
        for handle in staying.take(share) {
            handle.order(order);
        }
    }
}

struct Times {
    now: u64,
    unix: u64,
    idle: u64,
    stall: u64,
}

fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(TICK.as_millis())).unwrap_or(NEVER)
}

impl Handle {
    fn look(&self, times: &Times) {
        let since = |at: &AtomicU64| times.now.saturating_sub(at.load(Ordering::Relaxed));
        if self.seen.lock().is_stale() {
            self.order(Orders::RECHECK);
        }
        if times.now >= self.wakes.load(Ordering::Relaxed) {
            self.order(Orders::GO_ON);
        }
        if times.unix >= self.ends.load(Ordering::Relaxed) {
            self.order(Orders::EXPIRED);
        }
        if since(&self.active) > times.idle {
            self.order(Orders::IDLE);
        }
        if self.stalled.load(Ordering::Relaxed) != NEVER && since(&self.stalled) > times.stall {
            self.order(Orders::STALLED);
        }
    }

    fn order(&self, order: Orders) {
        self.orders.fetch_or(order.0, Ordering::Release);
        self.waker.wake();
    }

    pub fn is_asked(&self, order: Orders) -> bool {
        Orders(self.orders.load(Ordering::Acquire)).has(order)
    }

    /// What is asked, of which LEAVE stays asked; wakes this task when more is.
    pub fn take_orders(&self, cx: &Context<'_>) -> Orders {
        self.waker.register(cx.waker());
        Orders(self.orders.fetch_and(Orders::LEAVE.0, Ordering::AcqRel))
    }

    /// The record as it is now, and the token's new end.
    pub fn renew(&self, seen: Arc<Seen>, ends: Option<u64>) {
        *self.seen.lock() = seen;
        self.ends.store(ends.unwrap_or(NEVER), Ordering::Relaxed);
    }
}

impl Entry {
    pub fn now(&self) -> u64 {
        self.pacer.now()
    }

    /// Something came.
    pub fn is_active(&self) {
        let now = self.pacer.now();
        self.handle.active.store(now, Ordering::Relaxed);
    }

    /// Since which tick an end takes nothing, if one does.
    pub fn stalls_since(&self, tick: Option<u64>) {
        set(&self.handle.stalled, tick);
    }

    /// Wakes the session at this tick, or not.
    pub fn wake_at(&self, tick: Option<u64>) {
        set(&self.handle.wakes, tick);
    }
}

/// Mostly nothing changes, and then nothing is written.
fn set(place: &AtomicU64, tick: Option<u64>) {
    let tick = tick.unwrap_or(NEVER);
    if place.load(Ordering::Relaxed) != tick {
        place.store(tick, Ordering::Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.lock().handles.remove(&self.number);
    }
}

//! Time as an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The wall clock. Whoever needs to know the time takes one, so that tests can move it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn unix_millis(&self) -> u64;

    /// Whole seconds since 1970-01-01T00:00:00Z.
    fn unix(&self) -> u64 {
        self.unix_millis() / 1000
    }

    /// The same, late by up to 10 ms: for what is asked with each request.
    fn unix_lately(&self) -> u64 {
        self.unix()
    }
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn unix_millis(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    /// What the kernel has noted at its last tick: a tenth of the time that the exact one takes.
    fn unix_lately(&self) -> u64 {
        let noted = clock_gettime(ClockId::RealtimeCoarse);
        u64::try_from(noted.tv_sec).unwrap_or(0)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// `unix` is in seconds.
    pub const fn at(unix: u64) -> Self {
        Self(AtomicU64::new(unix * 1000))
    }

    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_late_clock_is_never_ahead_and_hardly_behind() {
        let before = SystemClock.unix();
        let late = SystemClock.unix_lately();
        assert!(late <= SystemClock.unix() && late + 1 >= before);
    }
}

//! The end of a gateway, in its stages.

use std::sync::atomic::{AtomicU8, Ordering};

/// How far the end has come. It only goes on, and is the same for all configurations that the
/// gateway ever had.
#[derive(Debug, Default)]
pub struct Departure(AtomicU8);

const LEAVING: u8 = 1;
const DRAINING: u8 = 2;

impl Departure {
    /// From now on each answer ends its connection, so that clients go elsewhere by themselves.
    pub fn leave(&self) {
        self.0.fetch_max(LEAVING, Ordering::Relaxed);
    }

    /// From now on requests are refused as `draining`.
    pub fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::Relaxed);
    }

    pub fn is_leaving(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= LEAVING
    }

    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= DRAINING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_goes_on() {
        let departure = Departure::default();
        assert!(!departure.is_leaving());
        departure.leave();
        assert!(departure.is_leaving() && !departure.is_draining());
        departure.drain();
        departure.leave();
        assert!(departure.is_leaving() && departure.is_draining());
    }
}

//! How many frames a session may send in each channel.

use std::num::NonZeroU32;

use crate::domain::Channel;
use crate::pace::TICK;

/// A token bucket for each channel, which hold one second's frames.
#[derive(Debug)]
pub(super) struct Buckets {
    per_second: Option<NonZeroU32>,
    /// Thousandths of a frame.
    levels: [u64; 4],
    /// By the pacer's ticks, when the levels were right.
    at: [u64; 4],
}

const FRAME: u64 = 1_000;

impl Buckets {
    /// `None`: as many as they like.
    pub fn new(per_second: Option<NonZeroU32>, now: u64) -> Self {
        let full = per_second.map_or(0, |rate| u64::from(rate.get()) * FRAME);
        Self {
            per_second,
            levels: [full; 4],
            at: [now; 4],
        }
    }

    /// Whether one more frame fits now, in the pacer's ticks.
    pub fn take(&mut self, channel: Channel, now: u64) -> bool {
        let Some(rate) = self.per_second else {
            return true;
        };
        let rate = u64::from(rate.get());
        let place = channel.index();
        let millis = u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX);
        let passed = now.saturating_sub(self.at[place]).saturating_mul(millis);
        let level = self.levels[place].saturating_add(passed.saturating_mul(rate));
        let level = level.min(rate * FRAME);
        self.at[place] = now;
        let fits = level >= FRAME;
        self.levels[place] = if fits { level - FRAME } else { level };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_its_frames_in_each_channel() {
        let mut buckets = Buckets::new(NonZeroU32::new(10), 0);
        let mut taken = |channel, now| (0..100).filter(|_| buckets.take(channel, now)).count();
        assert_eq!(taken(Channel::Room, 0), 10);
        assert_eq!(taken(Channel::Group, 0), 10, "another channel");
        assert_eq!(taken(Channel::Room, 1), 0, "a tick is 64 ms");
        assert_eq!(taken(Channel::Room, 4), 2, "256 ms");
        assert_eq!(taken(Channel::Room, 10_000), 10, "no more than a second's");
    }

    #[test]
    fn without_a_rate_everything_fits() {
        let mut buckets = Buckets::new(None, 0);
        assert!((0..1_000).all(|_| buckets.take(Channel::General, 0)));
    }
}

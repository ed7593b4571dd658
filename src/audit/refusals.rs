//! Refusals of traffic, counted where they happen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::{AppId, Clock};

/// Refusals of one code and App within this time become one entry.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Counts by window, code and App. Any part may hold any key; they are added up when taken.
pub(super) struct Refusals {
    clock: Arc<dyn Clock>,
    parts: [Mutex<Counts>; PARTS],
    next: AtomicUsize,
    lost: AtomicU64,
}

/// What one entry stands for. Sorts by time first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    /// The window's number since 1970.
    pub window: u64,
    pub code: &'static str,
    pub app_id: Option<AppId>,
}

type Counts = HashMap<Key, u64>;

/// Enough that a caller finds one that nobody holds.
const PARTS: usize = 8;

/// Keys in a part. What is beyond is counted as lost.
const KEYS: usize = 1_024;

impl Refusals {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            parts: Default::default(),
            next: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }

    pub fn count(&self, code: &'static str, app_id: Option<AppId>) {
        let key = Key {
            window: self.window(),
            code,
            app_id,
        };
        if !self.add(key) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a part that nobody holds had room for it.
    fn add(&self, key: Key) -> bool {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        for step in 0..PARTS {
            let part = &self.parts[start.wrapping_add(step) % PARTS];
            let Some(mut counts) = part.try_lock() else {
                continue;
            };
            let full = counts.len() >= KEYS;
            match counts.entry(key) {
                Entry::Occupied(mut count) => *count.get_mut() += 1,
                Entry::Vacant(_) if full => continue,
                Entry::Vacant(place) => {
                    place.insert(1);
                }
            }
            return true;
        }
        false
    }

    /// Takes the counts of windows that have passed, oldest first.
    pub fn take_passed(&self) -> Vec<(Key, u64)> {
        let now = self.window();
        self.take(|key| key.window < now)
    }

    pub fn take_all(&self) -> Vec<(Key, u64)> {
        self.take(|_| true)
    }

    /// Takes the number of refusals that found no room.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    pub fn add_lost(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    fn take(&self, mut due: impl FnMut(&Key) -> bool) -> Vec<(Key, u64)> {
        let mut sums = Counts::new();
        for part in &self.parts {
            let taken: Vec<_> = part.lock().extract_if(|key, _| due(key)).collect();
            for (key, count) in taken {
                *sums.entry(key).or_default() += count;
            }
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_unstable();
        sums
    }

    fn window(&self) -> u64 {
        self.clock.unix() / WINDOW.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    fn app(digit: u32) -> AppId {
        AppId::parse(&format!("{digit:032x}")).unwrap()
    }

    #[test]
    fn one_count_for_each_code_app_and_window() {
        let clock = Arc::new(ManualClock::at(1_760_000_000));
        let refusals = Refusals::new(clock.clone());
        for _ in 0..100 {
            refusals.count("app_mismatch", Some(app(1)));
        }
        refusals.count("app_mismatch", Some(app(2)));
        refusals.count("tls_name", None);
        assert!(
            refusals.take_passed().is_empty(),
            "the window is still open"
        );
        clock.advance(WINDOW);
        refusals.count("tls_name", None);
        let taken = refusals.take_passed();
        let counts: Vec<_> = taken
            .iter()
            .map(|(key, count)| (key.code, key.app_id, *count))
            .collect();
        assert_eq!(
            counts,
            [
                ("app_mismatch", Some(app(1)), 100),
                ("app_mismatch", Some(app(2)), 1),
                ("tls_name", None, 1)
            ]
        );
        assert_eq!(refusals.take_all().len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_what_found_no_room_is_counted() {
        let refusals = Refusals::new(Arc::new(ManualClock::at(1_760_000_000)));
        let kinds = u32::try_from(PARTS * KEYS).unwrap();
        for digit in 0..kinds + 500 {
            refusals.count("app_lives_elsewhere", Some(app(digit)));
        }
        assert_eq!(refusals.take_all().len(), PARTS * KEYS);
        assert_eq!(refusals.take_lost(), 500);
        assert_eq!(refusals.take_lost(), 0);
    }

    #[test]
    fn a_caller_does_not_wait_for_a_part_that_is_held() {
        let refusals = Refusals::new(Arc::new(ManualClock::at(1_760_000_000)));
        let held: Vec<_> = refusals.parts.iter().map(Mutex::lock).collect();
        refusals.count("tls_name", None);
        drop(held);
        assert_eq!(refusals.take_lost(), 1);
    }
}

//! A number of places that cores share, of which each keeps a few ready.
//!
//! One counter that every request writes twice would pass its cache line from core to core. So a
//! counter that is busy gets a reserve for each core: places are taken from it and come back to it,
//! and only now and then a portion moves between a reserve and the counter. Near the limit reserves
//! are gathered in, so that nobody is refused while a place is free.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::shard;

/// How many are taken, of a limit that the caller knows. Never more than that are.
#[derive(Debug, Default)]
pub struct Places {
    /// Those in use and those in reserve: never less than what is in use.
    taken: AtomicUsize,
    reserves: OnceLock<Box<[Reserve]>>,
}

/// One core's, in cache lines of its own: they are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Reserve(AtomicUsize);

/// As many in use at once make a counter busy.
const BUSY: usize = 32;

/// What is taken at once at most, and the most that a core keeps ready.
const PORTION: usize = 16;
const MOST: usize = 2 * PORTION;

impl Places {
    pub const fn new() -> Self {
        Self {
            taken: AtomicUsize::new(0),
            reserves: OnceLock::new(),
        }
    }

    /// Takes a place, if one of `limit` is free. Who gets it gives it back by [`Self::leave`].
    pub fn enter(&self, limit: usize) -> bool {
        self.enter_on(shard::mine(), limit)
    }

    /// Gives a place back.
    pub fn leave(&self) {
        self.leave_on(shard::mine());
    }

    /// Whether any is, or is kept in reserve.
    pub fn is_taken(&self) -> bool {
        self.taken.load(Relaxed) > 0
    }

    /// How many are in use. Never too few; too many only while others come and go.
    pub fn in_use(&self) -> usize {
        if let Some(reserves) = self.reserves.get() {
            self.gather(reserves);
        }
        self.taken.load(Acquire)
    }

    fn enter_on(&self, core: usize, limit: usize) -> bool {
        match self.reserves.get() {
            Some(reserves) => self.enter_by(reserves, core, limit),
            None => self.enter_alone(limit),
        }
    }

    fn leave_on(&self, core: usize) {
        let Some(reserves) = self.reserves.get() else {
            self.taken.fetch_sub(1, Relaxed);
            return;
        };
        let reserve = of(reserves, core);
        if reserve.0.fetch_add(1, Release) >= MOST && reserve.take(PORTION) {
            self.taken.fetch_sub(PORTION, Release);
        }
    }

    fn enter_alone(&self, limit: usize) -> bool {
        if !self.grab(1, limit) {
            return false;
        }
        if self.taken.load(Relaxed) > BUSY && cores() > 1 {
            self.reserves.get_or_init(|| {
                let reserves = (0..cores()).map(|_| Reserve::default());
                reserves.collect()
            });
        }
        true
    }

    fn enter_by(&self, reserves: &[Reserve], core: usize, limit: usize) -> bool {
        let reserve = of(reserves, core);
        let taken = self.taken.load(Relaxed);
        // A limit may have been lowered since the reserve was filled.
        if taken <= limit && reserve.take(1) {
            return true;
        }
        // Less would be left for the others than they may be about to ask for.
        let portion = PORTION.min(limit / (4 * reserves.len()));
        let is_near = taken + portion * reserves.len() > limit;
        if portion > 1 && !is_near && self.grab(portion, limit) {
            reserve.0.fetch_add(portion - 1, Release);
            return true;
        }
        if self.grab(1, limit) {
            return true;
        }
        self.gather(reserves);
        self.grab(1, limit)
    }

    fn grab(&self, portion: usize, limit: usize) -> bool {
        let before = self.taken.fetch_add(portion, Relaxed);
        if before.saturating_add(portion) <= limit {
            return true;
        }
        self.taken.fetch_sub(portion, Relaxed);
        false
    }

    /// Takes back what is in reserve.
    fn gather(&self, reserves: &[Reserve]) {
        for reserve in reserves {
            // Others' lines are only written where there is something.
            if reserve.0.load(Relaxed) > 0 {
                let kept = reserve.0.swap(0, Acquire);
                self.taken.fetch_sub(kept, Relaxed);
            }
        }
    }
}

impl Reserve {
    fn take(&self, count: usize) -> bool {
        let less = |kept: usize| kept.checked_sub(count);
        self.0.fetch_update(Acquire, Relaxed, less).is_ok()
    }
}

/// A core's, which others share only where there are more threads than cores.
fn of(reserves: &[Reserve], core: usize) -> &Reserve {
    &reserves[core % reserves.len()]
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| {
        let cores = std::thread::available_parallelism();
        cores.map_or(1, |cores| cores.get().min(shard::COUNT))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// With reserves, whatever the machine has.
    fn busy(cores: usize) -> Places {
        let places = Places::new();
        let reserves = (0..cores).map(|_| Reserve::default()).collect();
        places.reserves.set(reserves).unwrap();
        places
    }

    #[test]
    fn a_limit_is_met_exactly_on_however_many_cores() {
        for (cores, limit) in [(1, 1), (2, 5), (2, 1_000), (4, 100), (64, 4_096), (64, 7)] {
            let places = busy(cores);
            let mut taken = 0;
            for core in (0..cores).cycle() {
                if !places.enter_on(core, limit) {
                    break;
                }
                taken += 1;
            }
            assert_eq!(taken, limit, "{cores} cores");
            assert_eq!(places.in_use(), limit);
        }
    }

    #[test]
    fn what_one_core_has_in_reserve_another_gets_before_it_is_refused() {
        let (places, limit) = (busy(2), 64);
        // One core comes and goes, and keeps the portion.
        assert!((0..40).all(|_| places.enter_on(0, limit)));
        (0..40).for_each(|_| places.leave_on(0));
        let kept = places.reserves.get().unwrap()[0].0.load(Relaxed);
        assert!(kept > 1, "{kept}");
        let others = (0..100).filter(|_| places.enter_on(1, limit)).count();
        assert_eq!(others, limit);
    }

    #[test]
    fn a_lowered_limit_counts_at_once() {
        let places = busy(1);
        assert!((0..20).all(|_| places.enter(1_000)));
        (0..10).for_each(|_| places.leave());
        assert!(!places.enter(10));
        assert!(places.enter(11));
    }

    #[test]
    fn without_load_nothing_is_kept_and_with_load_it_is() {
        let places = Places::new();
        assert!((0..BUSY).all(|_| places.enter(1_000)));
        assert!(places.reserves.get().is_none());
        (0..BUSY).for_each(|_| assert!(places.enter(1_000)));
        assert_eq!(places.reserves.get().is_some(), cores() > 1);
        assert_eq!(places.in_use(), 2 * BUSY);
        (0..2 * BUSY).for_each(|_| places.leave());
        assert_eq!(places.in_use(), 0);
    }

    #[test]
    fn cores_that_come_and_go_at_once_are_never_too_many_and_leave_nothing() {
        const LIMIT: usize = 50;
        let (places, inside, begin) = (busy(4), AtomicUsize::new(0), Barrier::new(4));
        thread::scope(|scope| {
            for core in 0..4 {
                let (places, inside, begin) = (&places, &inside, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let mut held: usize = 0;
                    for step in 0..200_000_usize {
                        // Each core grows and shrinks at another pace.
                        if step / (core * 7 + 5) % 2 == 0 {
                            if places.enter_on(core, LIMIT) {
                                held += 1;
                                assert!(inside.fetch_add(1, Relaxed) < LIMIT);
                            }
                        } else if held > 0 {
                            held -= 1;
                            inside.fetch_sub(1, Relaxed);
                            places.leave_on(core);
                        }
                        if step % 1_000 == core {
                            assert!(places.in_use() >= held);
                        }
                    }
                    for _ in 0..held {
                        inside.fetch_sub(1, Relaxed);
                        places.leave_on(core);
                    }
                });
            }
        });
        assert_eq!(places.in_use(), 0);
    }
}

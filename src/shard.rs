//! Which core a thread is: the place of what each core keeps for itself, so that none writes what another reads.

use std::cell::Cell;

use parking_lot::Mutex;

/// Places of cores. What is more than this, and threads that are no cores, share one place more.
pub const COUNT: usize = 64;

/// The place that is nobody's alone.
pub const COMMON: usize = COUNT;

/// A bit for each place that a thread has.
static TAKEN: Mutex<u64> = Mutex::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(COMMON) };
    static HELD: Held = const { Held };
}

/// Gives the place back when its thread ends.
struct Held;

/// This thread is a core: it gets a place of its own, if one is left.
pub fn settle() {
    if mine() != COMMON {
        return;
    }
    let mut taken = TAKEN.lock();
    let free = taken.trailing_ones();
    if free < u64::BITS {
        *taken |= 1 << free;
        MINE.set(free as usize);
        HELD.with(|_| {});
    }
}

/// The place of this thread, up to [`COMMON`].
pub fn mine() -> usize {
    MINE.get()
}

impl Drop for Held {
    fn drop(&mut self) {
        let place = MINE.replace(COMMON);
        if place != COMMON {
            *TAKEN.lock() &= !(1 << place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn cores_have_places_of_their_own_for_as_long_as_they_run_and_others_have_none() {
        let together = Barrier::new(3);
        let place = || {
            settle();
            settle();
            together.wait();
            mine()
        };
        for _ in 0..2 * COUNT {
            let [a, b, c] = thread::scope(|scope| {
                [scope.spawn(place), scope.spawn(place), scope.spawn(place)]
                    .map(|core| core.join().unwrap())
            });
            assert!(a < COUNT && b < COUNT && c < COUNT);
            assert!(a != b && b != c && a != c);
        }
        assert_eq!(thread::spawn(mine).join().unwrap(), COMMON);
    }
}

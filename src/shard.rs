//! Which core a thread is: the place of what each core keeps for itself, so that none writes what another reads.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More cores than this share places, correctly but slower.
pub const COUNT: usize = 64;

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// This thread is the core of that number.
pub fn settle(number: usize) {
    MINE.set(number % COUNT);
}

/// The place of this thread's core, below [`COUNT`]. Threads that are none get theirs from the top.
pub fn mine() -> usize {
    static OTHERS: AtomicUsize = AtomicUsize::new(0);
    let mine = MINE.get();
    if mine < COUNT {
        return mine;
    }
    let other = OTHERS.fetch_add(1, Ordering::Relaxed) % COUNT;
    settle(COUNT - 1 - other);
    MINE.get()
}

#[cfg(test)]
mod tests {
    use std::thread::spawn;

    use super::*;

    #[test]
    fn a_core_has_the_place_of_its_number_and_others_keep_theirs() {
        let core = spawn(|| {
            settle(3);
            (mine(), mine())
        });
        assert_eq!(core.join().unwrap(), (3, 3));
        let other = || spawn(|| (mine(), mine())).join().unwrap();
        let (a, b) = (other(), other());
        assert!(a.0 == a.1 && b.0 == b.1 && a.0 < COUNT && b.0 < COUNT);
        assert_ne!(a.0, b.0);
    }
}

//! The counters of what is in flight, by App: one object for an App as long as anybody uses it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::known::AppLoad;
use super::names::Hash;

#[derive(Default)]
pub(super) struct Loads(Mutex<Table>);

#[derive(Default)]
struct Table {
    loads: HashMap<Hash, Weak<AppLoad>>,
    sweep_at: usize,
}

/// The size from which on the table is swept.
const SWEEP: usize = 1_024;

impl Loads {
    /// The App's counters: those that are in use, or fresh ones.
    pub(super) fn of(&self, hash: Hash) -> Arc<AppLoad> {
        let mut table = self.0.lock();
        if let Some(load) = table.loads.get(&hash).and_then(Weak::upgrade) {
            return load;
        }
        let load = Arc::new(AppLoad::default());
        table.loads.insert(hash, Arc::downgrade(&load));
        table.sweep();
        load
    }
}

impl Table {
    /// Forgets Apps that nobody uses, each time the table has doubled.
    fn sweep(&mut self) {
        if self.loads.len() > self.sweep_at.max(SWEEP) {
            self.loads.retain(|_, load| load.strong_count() > 0);
            self.sweep_at = self.loads.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AppKey;
    use crate::registry::names::key_hash;

    fn hash(n: usize) -> Hash {
        key_hash(&AppKey::new("acme", &format!("app-{n}")).unwrap())
    }

    /// Control: the sweep.
    #[test]
    fn what_nobody_uses_is_forgotten_and_what_is_used_is_the_same() {
        let loads = Loads::default();
        let used: Vec<_> = (0..2 * SWEEP).map(|n| loads.of(hash(n))).collect();
        for n in 0..50 * SWEEP {
            loads.of(hash(2 * SWEEP + n));
            // With the one that is asked for.
            assert!(loads.0.lock().loads.len() <= 2 * (used.len() + 1) + 1);
        }
        for (n, load) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(load, &loads.of(hash(n))), "{n}");
        }
        drop(used);
        for n in 0..10 * SWEEP {
            loads.of(hash(100 * SWEEP + n));
        }
        assert!(loads.0.lock().loads.len() <= SWEEP + 1);
    }
}

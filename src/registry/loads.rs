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

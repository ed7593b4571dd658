//! Those who hear of a store's writes.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::store::{Key, Listener};

#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<Weak<dyn Listener>>>);

impl Listeners {
    pub(super) fn add(&self, listener: Weak<dyn Listener>) {
        self.0.lock().push(listener);
    }

    pub(super) fn changed(&self, keys: &[Key]) {
        for listener in self.alive() {
            listener.changed(keys);
        }
    }

    pub(super) fn missed(&self) {
        for listener in self.alive() {
            listener.missed();
        }
    }

    fn alive(&self) -> Vec<Arc<dyn Listener>> {
        let mut all = self.0.lock();
        all.retain(|l| l.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}

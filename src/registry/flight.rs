//! Concurrent asks for one thing become one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

type Cells<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

pub(super) struct Flights<K, V>(Cells<K, V>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq + Copy, V: Clone> Flights<K, V> {
    /// Runs `work`, or waits for whoever already does it for `key`. If that one is dropped, the
    /// next one who waits takes over.
    pub(super) async fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V>,
    {
        let cell = Arc::clone(self.0.lock().entry(key).or_default());
        let seat = Seat {
            cells: &self.0,
            key,
            cell,
        };
        seat.cell.get_or_init(work).await.clone()
    }
}

/// One who waits. The last one to leave, or the first after the landing, clears the flight away.
struct Seat<'a, K: Hash + Eq + Copy, V> {
    cells: &'a Cells<K, V>,
    key: K,
    cell: Arc<OnceCell<V>>,
}

impl<K: Hash + Eq + Copy, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut cells = self.cells.lock();
        let mine = cells.get(&self.key);
        let mine = mine.is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // Two owners are left: the map and this seat.
        if mine && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            cells.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join_all, poll_immediate};
    use tokio::sync::Notify;

    use super::*;

    /// Control: who leaves clears away, whether the flight has landed or not.
    #[tokio::test]
    async fn no_flight_stays_after_its_landing() {
        let flights = Flights::<u32, u32>::default();
        let landing = &Notify::new();
        let flight = |key| {
            flights.join(key, async move || {
                landing.notified().await;
                key
            })
        };
        // Nobody waits for these any more.
        for key in 0..100 {
            assert!(poll_immediate(flight(key)).await.is_none());
        }
        assert!(flights.0.lock().is_empty());
        let waiting = join_all((0..100).map(|n| flight(n % 10)));
        let landed = async {
            tokio::task::yield_now().await;
            assert_eq!(flights.0.lock().len(), 10);
            landing.notify_waiters();
        };
        let (answers, ()) = tokio::join!(waiting, landed);
        assert!((0..100).zip(answers).all(|(n, answer)| answer == n % 10));
        assert!(flights.0.lock().is_empty());
    }
}

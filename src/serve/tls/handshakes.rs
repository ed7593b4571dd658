//! How many handshakes there may be at once.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::poll_immediate;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The handshakes under way. When there are too many, whoever comes waits in line, and the oldest of those
/// that keep us waiting gives way: clients need milliseconds, so whoever holds thousands open loses those,
/// and keeps nobody else out. A handshake that waits for us does not, so of any number of clients that
/// come at once each is served in its turn.
#[derive(Debug)]
pub struct Handshakes {
    places: Arc<Semaphore>,
    kept: Mutex<Kept>,
}

/// Those that wait for their clients, by when they began to.
#[derive(Debug, Default)]
struct Kept {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    gives_way: Arc<Notify>,
}

/// A handshake's place; free again when dropped.
#[derive(Debug)]
pub struct HandshakePlace {
    handshakes: Arc<Handshakes>,
    /// Among those that wait for their clients, if it does.
    number: AtomicU64,
    gives_way: Arc<Notify>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What a client may keep others waiting for.
const GRACE: Duration = Duration::from_millis(250);

impl Handshakes {
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most)),
            kept: Mutex::default(),
        })
    }

    /// Waits for a place, first come, first served.
    pub async fn enter(self: &Arc<Self>) -> HandshakePlace {
        let mut free = pin!(Arc::clone(&self.places).acquire_owned());
        let permit = loop {
            if let Some(permit) = poll_immediate(free.as_mut()).await {
                break permit;
            }
            self.make_room();
            if let Ok(permit) = timeout(GRACE, free.as_mut()).await {
                break permit;
            }
        };
        let place = HandshakePlace {
            handshakes: Arc::clone(self),
            number: AtomicU64::default(),
            gives_way: Arc::default(),
            // The semaphore is never closed.
            _permit: permit.ok(),
        };
        place.waits_for_client();
        place
    }

    fn make_room(&self) {
        let mut kept = self.kept.lock();
        if let Some(oldest) = kept.waiting.first_entry()
            && oldest.get().since.elapsed() >= GRACE
        {
            oldest.remove().gives_way.notify_one();
        }
    }
}

impl HandshakePlace {
    /// From now on its client has to say something.
    pub fn waits_for_client(&self) {
        let mut kept = self.handshakes.kept.lock();
        kept.next += 1;
        let number = kept.next;
        kept.waiting.insert(
            number,
            Waiting {
                since: Instant::now(),
                gives_way: Arc::clone(&self.gives_way),
            },
        );
        self.number.store(number, Ordering::Relaxed);
    }

    /// From now on it does not give way.
    pub fn waits_for_us(&self) {
        let number = self.number.load(Ordering::Relaxed);
        self.handshakes.kept.lock().waiting.remove(&number);
    }

    /// Returns when this handshake has to make room.
    pub async fn gives_way(&self) {
        self.gives_way.notified().await;
    }
}

impl Drop for HandshakePlace {
    fn drop(&mut self) {
        self.waits_for_us();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn has_to_go(place: &HandshakePlace) -> bool {
        poll_immediate(place.gives_way()).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_that_keeps_others_waiting_gives_way_and_places_come_back() {
        let handshakes = Handshakes::new(2);
        let (first, second) = (handshakes.enter().await, handshakes.enter().await);
        let mut third = pin!(handshakes.enter());
        assert!(poll_immediate(third.as_mut()).await.is_none(), "it waits");
        assert!(!has_to_go(&first).await, "it has just come");
        let waited = timeout(GRACE * 3 / 2, third.as_mut()).await;
        assert!(waited.is_err(), "its place is not free yet");
        assert!(has_to_go(&first).await && !has_to_go(&second).await);
        drop(first);
        let third = third.await;
        tokio::time::advance(GRACE).await;
        let mut fourth = pin!(handshakes.enter());
        assert!(poll_immediate(fourth.as_mut()).await.is_none());
        assert!(has_to_go(&second).await && !has_to_go(&third).await);
        drop(second);
        drop((third, fourth.await));
        assert!(handshakes.kept.lock().waiting.is_empty());
        assert_eq!(handshakes.places.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_us_does_not_give_way() {
        let handshakes = Handshakes::new(1);
        let place = handshakes.enter().await;
        place.waits_for_us();
        let mut next = pin!(handshakes.enter());
        assert!(timeout(GRACE * 10, next.as_mut()).await.is_err());
        assert!(!has_to_go(&place).await);
        place.waits_for_client();
        assert!(timeout(GRACE * 3, next.as_mut()).await.is_err());
        assert!(has_to_go(&place).await, "it had its time");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_is_let_in_first_and_who_leaves_the_line_loses_nothing_for_others() {
        let handshakes = Handshakes::new(1);
        let place = handshakes.enter().await;
        place.waits_for_us();
        let mut line: Vec<_> = (0..3).map(|_| Box::pin(handshakes.enter())).collect();
        for waiting in &mut line {
            assert!(poll_immediate(waiting).await.is_none());
        }
        drop(line.remove(0));
        drop(place);
        let last = line.remove(1);
        let first = poll_immediate(&mut line[0]).await;
        assert!(first.is_some());
        assert!(poll_immediate(last).await.is_none());
    }
}

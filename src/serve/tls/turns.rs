//! The handshakes of a core take turns at what costs the most.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

thread_local! {
    /// Of this core. A thread of another runtime has one, too.
    static TURN: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// A handshake's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Waits for it, first come, first served.
    ///
    /// Exchanging keys and signing take a core some hundred times as long as a request. When
    /// thousands of clients come at once their handshakes would all be ready together, and requests
    /// would wait for every one of them. So there is one a round: what else has become ready is served
    /// in between.
    pub async fn take() -> Self {
        let turn = TURN.with(Arc::clone);
        // The semaphore is never closed.
        let permit = turn.acquire_owned().await.ok();
        // Comes back after the runtime has looked at its sockets.
        tokio::task::yield_now().await;
        Self { _permit: permit }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MANY: usize = 100;

    /// Without turns all are done in one round.
    #[tokio::test]
    async fn there_is_one_turn_a_round() {
        let done = Arc::new(AtomicUsize::new(0));
        let handshake = |done: Arc<AtomicUsize>| async move {
            let _turn = Turn::take().await;
            done.fetch_add(1, Ordering::Relaxed);
        };
        for _ in 0..MANY {
            tokio::spawn(handshake(Arc::clone(&done)));
        }
        let mut before = 0;
        for _ in 0..4 * MANY {
            tokio::task::yield_now().await;
            let now = done.load(Ordering::Relaxed);
            assert!(now - before <= 1, "{before}, then {now}");
            before = now;
        }
        assert_eq!(before, MANY);
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_is_the_next_ones() {
        let taken = Turn::take().await;
        let waiting = tokio::spawn(Turn::take());
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err());
        let next = tokio::spawn(Turn::take());
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        drop(taken);
        assert!(next.await.is_ok());
    }
}

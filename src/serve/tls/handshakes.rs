//! How many handshakes there may be at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The handshakes under way. When there is one too many the oldest gives way: clients need
/// milliseconds, so whoever holds thousands open loses those, and keeps nobody else out.
#[derive(Debug)]
pub struct Handshakes {
    most: usize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// A handshake's place; free again when dropped.
#[derive(Debug)]
pub struct HandshakePlace {
    handshakes: Arc<Handshakes>,
    number: u64,
    gives_way: Arc<Notify>,
}

impl Handshakes {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            line: Mutex::default(),
        })
    }

    pub fn enter(self: &Arc<Self>) -> HandshakePlace {
        let gives_way = Arc::new(Notify::new());
        let mut line = self.line.lock();
        while line.waiting.len() >= self.most
            && let Some((_, oldest)) = line.waiting.pop_first()
        {
            oldest.notify_one();
        }
        let number = line.next;
        line.next += 1;
        line.waiting.insert(number, Arc::clone(&gives_way));
        drop(line);
        HandshakePlace {
            handshakes: Arc::clone(self),
            number,
            gives_way,
        }
    }
}

impl HandshakePlace {
    /// Returns when this handshake has to make room.
    pub async fn gives_way(&self) {
        self.gives_way.notified().await;
    }
}

impl Drop for HandshakePlace {
    fn drop(&mut self) {
        self.handshakes.line.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;

    use super::*;

    #[tokio::test]
    async fn the_oldest_gives_way_and_places_come_back() {
        let handshakes = Handshakes::new(2);
        let (first, second) = (handshakes.enter(), handshakes.enter());
        assert!(poll_immediate(first.gives_way()).await.is_none());
        let third = handshakes.enter();
        assert!(poll_immediate(first.gives_way()).await.is_some());
        assert!(poll_immediate(second.gives_way()).await.is_none());
        drop((first, second));
        let fourth = handshakes.enter();
        assert!(poll_immediate(third.gives_way()).await.is_none());
        drop((third, fourth));
        assert!(handshakes.line.lock().waiting.is_empty());
    }
}

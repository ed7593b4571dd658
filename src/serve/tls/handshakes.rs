//! How many handshakes there may be at once.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::poll_immediate;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The handshakes under way. When there are too many, whoever comes waits in line, and the oldest of those
/// that keep us waiting gives way: first of those that have said nothing yet, for whom nothing was done, then of
/// those that do not take up our answer. A handshake that waits for us does not give way, so clients that come
/// at once are served in their turn. The longer the line, the less patience there is, and it has an end; but
/// who was answered has the time of a long way there and back, or a crowd would be sent away for ever.
#[derive(Debug)]
pub struct Handshakes {
    places: Arc<Semaphore>,
    /// How many wait for a place, and how many may.
    line: AtomicUsize,
    longest: usize,
    kept: Mutex<Kept>,
}

/// Those that wait for their clients, by what for and by when they began to.
#[derive(Debug, Default)]
struct Kept {
    next: u64,
    waiting: [BTreeMap<u64, Waiting>; 2],
}

/// What a client has to say.
#[derive(Debug, Clone, Copy)]
pub enum Awaited {
    /// Its ClientHello.
    Hello,
    /// The rest, after our answer.
    Finish,
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

/// How long a client that has said nothing may keep others waiting, where only few do.
const GRACE: Duration = Duration::from_millis(500);

/// The same for one that was answered, and the least of it.
const ANSWERED: Duration = Duration::from_secs(2);
const ANSWERED_LEAST: Duration = GRACE;

/// How often one in line looks, at most, and between two looks of all of them.
const LOOK: Duration = Duration::from_millis(20);
const BETWEEN: Duration = Duration::from_micros(200);

/// The end of the line, in times as many as may be under way.
const LINE: usize = 16;

const MOST: usize = 1 << 24;

fn part(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// One that waits in line.
struct InLine<'a>(&'a AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handshakes {
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.clamp(1, MOST);
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most)),
            line: AtomicUsize::new(0),
            longest: LINE * most,
            kept: Mutex::default(),
        })
    }

    /// Waits for a place, first come, first served; nothing when the line is as long as it may be, and nobody
    /// gives way.
    pub async fn enter(self: &Arc<Self>) -> Option<HandshakePlace> {
        let mut free = pin!(Arc::clone(&self.places).acquire_owned());
        let permit = match poll_immediate(free.as_mut()).await {
            Some(permit) => permit,
            None => self.wait(free).await?,
        };
        let place = HandshakePlace {
            handshakes: Arc::clone(self),
            number: AtomicU64::default(),
            gives_way: Arc::default(),
            // The semaphore is never closed.
            _permit: permit.ok(),
        };
        place.waits_for(Awaited::Hello);
        Some(place)
    }

    async fn wait<F: Future>(&self, mut free: Pin<&mut F>) -> Option<F::Output> {
        let before = self.line.fetch_add(1, Ordering::Relaxed);
        let _in_line = InLine(&self.line);
        if !self.make_room() && before >= self.longest {
            return None;
        }
        loop {
            if let Ok(permit) = timeout(self.look(), free.as_mut()).await {
                return Some(permit);
            }
            self.make_room();
        }
    }

    /// How long one in line waits before it looks again. All together look no more often the more they are.
    fn look(&self) -> Duration {
        let all = BETWEEN * part(self.line.load(Ordering::Relaxed));
        self.grace(Awaited::Hello).max(LOOK).max(all)
    }

    /// By how many wait.
    fn grace(&self, awaited: Awaited) -> Duration {
        let all = self.longest + 1;
        let left = all.saturating_sub(self.line.load(Ordering::Relaxed));
        let shortened = |grace: Duration| grace * part(left) / part(all);
        match awaited {
            Awaited::Hello => shortened(GRACE),
            Awaited::Finish => shortened(ANSWERED).max(ANSWERED_LEAST),
        }
    }

    /// Whether anybody gives way.
    fn make_room(&self) -> bool {
        let mut kept = self.kept.lock();
        let has_gone = |awaited| kept.let_go(awaited, self.grace(awaited));
        [Awaited::Hello, Awaited::Finish].into_iter().any(has_gone)
    }
}

impl Kept {
    fn forget(&mut self, number: u64) {
        for waiting in &mut self.waiting {
            waiting.remove(&number);
        }
    }

    /// Has the oldest that is waited for go, if that takes as long.
    fn let_go(&mut self, awaited: Awaited, grace: Duration) -> bool {
        if let Some(oldest) = self.waiting[awaited as usize].first_entry()
            && oldest.get().since.elapsed() >= grace
        {
            oldest.remove().gives_way.notify_one();
            return true;
        }
        false
    }
}

impl HandshakePlace {
    /// From now on its client has to say something.
    pub fn waits_for(&self, awaited: Awaited) {
        let mut kept = self.handshakes.kept.lock();
        kept.forget(self.number.load(Ordering::Relaxed));
        kept.next += 1;
        let number = kept.next;
        kept.waiting[awaited as usize].insert(
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
        self.handshakes.kept.lock().forget(number);
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

    async fn enter(handshakes: &Arc<Handshakes>) -> HandshakePlace {
        handshakes.enter().await.unwrap()
    }

    async fn has_to_go(place: &HandshakePlace) -> bool {
        poll_immediate(place.gives_way()).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_that_keeps_others_waiting_gives_way_and_places_come_back() {
        let handshakes = Handshakes::new(2);
        let (first, second) = (enter(&handshakes).await, enter(&handshakes).await);
        let mut third = pin!(enter(&handshakes));
        assert!(poll_immediate(third.as_mut()).await.is_none(), "it waits");
        assert!(!has_to_go(&first).await, "it has just come");
        let waited = timeout(GRACE * 3 / 2, third.as_mut()).await;
        assert!(waited.is_err(), "its place is not free yet");
        assert!(has_to_go(&first).await && !has_to_go(&second).await);
        drop(first);
        let third = third.await;
        tokio::time::advance(GRACE).await;
        let mut fourth = pin!(enter(&handshakes));
        assert!(poll_immediate(fourth.as_mut()).await.is_none());
        assert!(has_to_go(&second).await && !has_to_go(&third).await);
        drop(second);
        drop((third, fourth.await));
        assert!(
            handshakes
                .kept
                .lock()
                .waiting
                .iter()
                .all(BTreeMap::is_empty)
        );
        assert_eq!(handshakes.places.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_us_does_not_give_way() {
        let handshakes = Handshakes::new(1);
        let place = enter(&handshakes).await;
        place.waits_for_us();
        let mut next = pin!(enter(&handshakes));
        assert!(timeout(GRACE * 10, next.as_mut()).await.is_err());
        assert!(!has_to_go(&place).await);
        place.waits_for(Awaited::Hello);
        assert!(timeout(GRACE * 3, next.as_mut()).await.is_err());
        assert!(has_to_go(&place).await, "it had its time");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_answered_has_more_time_than_who_said_nothing() {
        let handshakes = Handshakes::new(2);
        let (answered, silent) = (enter(&handshakes).await, enter(&handshakes).await);
        answered.waits_for_us();
        answered.waits_for(Awaited::Finish);
        let mut next = pin!(enter(&handshakes));
        let rest = ANSWERED.checked_sub(GRACE * 2).unwrap();
        assert!(timeout(rest, next.as_mut()).await.is_err());
        assert!(has_to_go(&silent).await && !has_to_go(&answered).await);
        silent.waits_for(Awaited::Hello);
        tokio::time::advance(ANSWERED).await;
        assert!(handshakes.make_room(), "both have had their time");
        assert!(has_to_go(&silent).await && !has_to_go(&answered).await);
        assert!(handshakes.make_room());
        assert!(has_to_go(&answered).await);
    }

    #[test]
    fn a_long_line_does_not_look_all_the_time() {
        let handshakes = Handshakes::new(1_024);
        handshakes.line.store(handshakes.longest, Ordering::Relaxed);
        let each = handshakes.look();
        let all = u64::try_from(handshakes.longest).unwrap();
        assert!(
            each * 5_000 >= Duration::from_secs(all),
            "more than 5,000 a second: {each:?}"
        );
    }

    /// However long the line is.
    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_is_slow_to_take_up_our_answer_is_served_and_nobody_of_it_sent_away() {
        const PLACES: usize = 4;
        let handshakes = Handshakes::new(PLACES);
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..PLACES + LINE * PLACES {
            let handshakes = Arc::clone(&handshakes);
            crowd.spawn(async move {
                let place = enter(&handshakes).await;
                place.waits_for_us();
                tokio::task::yield_now().await;
                place.waits_for(Awaited::Finish);
                let way = tokio::time::sleep(ANSWERED_LEAST * 9 / 10);
                tokio::select! {
                    () = place.gives_way() => false,
                    () = way => true,
                }
            });
        }
        let served = crowd.join_all().await;
        assert!(served.into_iter().all(|served| served));
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_is_let_in_first_and_who_leaves_the_line_loses_nothing_for_others() {
        let handshakes = Handshakes::new(1);
        let place = enter(&handshakes).await;
        place.waits_for_us();
        let mut line: Vec<_> = (0..3).map(|_| Box::pin(enter(&handshakes))).collect();
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

    /// However many come and stay silent, they are passed through, and hold no more than the line.
    #[tokio::test(start_paused = true)]
    async fn the_longer_the_line_the_sooner_the_oldest_gives_way_and_it_has_an_end() {
        const PLACES: usize = 4;
        let handshakes = Handshakes::new(PLACES);
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(enter(&handshakes).await);
        }
        let mut line: Vec<_> = (0..LINE * PLACES)
            .map(|_| Box::pin(handshakes.enter()))
            .collect();
        for waiting in &mut line {
            assert!(poll_immediate(waiting).await.is_none());
        }
        assert!(!has_to_go(&places[0]).await, "the line had an end in sight");
        let mut one_more = pin!(handshakes.enter());
        assert!(poll_immediate(one_more.as_mut()).await.is_none(), "in line");
        assert!(has_to_go(&places[0]).await && !has_to_go(&places[1]).await);
        for place in &places {
            place.waits_for_us();
        }
        let too_many = poll_immediate(handshakes.enter()).await;
        assert!(too_many.is_some_and(|place| place.is_none()));
        drop(line);
        assert_eq!(handshakes.line.load(Ordering::Relaxed), 1);
        drop(places);
        assert!(one_more.await.is_some());
        assert_eq!(handshakes.line.load(Ordering::Relaxed), 0);
    }
}

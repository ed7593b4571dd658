//! Time-outs for one core: a coarse clock and a lazy timer wheel.
//!
//! Setting or moving a deadline is an atomic store; nothing is allocated and no timer of the
//! runtime is touched. A wheel entry that comes up looks at the deadline as it is by then, and
//! moves on if that is later. Deadlines fire up to one [`TICK`] late.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// How often the wheel turns.
pub const TICK: Duration = Duration::from_millis(64);

/// Buckets of the wheel: about nine minutes; what is later comes up early and moves on.
const BUCKETS: u64 = 8_192;

const NEVER: u64 = u64::MAX;

/// One core's clock and wheel.
#[derive(Debug)]
pub struct Pacer {
    now: AtomicU64,
    wheel: Mutex<Vec<Vec<Arc<Slot>>>>,
}

/// A moment that can be set, moved and cleared at no cost. Ends with its owner.
#[derive(Debug)]
pub struct Deadline {
    slot: Arc<Slot>,
    pacer: Arc<Pacer>,
}

#[derive(Debug)]
struct Slot {
    /// The tick at which to fire.
    at: AtomicU64,
    /// The tick of the wheel entry that counts; others are left-overs.
    scheduled: AtomicU64,
    fired: AtomicBool,
    waker: AtomicWaker,
}

impl Pacer {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicU64::new(0),
            wheel: Mutex::new((0..BUCKETS).map(|_| Vec::new()).collect()),
        })
    }

    /// Turns the wheel for as long as it is polled.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            self.turn();
        }
    }

    /// Ticks since the pacer was made.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub fn deadline(self: &Arc<Self>) -> Deadline {
        let slot = Arc::new(Slot {
            at: AtomicU64::new(NEVER),
            scheduled: AtomicU64::new(NEVER),
            fired: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        Deadline {
            slot,
            pacer: Arc::clone(self),
        }
    }

    /// One tick.
    pub fn turn(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        let due = std::mem::take(&mut self.wheel.lock()[bucket(now)]);
        for slot in due {
            self.come_up(slot, now);
        }
    }

    fn come_up(&self, slot: Arc<Slot>, now: u64) {
        if slot.scheduled.load(Ordering::Relaxed) != now {
            return;
        }
        let at = slot.at.load(Ordering::Relaxed);
        if at <= now {
            slot.scheduled.store(NEVER, Ordering::Relaxed);
            slot.fired.store(true, Ordering::Release);
            slot.waker.wake();
        } else if at == NEVER {
            slot.scheduled.store(NEVER, Ordering::Relaxed);
        } else {
            self.schedule(slot, at, now);
        }
    }

    fn schedule(&self, slot: Arc<Slot>, at: u64, now: u64) {
        let tick = at.min(now + BUCKETS - 1).max(now + 1);
        slot.scheduled.store(tick, Ordering::Relaxed);
        self.wheel.lock()[bucket(tick)].push(slot);
    }
}

fn bucket(tick: u64) -> usize {
    usize::try_from(tick % BUCKETS).unwrap_or_default()
}

fn ticks(span: Duration) -> u64 {
    let ticks = span.as_millis().div_ceil(TICK.as_millis());
    u64::try_from(ticks).unwrap_or(NEVER).max(1)
}

impl Deadline {
    /// Fires after `span`, whatever was set before.
    pub fn set(&self, span: Duration) {
        let now = self.pacer.now();
        let at = now.saturating_add(ticks(span)).saturating_add(1);
        self.slot.fired.store(false, Ordering::Relaxed);
        self.slot.at.store(at, Ordering::Relaxed);
        if at < self.slot.scheduled.load(Ordering::Relaxed) {
            self.pacer.schedule(Arc::clone(&self.slot), at, now);
        }
    }

    pub fn clear(&self) {
        self.slot.at.store(NEVER, Ordering::Relaxed);
        self.slot.fired.store(false, Ordering::Relaxed);
    }

    /// Wakes this task when the deadline passes, set as it may be by then. One task waits at a time.
    pub fn awaited_by(&self, cx: &Context<'_>) {
        self.slot.waker.register(cx.waker());
    }

    /// Ready when the deadline has passed. One task waits at a time.
    pub fn poll_passed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_passed() {
            return Poll::Ready(());
        }
        self.awaited_by(cx);
        if self.has_passed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub fn has_passed(&self) -> bool {
        self.slot.fired.load(Ordering::Acquire)
    }

    /// Waits until the deadline has passed.
    pub fn passed(&self) -> impl Future<Output = ()> + '_ {
        std::future::poll_fn(|cx| self.poll_passed(cx))
    }

    /// Gives the future as long as the deadline leaves it.
    pub async fn race<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = Pin::as_mut(&mut future).poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.poll_passed(cx).map(|()| None)
        })
        .await
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.clear();
        // The wheel keeps the slot until it comes up; a waker in it would keep its whole task.
        drop(self.slot.waker.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(pacer: &Pacer, count: u64) {
        for _ in 0..count {
            pacer.turn();
        }
    }

    #[test]
    fn a_deadline_fires_once_its_time_has_passed_and_not_before() {
        let pacer = Pacer::new();
        let deadline = pacer.deadline();
        deadline.set(TICK * 10);
        turns(&pacer, 10);
        assert!(!deadline.has_passed());
        turns(&pacer, 1);
        assert!(deadline.has_passed());
    }

    #[test]
    fn a_deadline_moves_both_ways_and_can_be_cleared() {
        let pacer = Pacer::new();
        let deadline = pacer.deadline();
        deadline.set(TICK * 10);
        turns(&pacer, 5);
        deadline.set(TICK * 10);
        turns(&pacer, 7);
        assert!(!deadline.has_passed(), "moved later");
        deadline.set(TICK * 1);
        turns(&pacer, 2);
        assert!(deadline.has_passed(), "moved earlier");
        deadline.set(TICK * 3);
        deadline.clear();
        turns(&pacer, 20);
        assert!(!deadline.has_passed(), "cleared");
        deadline.set(TICK * 3);
        turns(&pacer, 4);
        assert!(deadline.has_passed(), "set again");
    }

    #[test]
    fn a_deadline_beyond_the_wheel_still_fires() {
        let pacer = Pacer::new();
        let deadline = pacer.deadline();
        let far = u32::try_from(3 * BUCKETS).unwrap();
        deadline.set(TICK * far);
        turns(&pacer, u64::from(far));
        assert!(!deadline.has_passed());
        turns(&pacer, 1);
        assert!(deadline.has_passed());
    }

    #[test]
    fn a_deadline_that_is_gone_keeps_no_task() {
        let (pacer, task) = (Pacer::new(), Arc::new(Task));
        let waker = Arc::clone(&task).into();
        let deadline = pacer.deadline();
        deadline.set(TICK * 5);
        deadline.awaited_by(&Context::from_waker(&waker));
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 2);
        drop(deadline);
        assert_eq!(Arc::strong_count(&task), 1);
    }

    struct Task;

    impl std::task::Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn the_wheel_forgets_what_is_gone() {
        let pacer = Pacer::new();
        for _ in 0..100 {
            pacer.deadline().set(TICK * 5);
        }
        turns(&pacer, 7);
        assert!(pacer.wheel.lock().iter().all(Vec::is_empty));
    }
}

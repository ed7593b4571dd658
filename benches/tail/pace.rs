//! When calls are due: at a constant rate, to the nanosecond of the kernel's timer, whatever becomes
//! of the calls.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// tokio's own timers come up each millisecond at best, so this is one of the kernel's.
pub struct Pace {
    timer: AsyncFd<OwnedFd>,
    period: Duration,
    next: Instant,
}

impl Pace {
    /// The first call is due one period from now.
    ///
    /// # Errors
    /// When the rate is none, or the kernel has no timer to give.
    pub fn start(rate: f64, now: impl Fn() -> Instant) -> anyhow::Result<Self> {
        ensure!(
            (0.01..=1_000_000.0).contains(&rate),
            "{rate} is no rate that can be kept"
        );
        let period = Duration::from_nanos((1e9 / rate).round() as u64);
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let every = Timespec::try_from(period)?;
        let setting = Itimerspec {
            it_interval: every,
            it_value: every,
        };
        #[expect(
            deprecated,
            reason = "it warns of descriptors that are not owned; this one is, and the other is unsafe"
        )]
        let watched = AsyncFd::new(timer)?;
        timerfd_settime(watched.get_ref(), TimerfdTimerFlags::empty(), &setting)?;
        Ok(Self {
            next: now() + period,
            timer: watched,
            period,
        })
    }

    /// The times that have come since the last ones, at least one.
    pub async fn due(&mut self) -> anyhow::Result<impl Iterator<Item = Instant> + use<>> {
        let times = loop {
            let mut ready = self.timer.readable().await?;
            let mut count = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut count)?));
            if let Ok(read) = read {
                read?;
                // It has been read empty: the next time is told by itself.
                ready.clear_ready();
                break u32::try_from(u64::from_ne_bytes(count))?;
            }
        };
        let (first, period) = (self.next, self.period);
        self.next += period * times;
        Ok((0..times).map(move |n| first + period * n))
    }
}

//! Counters of the registry, for whoever exports metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::distrust::Distrust;

/// How a look-up of the shared registry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUpResult {
    /// Answered from memory, whatever the answer.
    Cached,
    Home,
    Elsewhere,
    Unknown,
    Unavailable,
    Untrusted,
}

impl LookUpResult {
    pub const ALL: [Self; 6] = [
        Self::Cached,
        Self::Home,
        Self::Elsewhere,
        Self::Unknown,
        Self::Unavailable,
        Self::Untrusted,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Home => "home",
            Self::Elsewhere => "elsewhere",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::Untrusted => "untrusted",
        }
    }
}

/// A reading of the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Known Apps in memory.
    pub home_entries: u64,
    pub elsewhere_entries: u64,
    /// Misses in memory.
    pub absent_entries: u64,
    /// In the order of [`LookUpResult::ALL`].
    pub lookups: [u64; 6],
    /// In the order of [`Distrust::ALL`].
    pub distrusts: [u64; Distrust::ALL.len()],
}

#[derive(Default)]
pub(super) struct Counters {
    lookups: [AtomicU64; 6],
    distrusts: [AtomicU64; Distrust::ALL.len()],
    /// When each reason may be said again, in unix seconds. A clock that goes back makes it wait.
    silent_until: [AtomicU64; Distrust::ALL.len()],
}

/// For so many seconds a reason isn't said again: it comes with every request for such an App.
const SILENCE: u64 = 10;

impl Counters {
    pub(super) fn looked_up(&self, result: LookUpResult) {
        self.lookups[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the operator is to be told.
    pub(super) fn distrusted(&self, reason: Distrust, now: u64) -> bool {
        self.distrusts[reason as usize].fetch_add(1, Ordering::Relaxed);
        let until = &self.silent_until[reason as usize];
        // Of several who find the silence over, one speaks.
        until.load(Ordering::Relaxed) <= now
            && until.fetch_max(now.saturating_add(SILENCE), Ordering::Relaxed) <= now
    }

    pub(super) fn lookups(&self) -> [u64; 6] {
        self.lookups.each_ref().map(|n| n.load(Ordering::Relaxed))
    }

    pub(super) fn distrusts(&self) -> [u64; Distrust::ALL.len()] {
        self.distrusts.each_ref().map(|n| n.load(Ordering::Relaxed))
    }
}

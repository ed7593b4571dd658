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
}

impl Counters {
    pub(super) fn looked_up(&self, result: LookUpResult) {
        self.lookups[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn distrusted(&self, reason: Distrust) {
        self.distrusts[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lookups(&self) -> [u64; 6] {
        self.lookups.each_ref().map(|n| n.load(Ordering::Relaxed))
    }

    pub(super) fn distrusts(&self) -> [u64; Distrust::ALL.len()] {
        self.distrusts.each_ref().map(|n| n.load(Ordering::Relaxed))
    }
}

//! Whether the registry can be asked and believed.

use parking_lot::Mutex;

use crate::domain::RegionId;

/// The registry's part of a gateway's readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub health: Health,
    /// The store has shown that it was not rolled back.
    pub trusted: bool,
    /// The store answered the last time it was asked.
    pub up: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Known Apps are served.
    Degraded {
        reason: Reason,
    },
    /// It has not been ready since it was opened.
    Unready {
        reason: Reason,
    },
}

impl State {
    /// Whether the store has lost what was seen of it.
    pub const fn is_rolled_back(&self) -> bool {
        matches!(
            &self.health,
            Health::Degraded {
                reason: Reason::RolledBack { .. }
            } | Health::Unready {
                reason: Reason::RolledBack { .. }
            }
        )
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the registry cannot be reached")]
    Unreachable,
    #[error("the registry was rolled back: {region}'s chain has lost what was seen of it")]
    RolledBack { region: RegionId },
    #[error("the catalogue's regions are not the registry's")]
    OtherRegions,
}

/// What is known of the store right now.
#[derive(Default)]
pub(super) struct Facts(Mutex<Observed>);

#[derive(Default)]
struct Observed {
    was_ready: bool,
    up: bool,
    trust: Trust,
    same_regions: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// Not checked since the store was last away.
    #[default]
    Unknown,
    Trusted,
    RolledBack(RegionId),
}

impl Facts {
    pub(super) fn trust(&self) -> Trust {
        self.0.lock().trust.clone()
    }

    pub(super) fn same_regions(&self) -> bool {
        self.0.lock().same_regions
    }

    /// The store didn't answer: what it says next must be checked first.
    pub(super) fn away(&self) {
        let mut seen = self.0.lock();
        seen.up = false;
        if seen.trust == Trust::Trusted {
            seen.trust = Trust::Unknown;
        }
    }

    pub(super) fn checked(&self, rolled_back: Option<RegionId>, same_regions: bool) {
        let mut seen = self.0.lock();
        seen.up = true;
        seen.same_regions = same_regions;
        seen.was_ready |= rolled_back.is_none();
        seen.trust = rolled_back.map_or(Trust::Trusted, Trust::RolledBack);
    }

    pub(super) fn state(&self) -> State {
        let seen = self.0.lock();
        let health = match seen.reason() {
            None => Health::Ready,
            Some(reason) if seen.was_ready => Health::Degraded { reason },
            Some(reason) => Health::Unready { reason },
        };
        State {
            health,
            trusted: seen.trust == Trust::Trusted,
            up: seen.up,
        }
    }
}

impl Observed {
    fn reason(&self) -> Option<Reason> {
        match &self.trust {
            Trust::RolledBack(region) => {
                let region = region.clone();
                Some(Reason::RolledBack { region })
            }
            _ if !self.up => Some(Reason::Unreachable),
            _ if !self.same_regions => Some(Reason::OtherRegions),
            _ => None,
        }
    }
}

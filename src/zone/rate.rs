//! An App's own request rate.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{Quota, RateLimiter};

use crate::registry::{AppLoad, AppRate};

/// How many rates of one App are known at once.
const MOST: usize = 4;

/// Whether one more call of this App fits its rate, in calls a second with bursts of as many.
///
/// Sessions that began before a reload ask with the rate of then. That has a limiter of its own beside today's:
/// if either took the other's place, each would begin anew with all its bursts.
pub(super) fn passes(load: &AppLoad, per_second: NonZeroU32) -> bool {
    let is = |rate: &&Arc<AppRate>| rate.per_second == per_second;
    let known = load.rates.load();
    if let Some(rate) = known.iter().flat_map(|rates| rates.iter()).find(is) {
        return rate.limiter.check().is_ok();
    }
    let fresh = Arc::new(AppRate {
        per_second,
        limiter: RateLimiter::direct(Quota::per_second(per_second)),
    });
    let mut ours = Arc::clone(&fresh);
    load.rates.rcu(|rates| {
        let known = rates.iter().flat_map(|rates| rates.iter());
        // Another core may have been first.
        ours = Arc::clone(known.clone().find(is).unwrap_or(&fresh));
        let others = known.filter(|rate| !is(rate)).take(MOST - 1);
        let all = std::iter::once(&ours).chain(others);
        Some(Arc::new(all.map(Arc::clone).collect::<Vec<_>>()))
    });
    ours.limiter.check().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(rate: u32) -> NonZeroU32 {
        NonZeroU32::new(rate).unwrap()
    }

    /// Control: a rate keeps its limiter while another is asked with.
    #[test]
    fn two_rates_in_turn_begin_nothing_anew() {
        let load = AppLoad::default();
        let passed =
            (0..100).filter(|_| passes(&load, per_second(2)) | passes(&load, per_second(3)));
        // Both bursts; a third of a second, and a half, give one more each on a slow machine.
        assert!(passed.count() < 20);
    }

    /// Control: `MOST`.
    #[test]
    fn few_rates_of_an_app_are_known_and_the_oldest_goes() {
        let load = AppLoad::default();
        for rate in 1..=10 {
            assert!(passes(&load, per_second(rate)), "{rate}");
        }
        let known = load.rates.load_full().unwrap();
        let known: Vec<_> = known.iter().map(|rate| rate.per_second.get()).collect();
        assert_eq!(known, [10, 9, 8, 7]);
    }
}

//! An App's own request rate.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{Quota, RateLimiter};

use crate::registry::{AppLoad, AppRate};

/// Whether one more call of this App fits its rate, in calls a second with bursts of as many.
pub(super) fn passes(load: &AppLoad, per_second: NonZeroU32) -> bool {
    let current = load.rate.load();
    match &*current {
        Some(rate) if rate.per_second == per_second => rate.limiter.check().is_ok(),
        _ => {
            let limiter = RateLimiter::direct(Quota::per_second(per_second));
            let passes = limiter.check().is_ok();
            load.rate.store(Some(Arc::new(AppRate {
                per_second,
                limiter,
            })));
            passes
        }
    }
}

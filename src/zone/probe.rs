//! Active health: now and then a connection to each upstream, through the egress guard.

use std::sync::Arc;
use std::time::Duration;

use super::Homes;
use super::upstream::Target;

/// How often each upstream is tried.
const PERIOD: Duration = Duration::from_secs(5);

/// Failures in a row before an upstream is taken out.
const FAILURES: u32 = 2;

impl Homes {
    /// Probes every upstream for as long as it is polled.
    pub async fn probe(&self) {
        let targets = self.homes.iter().flat_map(|home| home.all_targets());
        let mut seen: Vec<&Arc<Target>> = Vec::new();
        for target in targets {
            if !seen.iter().any(|t| Arc::ptr_eq(t, target)) {
                seen.push(target);
            }
        }
        futures_util::future::join_all(seen.into_iter().map(|t| watch(t))).await;
    }
}

async fn watch(target: &Target) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        ticks.tick().await;
        failures = match target.probe().await {
            Ok(()) => 0,
            // A denial says nothing of the upstream's health, and every call meets it too.
            Err(error) if error.is_denial() => 0,
            Err(_) => failures + 1,
        };
        target.health().probed(failures < FAILURES);
    }
}

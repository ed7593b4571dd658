//! Whether the clock may be believed, by which everything is deleted.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::centre::Centre;
use crate::store::{Edit, StoreError};

/// What the last gateway that asked said of this clock.
#[derive(Default)]
pub(crate) struct Clocks {
    differ: AtomicBool,
}

impl Clocks {
    /// Compares both clocks, in Unix milliseconds. While they differ nothing is deleted: one of them is wrong.
    pub(super) fn compare(&self, own: u64, gateways: u64) {
        let differ = own.abs_diff(gateways) > APART;
        if differ {
            tracing::error!(
                own,
                gateways,
                "the gateway's clock and this one differ: nothing is deleted until they agree"
            );
        }
        self.differ.store(differ, Ordering::Relaxed);
    }
}

/// A store that was made just now has the time of its making to compare with.
pub(crate) async fn note(centre: &Centre) {
    if let Err(error) = is_believed(centre, centre.clock.unix_millis()).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "can't note the time in the store");
    }
}

/// A clock that leaps by years since the last sweep would delete everything: then nothing is. One that
/// went back deletes nothing that another time would not.
pub(super) async fn is_believed(centre: &Centre, now: u64) -> Result<bool, StoreError> {
    if centre.retention.clocks.differ.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let last = centre
        .store
        .write(move |edit: &Edit<'_>| edit.swept_at(now, LEAP));
    let last: Option<u64> = last.await?;
    if let Some(last) = last {
        tracing::error!(
            now,
            last,
            "the clock is years ahead of the last sweep: nothing is deleted until it is right"
        );
    }
    Ok(last.is_none())
}

/// Five minutes, in milliseconds: more than clocks that are kept right are apart.
const APART: u64 = 300_000;
/// Five years, in milliseconds.
const LEAP: u64 = 5 * 366 * super::DAY_MILLIS;

//! Which Apps have anything to sweep. Most of many have not, and are not worth a transaction each.

use uuid::Uuid;

use super::oldest;
use crate::app_key::AppKey;
use crate::store::cipher::Keyspace;
use crate::store::key::{Key, Span};
use crate::store::{StoreError, View, first_id_at};

/// Those of which something is older than their days before `now`. What waits in queues is not in the order of
/// time: an App with any is one of them.
pub(super) fn due(
    view: &View<'_>,
    now: u64,
    apps: Vec<(AppKey, u64)>,
) -> Result<Vec<(AppKey, u64)>, StoreError> {
    let mut due = Vec::new();
    for (app, days) in apps {
        if has_any(view, &spans(&app, oldest(now, days)))? {
            due.push((app, days));
        }
    }
    Ok(due)
}

fn spans(app: &AppKey, limit: u64) -> [(Keyspace, Span); 4] {
    let front = Key::of(app);
    let last = Uuid::from_u128(u128::from(limit) << 80);
    [
        (Keyspace::Timeline, front.below_ids(0..first_id_at(limit))),
        (Keyspace::Files, front.below_until_plain(&last.to_string())),
        (Keyspace::QueuesOneToOne, front.below()),
        (Keyspace::QueuesGroup, front.below()),
    ]
}

fn has_any(view: &View<'_>, spans: &[(Keyspace, Span)]) -> Result<bool, StoreError> {
    for (keyspace, span) in spans {
        if !view.pick(*keyspace, span, 1, |_| Ok(true))?.keys.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

//! The admin API's way to an App's data centre: erasing, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::generation::Current;
use crate::admin::{Erased, Eraser, NotErased, Subject};
use crate::registry::App;
use crate::zone::{EraseError, Evidence};

/// The time in which every gateway has heard of a change, twice: what was let in just before has
/// taken its place by then.
const HEARD: Duration = Duration::from_secs(2);

/// How often the App's calls under way are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long calls under way are waited for. An App that lives on, one of whose users is erased, may
/// never be without any.
const LONGEST: Duration = Duration::from_secs(300);

/// How long an erasure may take that is under way when the gateway ends.
const FAREWELL: Duration = Duration::from_secs(10);

pub(super) struct HomeEraser {
    pub current: Arc<Current>,
    /// Traffic has ended by then.
    pub stop: CancellationToken,
}

impl HomeEraser {
    async fn erase(&self, app: &App, user: Option<&str>) -> Result<Evidence, EraseError> {
        let late = async {
            self.stop.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        let shared = self.current.shared();
        tokio::select! {
            erased = shared.homes.erase(app, user) => erased,
            () = late => Err(EraseError::Timeout),
        }
    }
}

impl Eraser for HomeEraser {
    fn erase<'a>(
        &'a self,
        app: &'a App,
        subject: &'a Subject,
    ) -> BoxFuture<'a, Result<Erased, NotErased>> {
        let user = match subject {
            Subject::App => None,
            Subject::User(user_id) => Some(user_id.as_str()),
        };
        Box::pin(async move {
            let erased = self.erase(app, user).await;
            erased.map(told).map_err(|error| untold(&error))
        })
    }

    fn settled<'a>(&'a self, app: &'a App) -> BoxFuture<'a, ()> {
        let quiet = async {
            tokio::time::sleep(HEARD).await;
            while app.load.in_flight.in_use() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        Box::pin(async {
            let settled = tokio::time::timeout(LONGEST, quiet);
            // Whether it was quiet, took too long or the gateway ends: the last look is now.
            let _ = self.stop.run_until_cancelled(settled).await;
        })
    }
}

fn told(evidence: Evidence) -> Erased {
    Erased {
        erasure_id: evidence.erasure_id,
        counts: evidence.erased,
        digest: evidence.digest,
        completed_at: evidence.completed_at,
    }
}

fn untold(error: &EraseError) -> NotErased {
    tracing::error!(%error, "a data centre has not erased what it was asked to");
    match error {
        EraseError::Unsupported => NotErased::Unsupported,
        EraseError::NoSuchZone
        | EraseError::Dial(_)
        | EraseError::Timeout
        | EraseError::Broken(_)
        | EraseError::Refused(_)
        | EraseError::Protocol
        | EraseError::Incomplete => NotErased::Unavailable,
    }
}

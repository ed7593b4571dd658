//! The admin API's way to an App's data centre: erasing, and nothing else.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::admin::{Erased, Eraser, NotErased, Subject};
use crate::gateway::Shared;
use crate::registry::App;
use crate::zone::{EraseError, Evidence};

pub(super) struct HomeEraser(pub Arc<Shared>);

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
            let erased = self.0.homes.erase(app, user).await;
            erased.map(told).map_err(|error| untold(&error))
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

//! Erasing what a data centre keeps. The admin API does not reach data centres by itself: whoever
//! composes the gateway gives it a way to the App's home and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

use super::permission::{ManageApps, May};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::view::rfc3339;
use crate::audit::Action;
use crate::registry::App;

/// Whose data.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    App,
    /// A user's, by id.
    User(String),
}

/// The way to an App's home data centre.
pub trait Eraser: Send + Sync + 'static {
    fn erase<'a>(
        &'a self,
        app: &'a App,
        subject: &'a Subject,
    ) -> BoxFuture<'a, Result<Erased, NotErased>>;
}

/// What the data centre says it has erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub erasure_id: String,
    /// How many of what.
    pub counts: BTreeMap<String, u64>,
    /// SHA-256 over the keys that were removed, as docs/data-centre.md says.
    pub digest: String,
    /// Unix milliseconds.
    pub completed_at: u64,
}

/// Why nothing, or not everything, was erased. What was erased stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotErased {
    /// The data centre could not be reached, or failed.
    Unavailable,
    /// It has no such call.
    Unsupported,
}

/// An erasure as answers show it: with evidence when it is done, with a code when it is not.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErasureView {
    /// Whether everything is gone. If not, the same call tries again.
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceView>,
}

/// The data centre's own account of what it erased.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct EvidenceView {
    erasure_id: String,
    /// How many of what.
    erased: BTreeMap<String, u64>,
    /// SHA-256 over the keys that were removed.
    digest: String,
    #[schema(schema_with = schema::time)]
    completed_at: String,
}

impl ErasureView {
    fn done(erased: Erased) -> Self {
        Self {
            done: true,
            code: None,
            evidence: Some(EvidenceView {
                erasure_id: erased.erasure_id,
                erased: erased.counts,
                digest: erased.digest,
                completed_at: rfc3339(erased.completed_at / 1_000),
            }),
        }
    }

    pub fn failed(refusal: &Refusal) -> Self {
        Self {
            done: false,
            code: Some(refusal.code()),
            evidence: None,
        }
    }
}

/// Erases, between its own entries in the audit log.
pub(super) async fn erase(
    shared: &Arc<Shared>,
    may: &May<ManageApps>,
    app: Arc<App>,
    subject: Subject,
) -> Result<ErasureView, Refusal> {
    let action = match subject {
        Subject::App => Action::EraseApp,
        Subject::User(_) => Action::EraseUser,
    };
    let deed = may.deed(action, Some(app.app_id));
    let eraser = Arc::clone(&shared.given.eraser);
    let effect = async move {
        let erased = eraser.erase(&app, &subject).await;
        erased.map_err(Refusal::NotErased)
    };
    let erased = shared.act(deed, effect, |_| About::same()).await?;
    Ok(ErasureView::done(erased))
}

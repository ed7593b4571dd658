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
use crate::audit::{Action, Actor, Deed};
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

    /// Returns when what was let in before the App was retired, or the user's tokens were revoked,
    /// has written what it will: as far as that is known here, and after a bounded time.
    fn settled<'a>(&'a self, app: &'a App) -> BoxFuture<'a, ()>;
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

/// Erases, between its own entries in the audit log, and gives the evidence.
///
/// Requests that were under way may write behind it. So the gateway erases once more by itself, when
/// they have ended; nobody waits for that.
pub(super) async fn erase(
    shared: &Arc<Shared>,
    may: &May<ManageApps>,
    app: Arc<App>,
    subject: Subject,
) -> Result<ErasureView, Refusal> {
    let deed = may.deed(subject.action(), Some(app.app_id));
    let erased = pass(shared, deed, &app, &subject).await;
    if !matches!(erased, Err(Refusal::NotErased(NotErased::Unsupported))) {
        let again = again(Arc::clone(shared), app, subject);
        shared.given.tasks.spawn(again);
    }
    erased.map(ErasureView::done)
}

async fn pass(
    shared: &Arc<Shared>,
    deed: Deed,
    app: &Arc<App>,
    subject: &Subject,
) -> Result<Erased, Refusal> {
    let eraser = Arc::clone(&shared.given.eraser);
    let (app, subject) = (Arc::clone(app), subject.clone());
    let effect = async move {
        let erased = eraser.erase(&app, &subject).await;
        erased.map_err(Refusal::NotErased)
    };
    shared.act(deed, effect, |_| About::same()).await
}

async fn again(shared: Arc<Shared>, app: Arc<App>, subject: Subject) {
    shared.given.eraser.settled(&app).await;
    let deed = Deed {
        actor: Actor::Gateway,
        action: subject.action(),
        app_id: Some(app.app_id),
    };
    let app_id = app.app_id.as_str();
    match pass(&shared, deed, &app, &subject).await {
        Ok(erased) => tracing::info!(
            app_id,
            erasure_id = erased.erasure_id,
            entries = erased.counts.values().sum::<u64>(),
            "erased once more, for what was under way the first time"
        ),
        Err(refusal) => tracing::error!(
            app_id,
            code = refusal.code(),
            "not erased once more: what was under way the first time may have stayed; erase again"
        ),
    }
}

impl Subject {
    const fn action(&self) -> Action {
        match self {
            Self::App => Action::EraseApp,
            Self::User(_) => Action::EraseUser,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NotErased, Subject};
    use crate::admin::bench::Bench;

    /// Waits until the data centre was asked `times` times.
    async fn asked(bench: &Bench, times: usize) -> Vec<(String, Subject)> {
        let asking = async {
            loop {
                let asked = bench.eraser.asked.lock().clone();
                if asked.len() >= times {
                    return asked;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(30), asking).await;
        asked.expect("the data centre is asked again")
    }

    /// Control: what was written behind the first pass does not stay.
    #[tokio::test]
    async fn what_settles_behind_an_erasure_is_erased_by_the_gateway() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        let user = Subject::User("u7".to_owned());
        for (path, subject) in [
            (format!("/v1/apps/{app_id}/users/u7"), user),
            (format!("/v1/apps/{app_id}"), Subject::App),
        ] {
            bench.eraser.asked.lock().clear();
            let answer = bench.call("DELETE", &path, "").await;
            assert_eq!(answer.json["erasure"]["done"], true, "{answer:?}");
            assert_eq!(bench.eraser.asked.lock().len(), 1);
            bench.eraser.settle.add_permits(1);
            let twice = [(app_id.clone(), subject.clone()), (app_id.clone(), subject)];
            assert!(asked(&bench, 2).await == twice);
        }
        bench.done().await;
        let log = bench.audited();
        for action in ["user.erase", "app.erase"] {
            let own = log.iter().filter(|entry| {
                entry.actor == "gateway" && serde_json::to_value(entry.action).unwrap() == action
            });
            let outcomes: Vec<_> = own
                .map(|e| serde_json::to_value(e.outcome).unwrap())
                .collect();
            assert_eq!(outcomes, ["begun", "done"], "{action}");
        }
    }

    #[tokio::test]
    async fn a_data_centre_that_cannot_erase_is_not_asked_again() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        for (fault, times) in [(NotErased::Unsupported, 1), (NotErased::Unavailable, 2)] {
            bench.eraser.asked.lock().clear();
            *bench.eraser.fault.lock() = Some(fault);
            bench
                .call("DELETE", &format!("/v1/apps/{app_id}"), "")
                .await;
            bench.eraser.settle.add_permits(1);
            bench.done().await;
            assert_eq!(bench.eraser.asked.lock().len(), times, "{fault:?}");
        }
    }
}

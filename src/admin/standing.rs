//! `POST /v1/apps/{app_id}/suspend`, `/resume` and `DELETE /v1/apps/{app_id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::erasure::{self, ErasureView, Subject};
use super::etag::IfMatch;
use super::path::{AppParams, AppPath};
use super::permission::{ManageApps, May, Orgs};
use super::refusal::Refusal;
use super::state::{About, Shared};
use super::view::{AppView, tagged};
use crate::audit::Action;
use crate::domain::AppId;
use crate::registry::App;

/// Refuses the App's traffic, and ends its sessions within 1 s, until it is resumed.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/suspend",
    params(AppParams),
    responses((status = 200, description = "The App as it is now", body = AppView))
)]
pub async fn suspend(
    state: State<Arc<Shared>>,
    may: May<ManageApps>,
    path: AppPath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    change(state, &may, path, &headers, Change::Suspend).await
}

/// Lets a suspended App's traffic in again.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/resume",
    params(AppParams),
    responses((status = 200, description = "The App as it is now", body = AppView))
)]
pub async fn resume(
    state: State<Arc<Shared>>,
    may: May<ManageApps>,
    path: AppPath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    change(state, &may, path, &headers, Change::Resume).await
}

/// Ends the App for ever: its secrets are erased, its names stay taken, and its data centre erases
/// what it keeps.
///
/// When the data centre did not erase (`erasure.done` is false) the App is retired all the same;
/// the same call tries the erasure again.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app_id}",
    params(AppParams),
    responses((status = 200, description = "The tombstone, and what was erased", body = RetiredApp))
)]
pub async fn retire(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let context = Arc::clone(&shared);
    let both = async move {
        let app = changed(&context, &may, app_id, &headers, Change::Retire).await?;
        let erasure = erasure::erase(&context, &may, Arc::clone(&app), Subject::App).await;
        Ok((app, erasure))
    };
    let (app, erasure) = shared.finish(both).await?;
    let retired = RetiredApp {
        app: AppView::of(&app, shared.given.region.as_str()),
        erasure: erasure.unwrap_or_else(|refusal| ErasureView::failed(&refusal)),
    };
    Ok(tagged(StatusCode::OK, app.revision, retired))
}

/// A retired App.
#[derive(Serialize, ToSchema)]
pub struct RetiredApp {
    #[serde(flatten)]
    app: AppView,
    erasure: ErasureView,
}

#[derive(Clone, Copy)]
enum Change {
    Suspend,
    Resume,
    Retire,
}

async fn change(
    State(shared): State<Arc<Shared>>,
    may: &May<ManageApps>,
    AppPath(app_id): AppPath,
    headers: &HeaderMap,
    change: Change,
) -> Result<Response, Refusal> {
    let app = changed(&shared, may, app_id, headers, change).await?;
    let view = AppView::of(&app, shared.given.region.as_str());
    Ok(tagged(StatusCode::OK, app.revision, view))
}

async fn changed(
    shared: &Arc<Shared>,
    may: &May<ManageApps>,
    app_id: AppId,
    headers: &HeaderMap,
    change: Change,
) -> Result<Arc<App>, Refusal> {
    let if_match = IfMatch::read(headers)?;
    let deed = may.deed(change.action(), Some(app_id));
    let (context, orgs) = (Arc::clone(shared), may.orgs());
    let effect = async move { carry_out(&context, &orgs, &app_id, &if_match, change).await };
    shared.act(deed, effect, |app| About::app(app.app_id)).await
}

async fn carry_out(
    shared: &Shared,
    orgs: &Orgs,
    app_id: &AppId,
    if_match: &IfMatch,
    change: Change,
) -> Result<Arc<App>, Refusal> {
    let expected = if_match.expect(shared.app(orgs, app_id).await?.revision)?;
    let registry = &shared.given.registry;
    let changed = match change {
        Change::Suspend => registry.suspend(app_id, expected).await,
        Change::Resume => registry.resume(app_id, expected).await,
        Change::Retire => registry.retire(app_id, expected).await,
    };
    changed.map_err(|error| shared.unchanged(error))
}

impl Change {
    const fn action(self) -> Action {
        match self {
            Self::Suspend => Action::Suspend,
            Self::Resume => Action::Resume,
            Self::Retire => Action::Retire,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::Bench;
    use crate::registry::Role;

    #[tokio::test]
    async fn an_app_is_suspended_resumed_and_retired() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        for (method, path, status) in [
            ("POST", format!("{app}/suspend"), "suspended"),
            ("POST", format!("{app}/suspend"), "suspended"),
            ("POST", format!("{app}/resume"), "active"),
            ("DELETE", app.clone(), "retired"),
            ("DELETE", app.clone(), "retired"),
            ("GET", app.clone(), "retired"),
        ] {
            let answer = bench.call(method, &path, "").await;
            assert_eq!(
                (answer.status.as_u16(), answer.text("status")),
                (200, status),
                "{method} {path}"
            );
            assert!(!answer.header("etag").is_empty());
        }
        for path in ["suspend", "resume"] {
            let answer = bench.call("POST", &format!("{app}/{path}"), "").await;
            assert_eq!(answer.code(), (410, "app_retired"));
        }
        let body = r#"{"org": "acme", "app": "chat", "region": "frankfurt"}"#;
        let answer = bench.call("POST", "/v1/apps", body).await;
        assert_eq!(answer.code(), (410, "app_retired"));
    }

    #[tokio::test]
    async fn if_match_is_honoured_when_it_is_sent() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        let tag = bench.call("GET", &app, "").await.header("etag").to_owned();
        let path = format!("{app}/suspend");
        let key = bench.key(Role::Owner);
        for (sent, expected) in [
            ("\"999\"", (412, "stale")),
            ("999", (422, "invalid")),
            (tag.as_str(), (200, "")),
            (tag.as_str(), (412, "stale")),
            ("*", (200, "")),
        ] {
            let answer = bench
                .call_with(key, "POST", &path, "", &[("if-match", sent)])
                .await;
            assert_eq!(answer.code(), expected, "{sent}");
        }
    }

    #[tokio::test]
    async fn what_fails_is_audited_as_failed() {
        let bench = Bench::new().await;
        let path = "/v1/apps/970CA35de60c44645bbae8a215061b33/suspend";
        assert_eq!(
            bench.call("POST", path, "").await.code(),
            (404, "app_unknown")
        );
        let last = bench.audited().pop().unwrap();
        assert_eq!(last.code.as_deref(), Some("app_unknown"));
        assert_eq!(serde_json::to_value(last.outcome).unwrap(), "failed");
    }
}

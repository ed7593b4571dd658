//! `PATCH /v1/apps/{app_id}`: plan, retention, mode and limits. Never region or zone.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use utoipa::ToSchema;

use super::body::Fields;
use super::etag::IfMatch;
use super::migration;
use super::path::{AppParams, SomeApp};
use super::permission::{AskToMove, ManageApps, May};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::view::{AppView, tagged};
use super::words::{self, AUTH_MODES, PLANS};
use crate::audit::Action;
use crate::domain::AppId;
use crate::registry::{App, AppLimits, AuthMode, Patch, Plan};

/// What to change; what is left out or null stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; `read` reads it")]
#[schema(as = AppSettings)]
pub struct SettingsBody {
    #[schema(schema_with = schema::optional_plan)]
    plan: Option<Plan>,
    #[schema(schema_with = schema::retention_days, required = false)]
    retention_days: Option<u32>,
    #[schema(schema_with = schema::optional_auth_mode, required = false)]
    auth_mode: Option<AuthMode>,
    limits: Option<LimitsBody>,
}

/// An App's own limits, all of them: what is left out or null is as the gateway's from now on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; `read` reads it")]
#[schema(as = AppLimits)]
pub struct LimitsBody {
    /// Calls a second.
    #[schema(schema_with = schema::own_limit, required = false)]
    rate: Option<u32>,
    /// Calls at once.
    #[schema(schema_with = schema::own_limit, required = false)]
    in_flight: Option<u32>,
}

/// The longest retention, in days.
const LONGEST: u64 = 36_500;

/// The highest limit of an App.
const HIGHEST: u64 = 1_000_000;

/// Changes an App's settings.
///
/// `retention_days` is for enterprise Apps only. A body that names a `region` or `zone` asks for a
/// migration, and is refused as such.
#[utoipa::path(
    patch,
    path = "/v1/apps/{app_id}",
    params(AppParams, ("If-Match" = String, Header, description = "The App's ETag, as it was read", example = "\"7\"", pattern = "^([*]|\"[0-9]{1,18}\")$")),
    request_body = SettingsBody,
    responses((status = 200, description = "The App as it is now", body = AppView, headers(("ETag" = String, description = "Its revision"))),
              (status = 409, description = "An App never moves"),
              (status = 428, description = "If-Match is missing"))
)]
pub async fn patch(
    state: State<Arc<Shared>>,
    ask: May<AskToMove>,
    may: Result<May<ManageApps>, Refusal>,
    path: SomeApp,
    headers: HeaderMap,
    fields: Result<Fields, Refusal>,
) -> Response {
    let asks_to_move = |fields: &Fields| fields.mentions("region") || fields.mentions("zone");
    if fields.as_ref().is_ok_and(asks_to_move) {
        return migration::refuse(state, ask, path).await.into_response();
    }
    change(state, may, path, &headers, fields)
        .await
        .into_response()
}

async fn change(
    State(shared): State<Arc<Shared>>,
    may: Result<May<ManageApps>, Refusal>,
    SomeApp(app_id): SomeApp,
    headers: &HeaderMap,
    fields: Result<Fields, Refusal>,
) -> Result<Response, Refusal> {
    let may = may?;
    let app_id = app_id.ok_or_else(super::path::no_app_id)?;
    let patch = read(fields?)?;
    let if_match = IfMatch::read(headers)?;
    let deed = may.deed(Action::Change, Some(app_id));
    let (context, orgs) = (Arc::clone(&shared), may.orgs());
    let effect = async move {
        let app = context.app(&orgs, &app_id).await?;
        carry_out(&context, &app, &if_match, patch).await
    };
    let app = shared.act(deed, effect, |_| About::same()).await?;
    let view = AppView::of(&app, shared.given.region.as_str());
    Ok(tagged(StatusCode::OK, app.revision, view))
}

async fn carry_out(
    shared: &Shared,
    app: &App,
    if_match: &IfMatch,
    patch: Patch,
) -> Result<Arc<App>, Refusal> {
    if app.status == crate::registry::Status::Retired {
        return Err(Refusal::AppRetired);
    }
    let expected = if_match.demand(app.revision)?;
    let plan = patch.plan.unwrap_or(app.plan);
    if patch.retention_days.is_some() && plan != Plan::Enterprise {
        return Err(Refusal::field(
            "retention_days",
            "only the enterprise plan has a retention of its own",
        ));
    }
    let app_id: AppId = app.app_id;
    // The revision is the one that was looked at: another change in between is told as stale.
    let patched = shared.given.registry.patch(&app_id, Some(expected), patch);
    patched.await.map_err(|error| shared.unchanged(error))
}

fn read(mut fields: Fields) -> Result<Patch, Refusal> {
    let plan = fields.optional("plan", |word| words::read(&PLANS, word));
    let days = fields.optional_within("retention_days", 1..=LONGEST);
    let auth_mode = fields.optional("auth_mode", |word| words::read(&AUTH_MODES, word));
    let limits = fields.object("limits", |limits| {
        let rate = limits.optional_within("rate", 1..=HIGHEST);
        let in_flight = limits.optional_within("in_flight", 1..=HIGHEST);
        AppLimits {
            rate: rate.and_then(|rate| NonZeroU32::new(u32::try_from(rate).ok()?)),
            in_flight: in_flight.and_then(|most| usize::try_from(most).ok()),
        }
    });
    fields.finish()?;
    Ok(Patch {
        plan,
        retention_days: days.and_then(|days| u32::try_from(days).ok()),
        auth_mode,
        limits,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::admin::bench::{Answer, Bench};
    use crate::registry::Role;

    async fn patch(bench: &Bench, app: &str, tag: &str, body: &str) -> Answer {
        let key = bench.key(Role::Owner);
        let headers = [("if-match", tag)];
        bench.call_with(key, "PATCH", app, body, &headers).await
    }

    #[tokio::test]
    async fn settings_are_changed_one_by_one() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        for (body, member, value) in [
            (r#"{"plan": "enterprise"}"#, "retention_days", json!(180)),
            (r#"{"retention_days": 400}"#, "retention_days", json!(400)),
            (
                r#"{"auth_mode": "upstream"}"#,
                "auth_mode",
                json!("upstream"),
            ),
            (r#"{"limits": {"rate": 50}}"#, "limits", json!({"rate": 50})),
            (
                r#"{"limits": {"in_flight": 3, "rate": null}}"#,
                "limits",
                json!({"in_flight": 3}),
            ),
            (r#"{"limits": {}}"#, "limits", json!({})),
            (r#"{"plan": "free"}"#, "retention_days", json!(7)),
            ("{}", "plan", json!("free")),
        ] {
            let tag = bench.call("GET", &app, "").await.header("etag").to_owned();
            let answer = patch(&bench, &app, &tag, body).await;
            assert_eq!(answer.status, 200, "{body} {answer:?}");
            assert_eq!(answer.json[member], value, "{body}");
            let shown = bench.call("GET", &app, "").await;
            assert_eq!(shown.json, answer.json);
            assert_eq!(shown.header("etag"), answer.header("etag"));
        }
    }

    #[tokio::test]
    async fn a_change_needs_the_revision_that_was_read() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        let body = r#"{"plan": "basic"}"#;
        let missing = bench.call("PATCH", &app, body).await;
        assert_eq!(missing.code(), (428, "precondition_required"));
        assert_eq!(
            patch(&bench, &app, "\"9\"", body).await.code(),
            (412, "stale")
        );
        assert_eq!(
            patch(&bench, &app, "9", body).await.code(),
            (422, "invalid")
        );
        let tag = bench.call("GET", &app, "").await.header("etag").to_owned();
        assert_eq!(patch(&bench, &app, &tag, body).await.status, 200);
        assert_eq!(patch(&bench, &app, &tag, body).await.code(), (412, "stale"));
        assert_eq!(patch(&bench, &app, "*", body).await.status, 200);
    }

    #[tokio::test]
    async fn what_cannot_be_set_is_named() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        for (body, field) in [
            (r#"{"retention_days": 30}"#, "retention_days"),
            (
                r#"{"plan": "basic", "retention_days": 30}"#,
                "retention_days",
            ),
            (
                r#"{"plan": "enterprise", "retention_days": 0}"#,
                "retention_days",
            ),
            (
                r#"{"plan": "enterprise", "retention_days": 36501}"#,
                "retention_days",
            ),
            (r#"{"plan": "gold"}"#, "plan"),
            (r#"{"auth_mode": "none"}"#, "auth_mode"),
            (r#"{"limits": 5}"#, "limits"),
            (r#"{"limits": {"rate": 0}}"#, "limits.rate"),
            (r#"{"limits": {"calls": 5}}"#, "limits.calls"),
            (r#"{"status": "active"}"#, "status"),
            (r#"{"app_id": "x"}"#, "app_id"),
        ] {
            let answer = patch(&bench, &app, "*", body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.fields()),
                (422, vec![field]),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn a_retired_app_is_not_changed() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        bench.call("DELETE", &app, "").await;
        let answer = patch(&bench, &app, "*", r#"{"plan": "basic"}"#).await;
        assert_eq!(answer.code(), (410, "app_retired"));
    }
}

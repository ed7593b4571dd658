//! `POST /v1/apps/{app_id}/users/{user_id}/revoke` and `DELETE /v1/apps/{app_id}/users/{user_id}`.
//!
//! A user's id is in no log; only the App is.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::erasure::{self, ErasureView, Subject};
use super::path::{AppParams, AppPath};
use super::permission::{ManageApps, May};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::user_id;
use super::view::rfc3339;
use crate::audit::{Action, Deed};
use crate::domain::AppId;
use crate::registry::{App, RevokeError};

/// What was revoked.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevokedView {
    /// Tokens of the user that were issued up to and including this second are refused.
    #[schema(schema_with = schema::time)]
    revoked_at: String,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasedView {
    erasure: ErasureView,
}

/// A user in a path.
#[derive(utoipa::IntoParams)]
#[expect(dead_code, reason = "for the OpenAPI document; `UserPath` reads it")]
#[into_params(parameter_in = Path)]
pub struct UserParams {
    /// The user's id, percent-encoded.
    #[param(
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    user_id: String,
}

/// The user of a path.
pub struct UserPath(String);

/// Refuses a user's tokens that were issued until now, and ends the user's sessions, within 1 s.
///
/// Tokens that are issued later are good: to keep a user out, stop issuing them.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/users/{user_id}/revoke",
    params(AppParams, UserParams),
    responses((status = 200, description = "Revoked", body = RevokedView))
)]
pub async fn revoke(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    UserPath(user_id): UserPath,
) -> Result<Json<RevokedView>, Refusal> {
    let deed = may.deed(Action::RevokeUser, Some(app_id));
    let app = revoked(&shared, deed, &may, app_id, user_id.clone()).await?;
    let revoked = app.revoked_users.iter().find(|(user, _)| *user == user_id);
    let (_, at) = revoked.ok_or(Refusal::Internal)?;
    let revoked_at = rfc3339(*at);
    Ok(Json(RevokedView { revoked_at }))
}

/// Erases what the App's data centre keeps of a user, and revokes the user's tokens.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app_id}/users/{user_id}",
    params(AppParams, UserParams),
    responses((status = 200, description = "Erased, with the data centre's evidence", body = ErasedView),
              (status = 501, description = "The data centre has no call for erasing"))
)]
pub async fn erase(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    UserPath(user_id): UserPath,
) -> Result<Json<ErasedView>, Refusal> {
    let deed = may.deed(Action::RevokeUser, Some(app_id));
    let context = Arc::clone(&shared);
    let both = async move {
        let app = revoked(&context, deed, &may, app_id, user_id.clone()).await?;
        erasure::erase(&context, &may, app, Subject::User(user_id)).await
    };
    let erasure = shared.finish(both).await?;
    Ok(Json(ErasedView { erasure }))
}

async fn revoked(
    shared: &Arc<Shared>,
    deed: Deed,
    may: &May<ManageApps>,
    app_id: AppId,
    user_id: String,
) -> Result<Arc<App>, Refusal> {
    let (context, orgs) = (Arc::clone(shared), may.orgs());
    let effect = async move {
        context.app(&orgs, &app_id).await?;
        let revoked = context.given.registry.revoke_user(&app_id, None, &user_id);
        revoked.await.map_err(|error| match error {
            RevokeError::Change(error) => context.unchanged(error),
            RevokeError::TooMany => Refusal::TooManyRevocations,
        })
    };
    shared.act(deed, effect, |_| About::same()).await
}

impl<S: Send + Sync> FromRequestParts<S> for UserPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let user = names
            .ok()
            .and_then(|Path(mut names)| names.remove("user_id"));
        let fault = |message: &str| Refusal::field("user_id", message);
        let user = user.ok_or_else(|| fault("must be UTF-8 text, percent-encoded"))?;
        let user = user_id::read(&user).map_err(fault)?;
        Ok(Self(user))
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::{Bench, NOW};
    use crate::admin::erasure::{NotErased, Subject};

    #[tokio::test]
    async fn a_revoked_user_is_in_the_record_and_in_no_log() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        let path = format!("/v1/apps/{app_id}/users/u%2F7%20x/revoke");
        let answer = bench.call("POST", &path, "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.text("revoked_at")),
            (200, "2025-10-09T08:53:20Z")
        );
        let app = bench.record(&app_id).await;
        assert_eq!(app.revoked_users, [("u/7 x".to_owned(), NOW)]);
        let log = serde_json::to_string(&bench.audited()).unwrap();
        assert!(log.contains("user.revoke") && !log.contains("u/7"));
    }

    #[tokio::test]
    async fn a_user_is_erased_at_home_after_the_tokens_are_revoked() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        let path = format!("/v1/apps/{app_id}/users/u7");
        let answer = bench.call("DELETE", &path, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json["erasure"]["done"], true);
        assert_eq!(answer.json["erasure"]["evidence"]["erased"]["messages"], 3);
        assert_eq!(bench.record(&app_id).await.revoked_users.len(), 1);
        let erased = bench.eraser.asked.lock().clone();
        assert!(erased == [(app_id, Subject::User("u7".to_owned()))]);
        let log = serde_json::to_string(&bench.audited()).unwrap();
        assert!(log.contains("user.erase") && !log.contains("u7"));
    }

    #[tokio::test]
    async fn what_was_not_erased_is_told() {
        let bench = Bench::new().await;
        let path = format!("/v1/apps/{}/users/u7", bench.app("chat").await);
        for (fault, code) in [
            (NotErased::Unavailable, (503, "home_unavailable")),
            (NotErased::Unsupported, (501, "erasure_unsupported")),
        ] {
            *bench.eraser.fault.lock() = Some(fault);
            assert_eq!(bench.call("DELETE", &path, "").await.code(), code);
        }
    }

    #[tokio::test]
    async fn what_is_no_user_id_is_refused() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        let long = "u".repeat(256);
        for user in ["%00", "a%0ab", long.as_str()] {
            let path = format!("/v1/apps/{app_id}/users/{user}/revoke");
            let answer = bench.call("POST", &path, "").await;
            assert_eq!(
                (answer.code(), answer.fields()),
                ((422, "invalid"), vec!["user_id"]),
                "{user}"
            );
        }
    }
}

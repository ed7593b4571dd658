//! `POST /v1/apps/{app_id}/tokens`: the token server.

use std::sync::Arc;

use access_token::{BuildError, build_app_token, build_user_token};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Fields;
use super::path::{AppParams, AppPath};
use super::permission::{IssueTokens, May};
use super::refusal::Refusal;
use super::salt;
use super::schema;
use super::state::{About, Shared};
use super::user_id::{self, warnings};
use super::view::rfc3339;
use super::words::{self, KINDS, Kind};
use crate::audit::Action;
use crate::domain::AppId;
use crate::registry::{App, CertRole, Randomness, Status};

/// A token to issue.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; `read` reads it")]
#[schema(as = NewToken)]
pub struct TokenBody {
    #[schema(schema_with = schema::kind)]
    kind: Kind,
    #[schema(schema_with = schema::user_id, required = false)]
    user_id: Option<String>,
    #[schema(schema_with = schema::ttl, required = false)]
    ttl: Option<u64>,
    /// A token for somebody at a console, marked as such in the audit log.
    #[schema(schema_with = schema::flag, required = false)]
    temporary: Option<bool>,
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct Issued {
    token: String,
    #[schema(schema_with = schema::time)]
    expires_at: String,
    /// What is unwise about the user id. Never a refusal.
    #[schema(value_type = Vec<String>)]
    warnings: Vec<&'static str>,
    #[serde(skip)]
    #[schema(ignore)]
    app_id: AppId,
}

/// The token server: for the App's backend and nobody else.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/tokens",
    params(AppParams),
    request_body = TokenBody,
    responses((status = 201, description = "The token", body = Issued))
)]
pub async fn issue(
    State(shared): State<Arc<Shared>>,
    may: May<IssueTokens>,
    AppPath(app_id): AppPath,
    fields: Fields,
) -> Result<(StatusCode, Json<Issued>), Refusal> {
    let order = read(fields, longest(&shared))?;
    let action = if order.temporary {
        Action::IssueTemporaryToken
    } else {
        Action::IssueToken
    };
    let deed = may.deed(action, Some(app_id));
    let (context, orgs) = (Arc::clone(&shared), may.orgs());
    let effect = async move {
        let app = context.app(&orgs, &app_id).await?;
        build(&app, &order, &context)
    };
    let issued = shared
        .act(deed, effect, |issued| About::app(issued.app_id))
        .await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

/// What is asked for.
struct Order {
    bearer: Bearer,
    /// Seconds.
    ttl: u32,
    /// For a console.
    temporary: bool,
}

enum Bearer {
    User(String),
    App,
}

/// Seconds: a day at most (SPEC 8), less where the gateway's policy says so.
fn longest(shared: &Shared) -> u32 {
    let policy = u32::try_from(shared.given.tokens.max_age.as_secs());
    policy.map_or(DAY, |policy| policy.min(DAY))
}

const DAY: u32 = 86_400;

fn read(mut fields: Fields, longest: u32) -> Result<Order, Refusal> {
    let kind = fields.required("kind", |word| words::read(&KINDS, word));
    let user_id = fields.optional("user_id", user_id::read);
    let temporary = fields.flag("temporary");
    let ttl = fields.optional_number("ttl").unwrap_or(u64::from(longest));
    let ttl = u32::try_from(ttl)
        .ok()
        .filter(|ttl| (1..=longest).contains(ttl));
    if ttl.is_none() {
        fields.fault("ttl", &format!("must be from 1 to {longest} seconds"));
    }
    let bearer = match (kind, user_id) {
        (Some(Kind::User), Some(user_id)) => Some(Bearer::User(user_id)),
        (Some(Kind::App), None) => Some(Bearer::App),
        (Some(Kind::User), None) => {
            fields.fault("user_id", "a user token needs a user id");
            None
        }
        (Some(Kind::App), Some(_)) => {
            fields.fault("user_id", "an App token is for no user");
            None
        }
        (None, _) => None,
    };
    fields.finish()?;
    // Whatever is missing here has been found as a fault above.
    let (Some(bearer), Some(ttl)) = (bearer, ttl) else {
        return Err(Refusal::Internal);
    };
    Ok(Order {
        bearer,
        ttl,
        temporary,
    })
}

fn build(app: &App, order: &Order, shared: &Shared) -> Result<Issued, Refusal> {
    match app.status {
        Status::Active => {}
        Status::Suspended => return Err(Refusal::AppSuspended),
        Status::Retired => return Err(Refusal::AppRetired),
    }
    let issued_at = issue_second(app, order, shared.given.clock.unix());
    let issued_at = u32::try_from(issued_at).map_err(|_| Refusal::Internal)?;
    let token = sign(app, order, issued_at, &*shared.given.randomness)?;
    Ok(Issued {
        token,
        expires_at: rfc3339(u64::from(issued_at) + u64::from(order.ttl)),
        warnings: match &order.bearer {
            Bearer::User(user_id) => warnings(user_id),
            Bearer::App => Vec::new(),
        },
        app_id: app.app_id,
    })
}

/// Now, or the second after the user's tokens were last revoked: earlier ones are refused.
fn issue_second(app: &App, order: &Order, now: u64) -> u64 {
    let Bearer::User(user_id) = &order.bearer else {
        return now;
    };
    let revoked = app.revoked_users.iter().filter(|(user, _)| user == user_id);
    let last = revoked.map(|(_, second)| *second).max();
    last.map_or(now, |second| now.max(second + 1))
}

fn sign(
    app: &App,
    order: &Order,
    issued_at: u32,
    randomness: &dyn Randomness,
) -> Result<String, Refusal> {
    let primary = app
        .certificates
        .iter()
        .find(|c| c.role == CertRole::Primary);
    let certificate = primary.ok_or(Refusal::Internal)?.value.expose_secret();
    let app_id = app.app_id.as_str();
    let salt = salt::random(randomness).map_err(|_| Refusal::Internal)?;
    let token = match &order.bearer {
        Bearer::User(user) => {
            build_user_token(app_id, certificate, user, order.ttl, issued_at, salt)
        }
        Bearer::App => build_app_token(app_id, certificate, order.ttl, issued_at, salt),
    };
    token.map_err(|error| match error {
        BuildError::UserId => Refusal::field("user_id", &error.to_string()),
        BuildError::AppId
        | BuildError::Certificate
        | BuildError::Salt
        | BuildError::NothingGranted => Refusal::Internal,
    })
}

#[cfg(test)]
mod tests;

//! `POST /v1/apps/{app_id}/tokens`: the token server.

use std::sync::Arc;

use access_token::{BuildError, build_app_token, build_user_token};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::body::Fields;
use super::path::AppPath;
use super::permission::{IssueTokens, May};
use super::refusal::Refusal;
use super::salt;
use super::state::{About, Shared};
use super::user_id::warnings;
use super::view::rfc3339;
use crate::audit::Action;
use crate::domain::AppId;
use crate::registry::{App, CertRole, Randomness, Status};

#[derive(Serialize)]
pub struct Issued {
    token: String,
    expires_at: String,
    warnings: Vec<&'static str>,
    #[serde(skip)]
    app_id: AppId,
}

pub async fn issue(
    State(shared): State<Arc<Shared>>,
    may: May<IssueTokens>,
    AppPath(app_id): AppPath,
    fields: Fields,
) -> Result<(StatusCode, Json<Issued>), Refusal> {
    let order = read(fields, longest(&shared))?;
    let deed = may.deed(Action::IssueToken, Some(app_id));
    let context = Arc::clone(&shared);
    let effect = async move {
        let app = context.app(&app_id).await?;
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
    let kind = fields.required("kind", kind);
    let user_id = fields.optional("user_id", user_id);
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
    Ok(Order { bearer, ttl })
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

enum Kind {
    User,
    App,
}

fn kind(text: &str) -> Result<Kind, &'static str> {
    match text {
        "user" => Ok(Kind::User),
        "app" => Ok(Kind::App),
        _ => Err("must be user or app"),
    }
}

fn user_id(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("must be a text without control characters, and not empty");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;

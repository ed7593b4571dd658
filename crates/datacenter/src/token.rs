//! `token`: tokens of this service are the AccessToken2 tokens themselves; nothing is exchanged.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access_token_2::{self, Facts, Unreadable};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::users;

pub(crate) async fn grant(mut call: Call) -> Result<Response, Fault> {
    let wanted: Grant = call.json().await?;
    if wanted.grant_type != "agora" {
        return Err(Fault::GrantType);
    }
    let facts = presented(&call)?;
    let mut members = json!({
        "access_token": call.bearer(),
        "expires_in": access_token_2::remaining(&facts, call.received),
    });
    if !facts.user.is_empty() {
        members["user"] = user(&call, facts.user).await?;
    }
    Ok(call.answer(members))
}

pub(crate) async fn expires(call: Call) -> Result<Response, Fault> {
    let facts = presented(&call)?;
    Ok(call.answer(json!({ "expire_timestamp": facts.ends * 1000 })))
}

/// The user of the presented token.
pub(crate) fn user_of(call: &Call) -> Result<String, Fault> {
    let user = presented(call)?.user;
    if user.is_empty() {
        return Err(Fault::Forbidden("an App token has no user"));
    }
    Ok(user)
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
}

fn presented(call: &Call) -> Result<Facts, Fault> {
    let token = call.bearer().ok_or(Unreadable)?;
    Ok(access_token_2::read(token)?)
}

/// The token's user; one who was never registered has a name only.
async fn user(call: &Call, name: String) -> Result<Value, Fault> {
    let stored = users::find(call, name.clone()).await?;
    let unknown = || json!({ "username": name, "type": "user" });
    Ok(stored.map_or_else(unknown, |user| user.entity()))
}

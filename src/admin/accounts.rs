//! `GET` and `POST /v1/accounts`, `DELETE /v1/accounts/{id}`: who may use this API.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use ipnet::IpNet;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Fields;
use super::key::AdminKey;
use super::page::{Page, Parameters};
use super::permission::{ManageAccounts, May, ReadAccounts};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::view::rfc3339;
use super::words::{self, ROLES};
use crate::audit::Action;
use crate::domain::{AppId, AppKey};
use crate::registry::{Account, AccountError, NewAccount, Role};

/// An account. Its key is not kept anywhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    id: String,
    name: String,
    #[schema(schema_with = schema::role)]
    role: Role,
    #[schema(schema_with = schema::app_ids)]
    apps: Vec<String>,
    #[schema(schema_with = schema::orgs)]
    orgs: Vec<String>,
    #[schema(schema_with = schema::ranges)]
    allow_from: Vec<String>,
    #[schema(schema_with = schema::time)]
    created_at: String,
    /// To the hour.
    #[schema(schema_with = schema::optional_time)]
    last_used_at: Option<String>,
}

/// A new account, with its key: shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedAccount {
    #[serde(flatten)]
    account: AccountView,
    /// `dk_` and 43 characters.
    key: String,
}

/// An account to make.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; `read` reads it")]
#[schema(as = NewAccount)]
pub struct AccountBody {
    /// What people call it. Not in any log.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    #[schema(schema_with = schema::role)]
    role: Role,
    #[schema(schema_with = schema::app_ids, required = false)]
    apps: Vec<String>,
    #[schema(schema_with = schema::orgs, required = false)]
    orgs: Vec<String>,
    #[schema(schema_with = schema::ranges, required = false)]
    allow_from: Vec<String>,
}

/// The most accounts of a region.
const MOST: usize = 1_000;

/// The accounts of the region, in the order of their ids.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    params(super::page::PageQuery, ("cursor" = Option<String>, Query, description = "The next_cursor of an earlier page", pattern = "^[0-9a-z]{1,64}$")),
    responses((status = 200, description = "A page of accounts", body = Page<AccountView>))
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    _: May<ReadAccounts>,
    mut parameters: Parameters,
) -> Result<Json<Page<AccountView>>, Refusal> {
    let limit = parameters.limit();
    let after = parameters.cursor_of(is_id);
    parameters.finish()?;
    let accounts = shared.given.registry.accounts().await?;
    let behind = accounts
        .iter()
        .filter(|account| after.as_ref().is_none_or(|after| account.id > *after));
    let mut items: Vec<_> = behind.take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|account| account.id.clone());
    Ok(Json(Page {
        items: items
            .iter()
            .map(|account| AccountView::of(account))
            .collect(),
        next_cursor: last.filter(|_| more),
    }))
}

/// Makes an account and its key.
///
/// An issuer is bound to the Apps and address ranges that it names; a registrar may be bound to
/// orgs; the other roles are bound to nothing.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    request_body = AccountBody,
    responses((status = 201, description = "The account, and its key for this once", body = CreatedAccount),
              (status = 409, description = "The region has as many accounts as it may have"))
)]
pub async fn create(
    State(shared): State<Arc<Shared>>,
    may: May<ManageAccounts>,
    fields: Fields,
) -> Result<(StatusCode, Json<CreatedAccount>), Refusal> {
    let key = AdminKey::generate(&*shared.given.randomness).map_err(|_| Refusal::Internal)?;
    let new = read(fields, &key)?;
    let deed = may.deed(Action::CreateAccount, None);
    let registry = Arc::clone(&shared.given.registry);
    let effect = async move {
        if registry.accounts().await?.len() >= MOST {
            return Err(Refusal::AccountLimit);
        }
        registry.create_account(new).await.map_err(refusal)
    };
    let account = shared.act(deed, effect, |_| About::same()).await?;
    let created = CreatedAccount {
        account: AccountView::of(&account),
        key: key.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Deletes an account: its key is refused from now on, by every gateway of the region within 1 s.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}",
    params(("id" = String, Path, description = "The account's id", pattern = "^[0-9a-z]{1,64}$")),
    responses((status = 200, description = "The account as it was", body = AccountView),
              (status = 404, description = "No such account"),
              (status = 409, description = "The last owner stays"))
)]
pub async fn delete(
    State(shared): State<Arc<Shared>>,
    may: May<ManageAccounts>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<AccountView>, Refusal> {
    let id = id.ok().map(|Path(id)| id).filter(|id| is_id(id));
    let id = id.ok_or(Refusal::AccountUnknown)?;
    let deed = may.deed(Action::DeleteAccount, None);
    let registry = Arc::clone(&shared.given.registry);
    let effect = async move {
        let accounts = registry.accounts().await?;
        let account = accounts.into_iter().find(|account| account.id == id);
        let account = account.ok_or(Refusal::AccountUnknown)?;
        registry.delete_account(&id).await.map_err(refusal)?;
        Ok(account)
    };
    let account = shared.act(deed, effect, |_| About::same()).await?;
    Ok(Json(AccountView::of(&account)))
}

fn read(mut fields: Fields, key: &AdminKey) -> Result<NewAccount, Refusal> {
    let name = fields.required("name", name);
    let role = fields.required("role", |word| words::read(&ROLES, word));
    let apps = fields.list("apps", 1_000, AppId::parse);
    let orgs = fields.list("orgs", 100, org);
    let allow_from = fields.list("allow_from", 100, range);
    let is_issuer = role == Some(Role::Issuer);
    for (field, is_empty) in [
        ("apps", apps.is_empty()),
        ("allow_from", allow_from.is_empty()),
    ] {
        if is_issuer && is_empty && !fields.is_faulty(field) {
            fields.fault(field, "an issuer needs one: its key works for nothing else");
        }
        if !is_issuer && !is_empty {
            fields.fault(field, "only an issuer is bound to Apps and addresses");
        }
    }
    if role != Some(Role::Registrar) && !orgs.is_empty() {
        fields.fault("orgs", "only a registrar is bound to orgs");
    }
    fields.finish()?;
    // What was required is there once `finish` has found no fault.
    let (Some(name), Some(role)) = (name, role) else {
        return Err(Refusal::Internal);
    };
    Ok(NewAccount {
        name,
        role,
        apps,
        orgs,
        allow_from,
        key_hash: key.hash().as_str().to_owned(),
    })
}

/// What an account may be called.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, &'static str> {
    let length = text.chars().count();
    if !(1..=128).contains(&length) || text.chars().any(char::is_control) {
        return Err("must be a text of 1 to 128 characters, none of them a control character");
    }
    Ok(text.to_owned())
}

fn org(text: &str) -> Result<String, String> {
    let key = AppKey::new(text, "a").map_err(|error| error.to_string())?;
    Ok(key.org().to_owned())
}

/// An address range, or a single address.
fn range(text: &str) -> Result<IpNet, &'static str> {
    let range = text.parse::<IpNet>();
    let range = range.or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
    let range: IpNet =
        range.map_err(|_| "must be an address or an address range such as 192.0.2.0/24")?;
    Ok(range.trunc())
}

fn is_id(text: &str) -> bool {
    let id = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    (1..=64).contains(&text.len()) && text.bytes().all(id)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "for `map_err`, as everywhere"
)]
fn refusal(error: AccountError) -> Refusal {
    match error {
        AccountError::Unknown => Refusal::AccountUnknown,
        AccountError::LastOwner => Refusal::LastOwner,
        // Only a sweep asks whether it is in use.
        AccountError::InUse | AccountError::Unavailable => Refusal::RegistryUnavailable,
        AccountError::Untrusted => Refusal::RegistryUntrusted,
        AccountError::Seal(error) => {
            tracing::error!(%error, "an account cannot be sealed");
            Refusal::Internal
        }
    }
}

impl AccountView {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            role: account.role,
            apps: account.apps.iter().map(ToString::to_string).collect(),
            orgs: account.orgs.clone(),
            allow_from: account.allow_from.iter().map(ToString::to_string).collect(),
            created_at: rfc3339(account.created_at),
            last_used_at: account.last_used_at.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests;

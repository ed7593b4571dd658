//! `POST /v1/apps`: an App is registered, for ever.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Fields;
use super::permission::{ManageApps, May, Orgs};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::view::{AppView, CertificateView, tagged};
use super::words::{self, AUTH_MODES, PLANS};
use crate::audit::Action;
use crate::domain::{AppId, AppKey, AppKeyError, RegionId, ZoneId};
use crate::registry::{App, AuthMode, NewApp, Plan, RegisterError, Registered};

/// An App to register. What is left out counts as equal when the App is registered already.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; `read` reads it")]
#[schema(as = NewApp)]
pub struct AppBody {
    #[schema(schema_with = schema::optional_app_id, required = false)]
    app_id: Option<String>,
    #[schema(schema_with = schema::org)]
    org: String,
    #[schema(schema_with = schema::half)]
    app: String,
    /// This gateway's region; another region of the catalogue is told where to ask.
    region: String,
    /// A zone of the region; its first one when it is left out.
    zone: Option<String>,
    #[schema(schema_with = schema::optional_plan, required = false)]
    plan: Option<Plan>,
    #[schema(schema_with = schema::optional_auth_mode, required = false)]
    auth_mode: Option<AuthMode>,
}

/// Registers an App in this region, for ever.
///
/// Asked again with the same names, the answer is the App that is there, without secrets.
#[utoipa::path(
    post,
    path = "/v1/apps",
    request_body = AppBody,
    responses((status = 201, description = "Registered, with its certificate for this once", body = Created),
              (status = 200, description = "Registered before; nothing has changed", body = AppView),
              (status = 409, description = "One of its names is taken, or it is registered otherwise"),
              (status = 410, description = "The App was retired"),
              (status = 421, description = "The App lives, or would live, in another region"))
)]
pub async fn register(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let new = read(fields, &may.orgs(), &shared)?;
    let deed = may.deed(Action::Register, new.app_id);
    let registry = Arc::clone(&shared.given.registry);
    let home = Arc::clone(&shared);
    let effect = async move {
        let registered = registry.register(new).await;
        registered.map_err(|error| refusal(error, &home))
    };
    let registered = shared.act(deed, effect, about).await?;
    Ok(answer(&registered, shared.given.region.as_str()))
}

fn read(mut fields: Fields, orgs: &Orgs, shared: &Shared) -> Result<NewApp, Refusal> {
    let app_id = fields.optional("app_id", AppId::parse);
    let org = fields.required("org", half(AppKeyError::App));
    let app = fields.required("app", half(AppKeyError::Org));
    let region = fields.required("region", |text| region(text, shared));
    let zone = fields.optional("zone", ZoneId::parse);
    let plan = fields.optional("plan", |word| words::read(&PLANS, word));
    let auth_mode = fields.optional("auth_mode", |word| words::read(&AUTH_MODES, word));
    // 403 comes before 422, and an org tells who may.
    let named = org.as_deref().and_then(|org| AppKey::new(org, "a").ok());
    if named.is_some_and(|key| !orgs.contain(&key)) {
        return Err(Refusal::Forbidden);
    }
    fields.finish()?;
    // What was required is there once `finish` has found no fault.
    let (Some(org), Some(app), Some(region)) = (org, app, region) else {
        return Err(Refusal::Internal);
    };
    let app_key = AppKey::new(&org, &app).map_err(|e| Refusal::field("org", &e.to_string()))?;
    Ok(NewApp {
        app_id,
        app_key,
        region: Some(region),
        zone,
        plan,
        auth_mode,
    })
}

#[derive(Serialize, ToSchema)]
#[schema(as = RegisteredApp)]
pub struct Created {
    #[serde(flatten)]
    app: AppView,
    certificate: CertificateView,
}

fn answer(registered: &Registered, region: &str) -> Response {
    let revision = app_of(registered).revision;
    let app = AppView::of(app_of(registered), region);
    match registered {
        Registered::Created { certificate, .. } => {
            let certificate = CertificateView::of(certificate);
            tagged(StatusCode::CREATED, revision, Created { app, certificate })
        }
        Registered::Existing { .. } => tagged(StatusCode::OK, revision, app),
    }
}

fn about(registered: &Registered) -> About<'_> {
    let app_id = app_of(registered).app_id;
    let (Registered::Created { pins, .. } | Registered::Existing { pins, .. }) = registered;
    About {
        app_id: Some(app_id),
        pins: Some(pins),
    }
}

fn app_of(registered: &Registered) -> &App {
    match registered {
        Registered::Created { app, .. } | Registered::Existing { app, .. } => app,
    }
}

fn refusal(error: RegisterError, shared: &Shared) -> Refusal {
    match error {
        RegisterError::Retired => Refusal::AppRetired,
        RegisterError::AppKeyTaken => Refusal::AppKeyTaken,
        RegisterError::AppIdTaken => Refusal::AppIdTaken,
        RegisterError::RegionImmutable => Refusal::RegionImmutable,
        RegisterError::NotThisRegion { home } => shared.elsewhere(home),
        RegisterError::AlreadyRegistered => Refusal::AlreadyRegistered,
        RegisterError::UnknownZone => Refusal::field("zone", "this region has no such zone"),
        RegisterError::Unavailable => Refusal::RegistryUnavailable,
        RegisterError::Untrusted => Refusal::RegistryUntrusted,
        RegisterError::Degraded => Refusal::Degraded,
        RegisterError::Seal(error) => {
            tracing::error!(%error, "a new App's record cannot be sealed");
            Refusal::Internal
        }
    }
}

/// Reads one half of an AppKey, by putting it beside a half that is right.
fn half(other: AppKeyError) -> impl FnOnce(&str) -> Result<String, AppKeyError> {
    move |text| {
        let key = match other {
            AppKeyError::App => AppKey::new(text, "a"),
            _ => AppKey::new("a", text),
        };
        key.map(|_| text.to_owned())
    }
}

fn region(text: &str, shared: &Shared) -> Result<RegionId, String> {
    let catalogue = &shared.given.catalogue;
    let region = RegionId::parse(text).ok();
    let known = region.filter(|id| catalogue.region(id).is_some());
    known.ok_or_else(|| {
        let ids: Vec<_> = catalogue.regions.iter().map(|r| r.id.as_str()).collect();
        format!("must be one of {}", ids.join(", "))
    })
}

#[cfg(test)]
mod tests;

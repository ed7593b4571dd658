//! `POST /v1/apps`: an App is registered, for ever.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::body::Fields;
use super::permission::{ManageApps, May};
use super::refusal::Refusal;
use super::state::{About, Shared};
use super::view::{AppView, CertificateView, tagged};
use crate::audit::Action;
use crate::domain::{AppId, AppKey, AppKeyError, RegionId, ZoneId};
use crate::registry::{App, AuthMode, NewApp, Plan, RegisterError, Registered};

pub async fn register(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let new = read(fields, &shared)?;
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

fn read(mut fields: Fields, shared: &Shared) -> Result<NewApp, Refusal> {
    let app_id = fields.optional("app_id", AppId::parse);
    let org = fields.required("org", half(AppKeyError::App));
    let app = fields.required("app", half(AppKeyError::Org));
    let region = fields.required("region", |text| region(text, shared));
    let zone = fields.optional("zone", ZoneId::parse);
    let plan = fields.optional("plan", plan);
    let auth_mode = fields.optional("auth_mode", auth_mode);
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

#[derive(Serialize)]
struct Created {
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
        Registered::Existing(_) => tagged(StatusCode::OK, revision, app),
    }
}

fn about(registered: &Registered) -> About<'_> {
    let app_id = app_of(registered).app_id;
    let pins = match registered {
        Registered::Created { pins, .. } => Some(pins),
        Registered::Existing(_) => None,
    };
    About { app_id, pins }
}

fn app_of(registered: &Registered) -> &App {
    match registered {
        Registered::Created { app, .. } | Registered::Existing(app) => app,
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

fn plan(text: &str) -> Result<Plan, &'static str> {
    match text {
        "free" => Ok(Plan::Free),
        "basic" => Ok(Plan::Basic),
        "advanced" => Ok(Plan::Advanced),
        "enterprise" => Ok(Plan::Enterprise),
        _ => Err("must be one of free, basic, advanced, enterprise"),
    }
}

fn auth_mode(text: &str) -> Result<AuthMode, &'static str> {
    match text {
        "secure" => Ok(AuthMode::Secure),
        "upstream" => Ok(AuthMode::Upstream),
        _ => Err("must be one of secure, upstream"),
    }
}

#[cfg(test)]
mod tests;

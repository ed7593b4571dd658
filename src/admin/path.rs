//! What a path names.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use utoipa::IntoParams;

use super::refusal::Refusal;
use super::schema;
use crate::domain::AppId;

/// The App of a path.
#[derive(IntoParams)]
#[expect(dead_code, reason = "for the OpenAPI document; `AppPath` reads it")]
#[into_params(parameter_in = Path)]
pub struct AppParams {
    #[param(schema_with = schema::app_id)]
    app_id: String,
}

/// The App ID of a path.
#[derive(Debug, Clone, Copy)]
pub struct AppPath(pub AppId);

/// Whatever a path has in an App ID's place.
#[derive(Debug, Clone)]
pub struct SomeApp(pub Option<AppId>);

impl<S: Send + Sync> FromRequestParts<S> for AppPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let SomeApp(app_id) = SomeApp::from_request_parts(parts, state).await?;
        app_id.map(Self).ok_or_else(no_app_id)
    }
}

/// The answer when a path has something else in an App ID's place.
pub fn no_app_id() -> Refusal {
    Refusal::field("app_id", "an App ID is 32 hexadecimal digits")
}

impl<S: Send + Sync> FromRequestParts<S> for SomeApp {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let app_id = names
            .ok()
            .and_then(|Path(names)| AppId::parse(names.get("app_id")?).ok());
        Ok(Self(app_id))
    }
}

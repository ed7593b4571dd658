//! An App, a certificate and a time as answers show them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::etag::etag;
use super::schema;
use crate::registry::{App, AppLimits, AuthMode, CertRole, Certificate, Plan, Status};

/// An App as SPEC 8 shows it. No secret is in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = App)]
pub struct AppView {
    #[schema(schema_with = schema::app_id)]
    app_id: String,
    /// `org#app`.
    app_key: String,
    #[schema(schema_with = schema::half)]
    org: String,
    #[schema(schema_with = schema::half)]
    app: String,
    /// For ever.
    region: String,
    /// For ever.
    zone: String,
    #[schema(schema_with = schema::plan)]
    plan: Plan,
    /// How long messages are kept.
    #[schema(minimum = 1)]
    retention_days: u32,
    #[schema(schema_with = schema::auth_mode)]
    auth_mode: AuthMode,
    #[schema(schema_with = schema::status)]
    status: Status,
    #[schema(value_type = super::settings::LimitsBody)]
    limits: AppLimits,
    #[schema(schema_with = schema::time)]
    created_at: String,
    /// Rises with every change; the `ETag`, in quotes, and what `If-Match` asks for.
    revision: u64,
}

/// A new certificate, its value shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateView {
    id: String,
    #[schema(schema_with = schema::certificate_role)]
    role: CertRole,
    /// 32 hexadecimal digits: the secret that signs tokens.
    value: String,
    #[schema(schema_with = schema::time)]
    created_at: String,
}

impl AppView {
    pub fn of(app: &App, region: &str) -> Self {
        Self {
            app_id: app.app_id.to_string(),
            app_key: app.app_key.to_string(),
            org: app.app_key.org().to_owned(),
            app: app.app_key.app().to_owned(),
            region: region.to_owned(),
            zone: app.zone.to_string(),
            plan: app.plan,
            retention_days: app.retention_days,
            auth_mode: app.auth_mode,
            status: app.status,
            limits: app.limits,
            created_at: rfc3339(app.created_at),
            revision: app.revision,
        }
    }
}

impl CertificateView {
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            id: certificate.id.clone(),
            role: certificate.role,
            value: certificate.value.expose_secret().to_owned(),
            created_at: rfc3339(certificate.created_at),
        }
    }
}

/// An answer with the entity tag of a revision.
pub fn tagged(status: StatusCode, revision: u64, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Some(tag) = etag(revision) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Unix seconds as RFC 3339, UTC.
pub fn rfc3339(unix: u64) -> String {
    let seconds = i64::try_from(unix).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(1_760_000_000), "2025-10-09T08:53:20Z");
        assert!(rfc3339(u64::MAX).starts_with("9999-12-3"));
    }
}

//! An App, a certificate and a time as answers show them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::etag::etag;
use crate::registry::{App, AppLimits, AuthMode, CertRole, Certificate, Plan, Status};

/// An App as SPEC 8 shows it. No secret is in it.
#[derive(Debug, Serialize)]
pub struct AppView {
    app_id: String,
    app_key: String,
    org: String,
    app: String,
    region: String,
    zone: String,
    plan: Plan,
    retention_days: u32,
    auth_mode: AuthMode,
    status: Status,
    limits: AppLimits,
    created_at: String,
    revision: u64,
}

/// A new App's certificate, shown this once.
#[derive(Serialize)]
pub struct CertificateView {
    id: String,
    role: CertRole,
    value: String,
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

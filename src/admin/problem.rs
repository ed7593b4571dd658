//! Refusals as answers (RFC 9457).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoints::Endpoints;
use super::refusal::{FieldFault, Refusal};

/// The code of a refusal, left in the response for whoever counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalCode(pub &'static str);

/// The body, `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldFault>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_endpoints: Option<Endpoints>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, _) = self.row();
        let retry_after = self.retry_after();
        // A document of texts and numbers always serializes.
        let body = serde_json::to_vec(&Document::of(self)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.extensions_mut().insert(RefusalCode(code));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Document {
    fn of(refusal: Refusal) -> Self {
        let (status, code, title) = refusal.row();
        let mut document = Self {
            r#type: format!("https://domicile.example/errors/{code}"),
            title,
            status: status.as_u16(),
            code,
            errors: None,
            home_region: None,
            home_endpoints: None,
        };
        match refusal {
            Refusal::Invalid(faults) => document.errors = Some(faults),
            Refusal::Elsewhere(home) => {
                document.home_region = Some(home.region.to_string());
                document.home_endpoints = Some(home.endpoints);
            }
            _ => {}
        }
        document
    }
}

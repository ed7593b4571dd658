//! Why a request is not served, and how that is told. `Display` is the text for the client.

use std::error::Error;
use std::io;

use http::StatusCode;
use serde_json::json;

use super::answer::{Response, json_response};
use crate::access_token_2::Unreadable;
use crate::path::PathError;
use crate::store::StoreError;

/// A request that is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("only gateways of this region are served")]
    NotAGateway,
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("there is no such route")]
    UnknownRoute,
    #[error("Service resource not found")]
    NotFound,
    #[error("Entity user requires that property named username be unique, value of {0} exists")]
    Duplicate(String),
    #[error("{0}")]
    Illegal(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("the body is not the JSON that is wanted here: {0}")]
    Json(#[source] serde_json::Error),
    #[error("the body broke off or can't be read")]
    Body,
    #[error("the body is too large")]
    TooLarge,
    #[error("only the grant type agora is supported")]
    GrantType,
    #[error(transparent)]
    Token(#[from] Unreadable),
    #[error("the data centre stops")]
    Stopping,
    #[error("internal error")]
    Store(#[from] StoreError),
    #[error("internal error")]
    File(#[from] io::Error),
}

impl Fault {
    pub(crate) fn response(&self, now: u64, duration: u64) -> Response {
        let (status, error, exception) = self.names();
        let body = json!({
            "error": error,
            "exception": exception,
            "timestamp": now,
            "duration": duration,
            "error_description": self.to_string(),
        });
        json_response(status, &body)
    }

    /// Tells the operator what went wrong here; what the client did wrong is no event.
    pub(crate) fn log(&self, route: &str) {
        if let (StatusCode::INTERNAL_SERVER_ERROR, ..) = self.names() {
            tracing::error!(%route, error = self.source(), "a request failed");
        }
    }

    /// Status, code and exception, as the service documents them.
    fn names(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Fault::NotAGateway => (
                StatusCode::FORBIDDEN,
                "forbidden_op",
                "ForbiddenOpException",
            ),
            Fault::Path(_) => (
                StatusCode::BAD_REQUEST,
                "bad_request",
                "IllegalArgumentException",
            ),
            Fault::UnknownRoute | Fault::NotFound => NOT_FOUND,
            Fault::Duplicate(_) => DUPLICATE,
            Fault::Illegal(_) => (
                StatusCode::BAD_REQUEST,
                "illegal_argument",
                "IllegalArgumentException",
            ),
            Fault::Forbidden(_) => (
                StatusCode::FORBIDDEN,
                "forbidden_op",
                "ForbiddenOpException",
            ),
            Fault::Json(_) => (StatusCode::BAD_REQUEST, "json_parse", "JsonParseException"),
            Fault::Body => (StatusCode::BAD_REQUEST, "bad_request", "IOException"),
            Fault::TooLarge => TOO_LARGE,
            Fault::GrantType => GRANT_TYPE,
            Fault::Token(_) => (
                StatusCode::UNAUTHORIZED,
                "auth_bad_access_token",
                "BadTokenException",
            ),
            Fault::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                "ServiceUnavailableException",
            ),
            Fault::Store(_) | Fault::File(_) => INTERNAL,
        }
    }
}

type Names = (StatusCode, &'static str, &'static str);

const NOT_FOUND: Names = (
    StatusCode::NOT_FOUND,
    "service_resource_not_found",
    "ServiceResourceNotFoundException",
);
const DUPLICATE: Names = (
    StatusCode::BAD_REQUEST,
    "duplicate_unique_property_exists",
    "DuplicateUniquePropertyExistsException",
);
const TOO_LARGE: Names = (
    StatusCode::PAYLOAD_TOO_LARGE,
    "request_entity_too_large",
    "RequestEntityTooLargeException",
);
const GRANT_TYPE: Names = (
    StatusCode::BAD_REQUEST,
    "unsupported_grant_type",
    "UnsupportedGrantTypeException",
);
const INTERNAL: Names = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal_error",
    "InternalErrorException",
);

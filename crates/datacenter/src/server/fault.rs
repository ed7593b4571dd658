//! Why a request is not served, and how that is told. `Display` is the text for the client.

use std::error::Error;
use std::io;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
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
        let description = if self.is_of_disk() {
            "nothing can be stored at the moment".to_owned()
        } else {
            self.to_string()
        };
        let body = json!({
            "error": error,
            "exception": exception,
            "timestamp": now,
            "duration": duration,
            "error_description": description,
        });
        let mut response = json_response(status, &body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, FIVE_SECONDS);
        }
        response
    }

    /// Tells the operator what went wrong here; what the client did wrong is no event.
    pub(crate) fn log(&self, route: &str) {
        let ours = self.names() == INTERNAL || self.is_of_disk();
        if ours {
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
            Fault::Stopping => UNAVAILABLE,
            Fault::Store(_) | Fault::File(_) if self.is_of_disk() => UNAVAILABLE,
            Fault::Store(_) | Fault::File(_) => INTERNAL,
        }
    }

    /// Whether the disk is to blame, and the same may be asked for again.
    fn is_of_disk(&self) -> bool {
        match self {
            Fault::Store(error) => error.is_of_disk(),
            Fault::File(error) => FULL.contains(&error.kind()),
            _ => false,
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
/// The service documents no other code for this: 507 (RFC 4918, 11.5) is none of its own.
const UNAVAILABLE: Names = (
    StatusCode::SERVICE_UNAVAILABLE,
    "service_unavailable",
    "ServiceUnavailableException",
);
const INTERNAL: Names = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal_error",
    "InternalErrorException",
);
/// Of errors that end when there is room again.
pub(crate) const FULL: [io::ErrorKind; 2] =
    [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
const FIVE_SECONDS: HeaderValue = HeaderValue::from_static("5");

//! Every way in which the admin API says no.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoints::Endpoints;
use super::erasure::NotErased;
use crate::audit::AuditError;
use crate::domain::RegionId;
use crate::registry::LookUpError;

/// A call that is not answered as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No key, or one that nobody has.
    Unauthenticated,
    /// Too many wrong keys from one address.
    TooManyAttempts {
        /// Seconds.
        retry_after: u64,
    },
    /// The key's role does not allow it.
    Forbidden,
    /// The body is not JSON.
    NotJson,
    /// The body says that it is something else than JSON.
    MediaType,
    TooLarge,
    TooSlow,
    /// Fields that are missing, unknown or wrong.
    Invalid(Vec<FieldFault>),
    NoSuchRoute,
    MethodNotAllowed,
    RegionUnknown,
    AppUnknown,
    AppSuspended,
    AppRetired,
    AppKeyTaken,
    AppIdTaken,
    RegionImmutable,
    AlreadyRegistered,
    /// The App lives, or would live, in another region.
    Elsewhere(Home),
    CertificateUnknown,
    /// The App has two.
    CertificateLimit,
    LastCertificate,
    PrimaryCertificate,
    AccountUnknown,
    /// The region has as many accounts as it may have.
    AccountLimit,
    LastOwner,
    /// The App has changed since the revision of If-Match.
    Stale,
    /// The call needs If-Match.
    PreconditionRequired,
    /// The App has revoked as many users as are remembered at a time.
    TooManyRevocations,
    /// The home data centre did not erase.
    NotErased(NotErased),
    RegistryUnavailable,
    RegistryUntrusted,
    /// This gateway's catalogue is not the registry's.
    Degraded,
    AuditUnavailable,
    Internal,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFault {
    pub field: String,
    pub message: String,
}

/// Where to ask instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub region: RegionId,
    pub endpoints: Endpoints,
}

impl Refusal {
    /// One field is wrong.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldFault {
            field: field.to_owned(),
            message: message.to_owned(),
        }])
    }

    pub const fn code(&self) -> &'static str {
        self.row().1
    }

    /// Status, code and title: the one table.
    pub(super) const fn row(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthenticated => (
                S::UNAUTHORIZED,
                "unauthenticated",
                "A valid admin key is needed: Authorization: Bearer dk_...",
            ),
            Self::TooManyAttempts { .. } => (
                S::TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many wrong keys from this address: wait as long as Retry-After says",
            ),
            Self::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "The role of this key does not allow this call",
            ),
            Self::NotJson => (S::BAD_REQUEST, "bad_request", "The body is not a JSON text"),
            Self::MediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be application/json",
            ),
            Self::TooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "too_large",
                "The body is too large: at most 64 KiB",
            ),
            Self::TooSlow => (
                S::REQUEST_TIMEOUT,
                "too_slow",
                "The body took too long to arrive",
            ),
            Self::Invalid(_) => (
                S::UNPROCESSABLE_ENTITY,
                "invalid",
                "The request says something that it cannot say here: see errors",
            ),
            Self::NoSuchRoute => (S::NOT_FOUND, "not_found", "There is nothing at this path"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This path has other methods: see Allow",
            ),
            Self::RegionUnknown => (
                S::NOT_FOUND,
                "region_unknown",
                "The catalogue has no such region",
            ),
            Self::AppUnknown => (S::NOT_FOUND, "app_unknown", "No such App is registered"),
            Self::AppSuspended => (
                S::FORBIDDEN,
                "app_suspended",
                "The App is suspended: resume it first",
            ),
            Self::AppRetired => (
                S::GONE,
                "app_retired",
                "The App is retired, for ever: register another App ID and AppKey",
            ),
            Self::AppKeyTaken => (
                S::CONFLICT,
                "app_key_taken",
                "This AppKey belongs to another App ID, or is spelt otherwise",
            ),
            Self::AppIdTaken => (
                S::CONFLICT,
                "app_id_taken",
                "This App ID belongs to another AppKey, or is spelt otherwise",
            ),
            Self::RegionImmutable => (
                S::CONFLICT,
                "region_immutable",
                "An App never leaves the data centre that it was registered in; no data moves between service areas",
            ),
            Self::AlreadyRegistered => (
                S::CONFLICT,
                "already_registered",
                "This App is registered with another plan or auth mode",
            ),
            Self::Elsewhere(_) => (
                S::MISDIRECTED_REQUEST,
                "app_lives_elsewhere",
                "Another region is this App's home: ask there",
            ),
            Self::Stale => (
                S::PRECONDITION_FAILED,
                "stale",
                "The App has changed since: read it again",
            ),
            Self::CertificateUnknown => (
                S::NOT_FOUND,
                "certificate_unknown",
                "The App has no such certificate",
            ),
            Self::CertificateLimit => (
                S::CONFLICT,
                "certificate_limit",
                "An App has at most two certificates: revoke one first",
            ),
            Self::LastCertificate => (
                S::CONFLICT,
                "last_certificate",
                "The last certificate stays: create and promote another one first",
            ),
            Self::PrimaryCertificate => (
                S::CONFLICT,
                "primary_certificate",
                "The primary certificate signs new tokens: promote another one first",
            ),
            Self::AccountUnknown => (S::NOT_FOUND, "account_unknown", "There is no such account"),
            Self::AccountLimit => (
                S::CONFLICT,
                "account_limit",
                "The region has 1000 accounts, the most there can be: delete some first",
            ),
            Self::LastOwner => (
                S::CONFLICT,
                "last_owner",
                "The last owner stays: make another one first",
            ),
            Self::PreconditionRequired => (
                S::PRECONDITION_REQUIRED,
                "precondition_required",
                "Read the App first, and send its ETag as If-Match",
            ),
            Self::TooManyRevocations => (
                S::TOO_MANY_REQUESTS,
                "rate_limited",
                "The App has revoked 10000 users within two days: suspend it, or revoke its certificate",
            ),
            Self::NotErased(NotErased::Unavailable) => (
                S::SERVICE_UNAVAILABLE,
                "home_unavailable",
                "The home data centre did not erase: try again",
            ),
            Self::NotErased(NotErased::Unsupported) => (
                S::NOT_IMPLEMENTED,
                "erasure_unsupported",
                "The home data centre has no call for erasing: erase there",
            ),
            Self::RegistryUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "registry_unavailable",
                "The registry cannot be reached: try again",
            ),
            Self::RegistryUntrusted => (
                S::SERVICE_UNAVAILABLE,
                "registry_untrusted",
                "The registry's entry does not verify: its operator must look at it",
            ),
            Self::Degraded => (
                S::SERVICE_UNAVAILABLE,
                "degraded",
                "This gateway's catalogue is not the registry's: nothing is registered until they agree",
            ),
            Self::AuditUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "audit_unavailable",
                "The audit log cannot be written, and nothing is done without it",
            ),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "The gateway failed: see its log",
            ),
        }
    }

    /// In seconds, where trying again may help.
    pub(super) const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after } => Some(*retry_after),
            Self::TooManyRevocations => Some(RETRY_HOUR),
            Self::NotErased(NotErased::Unavailable)
            | Self::RegistryUnavailable
            | Self::RegistryUntrusted
            | Self::Degraded
            | Self::AuditUnavailable
            | Self::TooSlow => Some(RETRY_SECONDS),
            _ => None,
        }
    }
}

/// Every code that a refusal may have, for whoever counts them.
pub const REFUSAL_CODES: [&str; 35] = [
    "unauthenticated",
    "rate_limited",
    "forbidden",
    "bad_request",
    "unsupported_media_type",
    "too_large",
    "too_slow",
    "invalid",
    "not_found",
    "method_not_allowed",
    "region_unknown",
    "app_unknown",
    "app_suspended",
    "app_retired",
    "app_key_taken",
    "app_id_taken",
    "region_immutable",
    "already_registered",
    "app_lives_elsewhere",
    "stale",
    "certificate_unknown",
    "certificate_limit",
    "last_certificate",
    "primary_certificate",
    "account_unknown",
    "account_limit",
    "last_owner",
    "precondition_required",
    "home_unavailable",
    "erasure_unsupported",
    "registry_unavailable",
    "registry_untrusted",
    "degraded",
    "audit_unavailable",
    "internal",
];

const RETRY_SECONDS: u64 = 1;
const RETRY_HOUR: u64 = 3_600;

impl From<AuditError> for Refusal {
    fn from(_: AuditError) -> Self {
        Self::AuditUnavailable
    }
}

impl From<LookUpError> for Refusal {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::Unavailable => Self::RegistryUnavailable,
            LookUpError::Untrusted => Self::RegistryUntrusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::REFUSAL_CODES;

    /// A refusal whose code is not in the list would have no counter before it first happens.
    #[test]
    fn every_code_is_listed() {
        let source = include_str!("refusal.rs");
        let (_, row) = source.split_once("fn row(").unwrap();
        let (row, _) = row.split_once("pub(super) const fn retry_after").unwrap();
        let codes = row.split("S::").skip(1);
        let codes: Vec<_> = codes.map(|row| row.split('"').nth(1).unwrap()).collect();
        assert!(codes.len() > 30);
        for code in codes {
            assert!(REFUSAL_CODES.contains(&code), "{code}");
        }
    }
}

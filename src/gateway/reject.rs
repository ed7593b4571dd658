//! From every way to fail to one answer: the table of SPEC 6.5.

use http::StatusCode;

use crate::auth::{AdmitError, GrantError};
use crate::call::ClassifyError;
use crate::domain::{Code, RegionId};
use crate::registry::{LocateError, LookUpError};
use crate::zone::{BindError, CrossRegionReference, FilterError, SendError};

/// A request that is not let through, and why.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    #[error("the gateway is draining")]
    Draining,
    #[error("the request has too many header fields")]
    HeadersTooLarge,
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    #[error("no valid WebSocket upgrade")]
    NoUpgrade,
    #[error("discovery: {}", .0.as_str())]
    Discovery(Code),
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Admit(#[from] AdmitError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    CrossRegion(#[from] CrossRegionReference),
    #[error("the data centre's answer is marked as another App's")]
    ForeignApp,
}

/// Whose doing a rejection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Gateway,
    Upstream,
}

impl From<FilterError> for Rejection {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::CrossRegion(error) => Self::CrossRegion(error),
            FilterError::Send(error) => Self::Send(error),
            FilterError::ForeignApp => Self::ForeignApp,
        }
    }
}

impl Rejection {
    pub fn code(&self) -> Code {
        match self {
            Self::Draining => Code::Draining,
            Self::HeadersTooLarge => Code::HeadersTooLarge,
            Self::Classify(error) => of_classify(error),
            Self::NoUpgrade => Code::BadRequest,
            Self::Discovery(code) => *code,
            Self::Locate(error) => of_locate(error),
            Self::Admit(error) => of_admit(error),
            Self::Bind(error) => of_bind(error),
            Self::Send(error) => of_send(error),
            Self::CrossRegion(CrossRegionReference(_)) => Code::CrossRegionReference,
            Self::ForeignApp => Code::UpstreamProtocol,
        }
    }

    /// The App's home, where it is another region.
    pub fn home(&self) -> Option<&RegionId> {
        match self {
            Self::Locate(LocateError::Elsewhere(home)) => Some(home),
            _ => None,
        }
    }
}

fn of_classify(error: &ClassifyError) -> Code {
    match error {
        ClassifyError::Path(_)
        | ClassifyError::Query(_)
        | ClassifyError::Host(_)
        | ClassifyError::HostCount
        | ClassifyError::HostsDisagree
        | ClassifyError::Twice(_)
        | ClassifyError::Target
        | ClassifyError::Trace => Code::BadRequest,
        ClassifyError::NotAForwardProxy => Code::NotAForwardProxy,
        ClassifyError::HostMismatch => Code::HostMismatch,
        ClassifyError::AppMissing => Code::AppMissing,
    }
}

fn of_locate(error: &LocateError) -> Code {
    match error {
        LocateError::Unknown => Code::AppUnknown,
        LocateError::Elsewhere(_) => Code::AppLivesElsewhere,
        LocateError::LookUp(LookUpError::Unavailable) => Code::RegistryUnavailable,
        LocateError::LookUp(LookUpError::Untrusted) => Code::RegistryUntrusted,
    }
}

fn of_admit(error: &AdmitError) -> Code {
    match error {
        AdmitError::Suspended => Code::AppSuspended,
        AdmitError::Retired => Code::AppRetired,
        AdmitError::AppMismatch => Code::AppMismatch,
        AdmitError::TokenMissing => Code::TokenMissing,
        AdmitError::TokenInvalid(_) => Code::TokenInvalid,
        AdmitError::TokenExpired => Code::TokenExpired,
        AdmitError::Privilege => Code::TokenPrivilege,
        AdmitError::GrantRefused => Code::GrantRefused,
        AdmitError::Grant(GrantError::TooLarge) => Code::TooLarge,
        AdmitError::Grant(GrantError::Unreadable) => Code::BadRequest,
        AdmitError::Grant(GrantError::TooSlow) => Code::TooSlow,
    }
}

fn of_bind(error: &BindError) -> Code {
    match error {
        BindError::RateLimited => Code::RateLimited,
        BindError::TooLarge => Code::TooLarge,
        BindError::ChannelFull => Code::ChannelFull,
        BindError::NoSuchZone => Code::HomeUnavailable,
    }
}

fn of_send(error: &SendError) -> Code {
    match error {
        SendError::NoUpstream => Code::HomeUnavailable,
        SendError::Dial(error) if error.is_denial() => Code::EgressDenied,
        SendError::Dial(_) => Code::HomeUnavailable,
        SendError::Protocol(_) | SendError::Line(_) | SendError::Upgrade => Code::UpstreamProtocol,
        SendError::Timeout => Code::UpstreamTimeout,
        SendError::TooLarge => Code::TooLarge,
        SendError::TooSlow => Code::TooSlow,
        SendError::ClientGone => Code::BadRequest,
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub status: StatusCode,
    pub title: &'static str,
    pub side: Side,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
}

/// Status, title, side and retry of a code. Without a `_` arm: a new code demands a decision.
pub const fn row(code: Code) -> Row {
    use Side::{Client, Gateway, Upstream};
    let (status, title, side, retry_after) = match code {
        Code::TlsName => (421, "The TLS name is not of this region", Client, None),
        Code::HostMismatch => (421, "The Host is not of this region", Client, None),
        Code::AppLivesElsewhere => (421, "The App lives in another region", Client, None),
        Code::AppNotServedHere => (421, "The App is not served here", Client, None),
        Code::AppUnknown => (404, "No such App is registered", Client, None),
        Code::AppMissing => (400, "The request names no App", Client, None),
        Code::BadRequest => (400, "The request is malformed or ambiguous", Client, None),
        Code::NotAForwardProxy => (400, "This is not a forward proxy", Client, None),
        Code::AppMismatch => (403, "The request names more than one App", Client, None),
        Code::TokenMissing => (401, "A token is needed", Client, None),
        Code::TokenInvalid => (401, "The token is not valid", Client, None),
        Code::TokenExpired => (401, "Sorry, token expired", Client, None),
        Code::TokenPrivilege => (403, "The token lacks the privilege", Client, None),
        Code::GrantRefused => (400, "Log in with a token", Client, None),
        Code::AppSuspended => (403, "The App is suspended", Client, None),
        Code::AppRetired => (410, "The App is retired", Client, None),
        Code::TooLarge => (413, "The body is too large", Client, None),
        Code::HeadersTooLarge => (431, "The head is too large", Client, None),
        Code::RateLimited => (429, "Too many requests", Client, Some(1)),
        Code::TooSlow => (408, "The request took too long to arrive", Client, Some(1)),
        Code::ChannelFull => (503, "The channel is full", Gateway, Some(1)),
        Code::CrossRegionReference => (502, "The answer pointed to another region", Upstream, None),
        Code::EgressDenied => (
            502,
            "The data centre's address is outside its ranges",
            Gateway,
            None,
        ),
        Code::UpstreamProtocol => (502, "The data centre broke the protocol", Upstream, None),
        Code::HomeUnavailable => (503, "The data centre is unavailable", Upstream, Some(5)),
        Code::UpstreamTimeout => (504, "The data centre is too slow", Upstream, Some(5)),
        Code::RegistryUnavailable => (503, "The registry is unavailable", Gateway, Some(5)),
        Code::RegistryUntrusted => (503, "The registry does not verify", Gateway, Some(30)),
        Code::Draining => (503, "The gateway is draining", Gateway, Some(1)),
    };
    Row {
        status: status_code(status),
        title,
        side,
        retry_after,
    }
}

const fn status_code(status: u16) -> StatusCode {
    match StatusCode::from_u16(status) {
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Which words a client gets for a code that is not told to it as it is (`refusals.hint: none`).
pub const fn shown(code: Code, tells_homes: bool) -> Code {
    match code {
        Code::AppLivesElsewhere | Code::AppUnknown if !tells_homes => Code::AppNotServedHere,
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_retry_can_mend_is_retryable() {
        for code in Code::ALL {
            let row = row(code);
            let retryable = matches!(row.status.as_u16(), 408 | 429 | 503 | 504);
            assert_eq!(row.retry_after.is_some(), retryable, "{code:?}");
        }
    }

    #[test]
    fn without_hints_unknown_and_foreign_look_the_same() {
        let code = Code::AppNotServedHere;
        assert_eq!(shown(Code::AppUnknown, false), code);
        assert_eq!(shown(Code::AppLivesElsewhere, false), code);
        assert_eq!(shown(Code::AppUnknown, true), Code::AppUnknown);
    }
}

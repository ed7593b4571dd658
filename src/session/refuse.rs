//! Refusals of sessions in MSYNC's words: the third column of SPEC 6.5, and what the SDKs make of it
//! (a status and a reason; a reason that they know by heart, or a text that they show).

use msync::status;

use super::end::Silence;
use super::framing::FramingFault;
use super::login::LoginError;
use crate::domain::{Code, RegionId};
use crate::gateway::{Rejection, row};

/// Why a session does not come to stand.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Gateway(#[from] Rejection),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("the first message did not come in time")]
    TooSlow,
    #[error("the client sent no first message")]
    Client(#[source] Silence),
    #[error(transparent)]
    Centre(#[from] CentreError),
}

/// What a data centre answered a PROVISION with, when it was no answer to pass on.
#[derive(Debug, thiserror::Error)]
pub(super) enum CentreError {
    #[error("the data centre ended the session without an answer")]
    Silent(#[source] Silence),
    #[error("the data centre did not answer in time")]
    TooSlow,
    #[error("the data centre's answer is not readable")]
    Unreadable(#[source] msync::Fault),
    #[error("the data centre's answer has no error_code")]
    NoCode,
    #[error("the data centre's answer chooses compression or encryption")]
    Chooses,
    #[error("the data centre's answer names another App")]
    Foreign,
    #[error("the data centre's answer points elsewhere")]
    Redirect,
    /// It was passed on.
    #[error("the data centre declined")]
    Declined,
}

impl From<crate::zone::SendError> for Refused {
    fn from(error: crate::zone::SendError) -> Self {
        Self::Gateway(Rejection::Send(error))
    }
}

/// What a client is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// `Status.error_code` and `Status.reason` of a PROVISION answer.
    pub answer: Option<(i32, String)>,
    /// A WebSocket's close code.
    pub close: u16,
}

impl Refused {
    /// Its code; none where nobody was refused.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Gateway(rejection) => Some(rejection.code()),
            Self::Login(LoginError::NoApp) => Some(Code::AppMissing),
            Self::Login(
                LoginError::Unreadable(_)
                | LoginError::TokensDiffer
                | LoginError::AuthToken
                | LoginError::Insists,
            ) => Some(Code::BadRequest),
            Self::TooSlow => Some(Code::TooSlow),
            Self::Client(Silence::Framing(fault)) => Some(of_framing(*fault)),
            Self::Client(Silence::Gone | Silence::Broken(_)) => None,
            Self::Centre(error) => of_centre(error),
        }
    }

    pub fn words(&self, tells_homes: bool) -> Words {
        let home = match self {
            Self::Gateway(rejection) => rejection.home(),
            _ => None,
        };
        let answer = match self {
            Self::Login(LoginError::Insists) => Some((status::ENCRYPT_DISABLE, insists())),
            Self::Client(Silence::Framing(fault)) if !fault.is_too_big() => None,
            _ => self
                .code()
                .and_then(|code| answer(code, home.filter(|_| tells_homes), tells_homes)),
        };
        Words {
            answer,
            close: self.close(),
        }
    }

    fn close(&self) -> u16 {
        match self {
            Self::Gateway(Rejection::Draining) => websocket::code::GOING_AWAY,
            Self::Client(Silence::Framing(fault)) => fault.close_code(),
            _ => websocket::code::POLICY,
        }
    }
}

pub(super) fn of_framing(fault: FramingFault) -> Code {
    if fault.is_too_big() {
        Code::TooLarge
    } else {
        Code::BadRequest
    }
}

const fn of_centre(error: &CentreError) -> Option<Code> {
    match error {
        CentreError::Silent(_)
        | CentreError::Unreadable(_)
        | CentreError::NoCode
        | CentreError::Chooses
        | CentreError::Foreign => Some(Code::UpstreamProtocol),
        CentreError::TooSlow => Some(Code::UpstreamTimeout),
        CentreError::Redirect => Some(Code::CrossRegionReference),
        CentreError::Declined => None,
    }
}

fn insists() -> String {
    "bad_request: Compression and encryption inside MSYNC are not served; offer none".to_owned()
}

/// Status and reason of a code. Draining has neither: the connection closes.
fn answer(code: Code, home: Option<&RegionId>, tells_homes: bool) -> Option<(i32, String)> {
    let code = crate::gateway::shown(code, tells_homes);
    let title = row(code).title;
    let text = match home.filter(|_| code == Code::AppLivesElsewhere) {
        Some(home) => format!("{}: {title}: {home}", code.as_str()),
        None => format!("{}: {title}", code.as_str()),
    };
    Some(match number(code)? {
        status::FAIL => (status::FAIL, known_reason(code).to_owned()),
        number => (number, text),
    })
}

/// The status of a code. Without a `_` arm: a new code demands a decision.
const fn number(code: Code) -> Option<i32> {
    Some(match code {
        Code::TokenMissing => status::UNAUTHORIZED,
        Code::TokenInvalid | Code::TokenExpired | Code::GrantRefused => status::FAIL,
        Code::AppMissing | Code::BadRequest | Code::NotAForwardProxy => status::WRONG_PARAMETER,
        Code::AppSuspended | Code::AppRetired => status::IM_FORBIDDEN,
        Code::Draining => return None,
        Code::TlsName
        | Code::HostMismatch
        | Code::AppLivesElsewhere
        | Code::AppNotServedHere
        | Code::AppUnknown
        | Code::AppMismatch
        | Code::TokenPrivilege
        | Code::TooLarge
        | Code::HeadersTooLarge
        | Code::RateLimited
        | Code::TooSlow
        | Code::ChannelFull
        | Code::CrossRegionReference
        | Code::EgressDenied
        | Code::UpstreamProtocol
        | Code::HomeUnavailable
        | Code::UpstreamTimeout
        | Code::RegistryUnavailable
        | Code::RegistryUntrusted => status::NO_ROUTE,
    })
}

/// The reasons of FAIL that the SDKs tell apart.
const fn known_reason(code: Code) -> &'static str {
    match code {
        Code::TokenExpired => "Sorry, token expired",
        _ => "Sorry, token or password does not match login info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::LocateError;

    #[test]
    fn every_code_but_draining_has_its_answer() {
        for code in Code::ALL {
            let answer = answer(code, None, true);
            assert_eq!(answer.is_none(), code == Code::Draining, "{code:?}");
            // A reason that the SDK does not know makes it retry, or hang.
            if let Some((status::FAIL, reason)) = answer {
                assert!(reason.starts_with("Sorry, token"), "{reason}");
            }
        }
    }

    #[test]
    fn a_foreign_app_is_told_its_home_unless_hints_are_off() {
        let frankfurt = RegionId::parse("frankfurt").unwrap();
        let refused = Refused::from(Rejection::from(LocateError::Elsewhere(frankfurt)));
        let (number, text) = refused.words(true).answer.unwrap();
        assert_eq!(number, status::NO_ROUTE);
        assert!(text.contains("frankfurt"), "{text}");
        let unknown = Refused::from(Rejection::from(LocateError::Unknown));
        assert_eq!(refused.words(false), unknown.words(false));
    }

    #[test]
    fn a_connection_that_is_no_websocket_is_just_closed() {
        let text = Refused::Client(FramingFault::Text.into());
        assert_eq!(
            (text.words(true).answer, text.words(true).close),
            (None, 1003)
        );
        let big = Refused::Client(FramingFault::TooBig.into());
        let words = big.words(true);
        assert_eq!(
            (words.answer.unwrap().0, words.close),
            (status::NO_ROUTE, 1009)
        );
    }
}

//! What an answer means: pure, a table.

use super::heard::{Heard, Rest, Session, Unheard};
use crate::domain::{Code, RegionId};

/// What is to be thought of an answer.
#[derive(Debug)]
pub enum Verdict {
    /// Away from home: refused because it lives elsewhere, as it must be.
    Refused,
    /// At home: it is known and asked for a token, as it must be.
    Answered,
    /// Away from home it was let further than to the question where it lives. Must never be.
    LetIn(Evidence),
    /// Neither is shown.
    Unclear(Problem),
}

/// How a canary was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Evidence {
    /// The gateway took the region for the canary's home.
    #[error("the gateway looked further than at its home: {}", .0.as_str())]
    Code(Code),
    /// An answer that no gateway made, so it got past one or around it.
    #[error("somebody behind the gateway answered: status {0}")]
    Status(u16),
    /// A session's answer that no gateway made.
    #[error("somebody behind the gateway answered the session: status {0}")]
    Session(i32),
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error(transparent)]
    Unheard(#[from] Unheard),
    #[error("refused, but by another code: {}", .0.as_str())]
    Code(Code),
    #[error("refused by a code that this version does not know")]
    UnknownCode,
    #[error("another region's gateway answered: {0}")]
    Region(RegionId),
    #[error("the gateway did not say which region it is of")]
    NoRegion,
    #[error("no gateway answered: status {0}")]
    NoGateway(u16),
    #[error("refused, but the session was not closed")]
    Open,
    /// At home.
    #[error("its own data centre answered without a token: the App is not in secure mode")]
    NotSecure,
    /// At home.
    #[error("its home does not know it: {}", .0.as_str())]
    NotHere(Code),
}

/// How far a refusal's code says the gateway had come (SPEC 6.2).
enum Step {
    /// It lives elsewhere.
    Refused,
    /// It lives here, and something else is wrong.
    Beyond,
    /// It was not decided where it lives.
    Before,
}

/// Where a canary is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Home,
    Abroad,
}

/// What `region` said of an App whose home is `home`.
pub(super) fn judge(home: &RegionId, region: &RegionId, heard: Result<Heard, Unheard>) -> Verdict {
    let at = if home == region { At::Home } else { At::Abroad };
    match heard {
        Err(unheard) => Verdict::Unclear(unheard.into()),
        Ok(Heard::Rest(rest)) => judge_rest(at, region, &rest),
        Ok(Heard::Session(session)) => judge_session(at, &session),
    }
}

fn judge_rest(at: At, region: &RegionId, rest: &Rest) -> Verdict {
    let Some(code) = &rest.code else {
        return judge_bare(at, rest.status);
    };
    match rest.region.as_ref().and_then(|said| said.known()) {
        None => Verdict::Unclear(Problem::NoRegion),
        Some(said) if said != region => Verdict::Unclear(Problem::Region(said.clone())),
        Some(_) => match code.known() {
            Some(code) => judge_code(at, *code),
            None => Verdict::Unclear(Problem::UnknownCode),
        },
    }
}

/// An answer without a gateway's mark. What is in front of a gateway may say that it is busy or that
/// nobody is behind it; whatever else is said, somebody has dealt with the request.
fn judge_bare(at: At, status: u16) -> Verdict {
    match status {
        408 | 429 | 500.. => Verdict::Unclear(Problem::NoGateway(status)),
        _ if at == At::Home => Verdict::Unclear(Problem::NotSecure),
        _ => Verdict::LetIn(Evidence::Status(status)),
    }
}

fn judge_session(at: At, session: &Session) -> Verdict {
    if !session.ended && session.status != msync::status::OK {
        return Verdict::Unclear(Problem::Open);
    }
    let code = match (session.status, session.code) {
        // The SDKs know this status's reasons by heart, so no code stands in them.
        (msync::status::FAIL, None) => Some(Code::TokenInvalid),
        (_, code) => code,
    };
    match code {
        Some(code) => judge_code(at, code),
        None if at == At::Home => Verdict::Unclear(Problem::NotSecure),
        None => Verdict::LetIn(Evidence::Session(session.status)),
    }
}

fn judge_code(at: At, code: Code) -> Verdict {
    match (step(code), at) {
        (Step::Refused, At::Abroad) => Verdict::Refused,
        (Step::Refused, At::Home) => Verdict::Unclear(Problem::NotHere(code)),
        (Step::Beyond, At::Abroad) => Verdict::LetIn(Evidence::Code(code)),
        (Step::Beyond, At::Home) if code == Code::TokenMissing => Verdict::Answered,
        (Step::Before, At::Home) if code == Code::AppUnknown => {
            Verdict::Unclear(Problem::NotHere(code))
        }
        (Step::Beyond, At::Home) | (Step::Before, _) => Verdict::Unclear(Problem::Code(code)),
    }
}

/// Without a `_` arm: a new code demands a decision.
const fn step(code: Code) -> Step {
    match code {
        Code::AppLivesElsewhere | Code::AppNotServedHere => Step::Refused,
        Code::AppMismatch
        | Code::TokenMissing
        | Code::TokenInvalid
        | Code::TokenExpired
        | Code::TokenPrivilege
        | Code::GrantRefused
        | Code::AppSuspended
        | Code::AppRetired
        | Code::ChannelFull
        | Code::CrossRegionReference
        | Code::EgressDenied
        | Code::UpstreamProtocol
        | Code::HomeUnavailable
        | Code::UpstreamTimeout => Step::Beyond,
        Code::TlsName
        | Code::HostMismatch
        | Code::AppUnknown
        | Code::AppMissing
        | Code::BadRequest
        | Code::NotAForwardProxy
        | Code::TooLarge
        | Code::HeadersTooLarge
        | Code::RateLimited
        | Code::TooSlow
        | Code::RegistryUnavailable
        | Code::RegistryUntrusted
        | Code::Draining => Step::Before,
    }
}

#[cfg(test)]
mod tests {
    use super::super::heard::Said;
    use super::*;

    fn id(text: &str) -> RegionId {
        RegionId::parse(text).unwrap()
    }

    /// What Frankfurt says of an App of `home`.
    fn frankfurt(home: &str, heard: Heard) -> Verdict {
        judge(&id(home), &id("frankfurt"), Ok(heard))
    }

    fn rest(status: u16, code: Option<Code>, region: &str) -> Heard {
        Heard::Rest(Rest {
            status,
            code: code.map(Said::Known),
            region: code.map(|_| Said::Known(id(region))),
        })
    }

    fn session(status: i32, code: Option<Code>, ended: bool) -> Heard {
        Heard::Session(Session {
            status,
            code,
            ended,
        })
    }

    #[test]
    fn abroad_only_its_own_refusal_is_one() {
        for code in Code::ALL {
            let refused = matches!(code, Code::AppLivesElsewhere | Code::AppNotServedHere);
            let verdicts = [
                rest(421, Some(code), "frankfurt"),
                session(8, Some(code), true),
            ];
            for verdict in verdicts.map(|heard| frankfurt("virginia", heard)) {
                assert_eq!(matches!(verdict, Verdict::Refused), refused, "{code:?}");
                assert!(!matches!(verdict, Verdict::Answered), "{code:?}");
            }
        }
    }

    #[test]
    fn abroad_who_asks_for_a_token_has_let_it_in() {
        let missing = Some(Code::TokenMissing);
        for heard in [
            rest(401, missing, "frankfurt"),
            session(2, missing, true),
            // As from a data centre in a gateway's place.
            rest(200, None, ""),
            rest(401, None, ""),
            session(0, None, false),
            session(1, None, true),
        ] {
            let verdict = frankfurt("virginia", heard.clone());
            assert!(matches!(verdict, Verdict::LetIn(_)), "{heard:?}");
        }
    }

    #[test]
    fn what_is_not_a_gateways_shows_nothing() {
        let refused = Some(Code::AppLivesElsewhere);
        for heard in [
            rest(503, None, ""),
            rest(429, None, ""),
            rest(421, refused, "singapore"),
            session(8, refused, false),
        ] {
            let verdict = frankfurt("virginia", heard.clone());
            assert!(matches!(verdict, Verdict::Unclear(_)), "{heard:?}");
        }
    }

    #[test]
    fn at_home_it_is_known_when_a_token_is_asked_for() {
        let missing = Some(Code::TokenMissing);
        let answered = [rest(401, missing, "frankfurt"), session(2, missing, true)];
        for heard in answered {
            assert!(matches!(frankfurt("frankfurt", heard), Verdict::Answered));
        }
        for heard in [
            rest(200, None, ""),
            rest(404, Some(Code::AppUnknown), "frankfurt"),
            rest(421, Some(Code::AppLivesElsewhere), "frankfurt"),
            session(8, Some(Code::AppUnknown), true),
            session(0, None, false),
        ] {
            let verdict = frankfurt("frankfurt", heard.clone());
            assert!(matches!(verdict, Verdict::Unclear(_)), "{heard:?}");
        }
    }
}

//! Looking at a token offline, with or without what is needed to verify it.

use std::fmt;

use crate::check::Policy;
use crate::fault::Fault;
use crate::service::{ChatService, Kind};
use crate::token::Token;

/// Describes a token as far as it can be read. `now` is in unix seconds.
///
/// What isn't given isn't checked: without `app_id` the token may be for any App, without
/// `certificate` the signature stays unknown, and with it `valid`, unless another fault shows.
#[must_use]
pub fn inspect(
    text: &str,
    app_id: Option<&str>,
    certificate: Option<&str>,
    now: u64,
    policy: &Policy,
) -> Inspection {
    match Token::parse(text) {
        Ok(token) => describe(&token, app_id, certificate, now, policy),
        Err(error) => Inspection {
            valid: Some(false),
            reason: Some(error.into()),
            ..Inspection::default()
        },
    }
}

/// What [`inspect`] found out. Members are `None` where the token could not be read that far.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Whether the token verifies; `None` if only the signature could tell and no certificate was
    /// given.
    pub valid: Option<bool>,
    /// The App ID as the token says it.
    pub app_id: Option<String>,
    /// What the token would allow.
    pub kind: Option<Kind>,
    /// The user id as the token's Chat service says it; empty in App tokens.
    pub user_id: Option<String>,
    /// When the token says it was issued, in unix seconds.
    pub issued_at: Option<u64>,
    /// The first unix second at which it is no longer valid; at most the issue and
    /// [`Policy::max_age`].
    pub not_after: Option<u64>,
    /// The first fault, in [`Fault`]'s order.
    pub reason: Option<Fault>,
}

impl fmt::Debug for Inspection {
    /// Leaves the user id out: it is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection")
            .field("valid", &self.valid)
            .field("app_id", &self.app_id)
            .field("kind", &self.kind)
            .field("issued_at", &self.issued_at)
            .field("not_after", &self.not_after)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

fn describe(
    token: &Token,
    app_id: Option<&str>,
    certificate: Option<&str>,
    now: u64,
    policy: &Policy,
) -> Inspection {
    let reason = first_fault(token, app_id, certificate, now, policy).err();
    let valid = match (reason, certificate) {
        (Some(_), _) => Some(false),
        (None, Some(_)) => Some(true),
        (None, None) => None,
    };
    Inspection {
        valid,
        app_id: Some(token.app_id().to_owned()),
        kind: token.chat().and_then(ChatService::kind),
        user_id: token.chat().map(|chat| chat.user_id().to_owned()),
        issued_at: Some(token.issued_at()),
        not_after: Some(token.not_after(policy)),
        reason,
    }
}

fn first_fault(
    token: &Token,
    app_id: Option<&str>,
    certificate: Option<&str>,
    now: u64,
    policy: &Policy,
) -> Result<(), Fault> {
    if let Some(app_id) = app_id {
        token.require_app(app_id)?;
    }
    if let Some(certificate) = certificate {
        token.require_signature(&[certificate])?;
    }
    token.require_standing(now, policy).map(drop)
}

//! Verification: is this a token of that App, and does it hold now?

use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::service::{ChatService, Kind};
use crate::token::Token;

/// Parses and checks in one go: `expected` is what the request's App is pinned to, `now` is in unix
/// seconds.
///
/// # Errors
/// The first fault, in [`Fault`]'s order.
pub fn verify(
    text: &str,
    expected: &Expected<'_>,
    now: u64,
    policy: &Policy,
) -> Result<Verified, Fault> {
    Token::parse(text)?.check(expected, now, policy)
}

/// The App that a token must be for.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The App ID, compared byte for byte.
    pub app_id: &'a str,
    /// The certificates that count: the primary and, while rotating, the secondary. With none, no
    /// token verifies.
    pub certificates: &'a [&'a str],
}

impl fmt::Debug for Expected<'_> {
    /// Leaves the certificates out: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected")
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// What the gateway demands beyond the token's own words. Whole seconds count, fractions are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// No token lives longer than this after its issue, whatever it says. 24 hours by default.
    pub max_age: Duration,
    /// How far in the future a token may have been issued. 60 seconds by default. It excuses the
    /// issuer's clock only; no token lives longer for it.
    pub clock_skew: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            max_age: Duration::from_secs(24 * 60 * 60),
            clock_skew: Duration::from_secs(60),
        }
    }
}

/// A token that verified. Only [`Token::check`] and [`verify`] make it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// What it allows.
    pub kind: Kind,
    /// The user it names; empty if the kind is [`Kind::App`], even where the token says something.
    pub user_id: String,
    /// When it was issued, in unix seconds.
    pub issued_at: u64,
    /// The first unix second at which it is no longer valid: the earliest of its own end, the end of
    /// each Chat privilege in it, and the end that policy sets.
    pub not_after: u64,
}

impl fmt::Debug for Verified {
    /// Leaves the user id out: it is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("kind", &self.kind)
            .field("issued_at", &self.issued_at)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// Checks App, signature, service, privilege and time, in this order. `now` is in unix seconds.
    ///
    /// # Errors
    /// The first fault, in [`Fault`]'s order from [`Fault::AppMismatch`] on.
    pub fn check(
        &self,
        expected: &Expected<'_>,
        now: u64,
        policy: &Policy,
    ) -> Result<Verified, Fault> {
        self.require_app(expected.app_id)?;
        self.require_signature(expected.certificates)?;
        let (chat, kind) = self.require_standing(now, policy)?;
        let user_id = if kind == Kind::App {
            ""
        } else {
            chat.user_id()
        };
        Ok(Verified {
            kind,
            user_id: user_id.to_owned(),
            issued_at: self.issued_at(),
            not_after: self.not_after(policy),
        })
    }

    pub(crate) fn require_app(&self, app_id: &str) -> Result<(), Fault> {
        if self.app_id() == app_id {
            Ok(())
        } else {
            Err(Fault::AppMismatch)
        }
    }

    pub(crate) fn require_signature(&self, certificates: &[&str]) -> Result<(), Fault> {
        let signed = certificates
            .iter()
            .any(|certificate| self.signed_by(certificate));
        if signed {
            Ok(())
        } else {
            Err(Fault::BadSignature)
        }
    }

    /// What can be said without a certificate: service, privilege, time.
    pub(crate) fn require_standing(
        &self,
        now: u64,
        policy: &Policy,
    ) -> Result<(&ChatService, Kind), Fault> {
        let chat = self.chat().ok_or(Fault::NoChatService)?;
        let kind = chat.kind().ok_or(Fault::NoChatPrivilege)?;
        if self.issued_at() > now.saturating_add(policy.clock_skew.as_secs()) {
            return Err(Fault::NotYetValid);
        }
        if self.is_over(self.longest(policy), now) {
            return Err(Fault::TokenExpired);
        }
        if chat
            .privileges()
            .any(|length| self.is_over(u64::from(length), now))
        {
            return Err(Fault::PrivilegeExpired);
        }
        Ok((chat, kind))
    }

    /// The first unix second at which the token is no longer valid.
    pub(crate) fn not_after(&self, policy: &Policy) -> u64 {
        let privileges = self.chat().into_iter().flat_map(ChatService::privileges);
        let shortest = privileges
            .map(u64::from)
            .fold(self.longest(policy), u64::min);
        self.issued_at().saturating_add(shortest)
    }

    /// The token's own length, as far as policy allows it, in seconds after the issue.
    fn longest(&self, policy: &Policy) -> u64 {
        self.lifetime().min(policy.max_age.as_secs())
    }

    /// Whether something that lasts `length` seconds from the issue is over. A length of 0 is over at
    /// once, even while the issue lies ahead within the clock skew.
    fn is_over(&self, length: u64, now: u64) -> bool {
        length == 0 || now >= self.issued_at().saturating_add(length)
    }
}

//! What etcd, or the way to it, answers instead of an answer.

use std::error::Error;
use std::io;

use super::wire::Refusal;

/// Why etcd was not used. The texts are for the operator; they hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdError {
    #[error("no connection to etcd")]
    Unreachable,
    #[error(
        "etcd's certificate is not accepted: check registry.etcd.tls.ca and the endpoint's name"
    )]
    Certificate,
    #[error("etcd did not answer in time, or broke its answer off")]
    Broken,
    #[error("etcd has no leader, or is overloaded")]
    Busy,
    #[error("etcd does not know the user or its password")]
    Credentials,
    #[error("etcd asks for a user: set registry.etcd.username and password")]
    Anonymous,
    #[error(
        "etcd has authentication switched off, and a user is configured: run `domicile registry init-etcd`"
    )]
    AuthenticationOff,
    /// The log-in is over. It is renewed once.
    #[error("etcd does not know the log-in any more")]
    Token,
    #[error("etcd's user may not do this: run `domicile registry init-etcd`")]
    Denied,
    #[error("etcd refuses writes: its space is used up (NOSPACE alarm)")]
    NoSpace,
    #[error("a request or an answer is larger than etcd allows")]
    TooLarge,
    #[error("the state that was asked for is compacted away")]
    Compacted,
    #[error("it is there already")]
    Exists,
    #[error("this is no answer of etcd")]
    Unreadable,
    #[error("etcd refuses: {message} (code {code})")]
    Refused { code: i64, message: String },
}

impl EtcdError {
    /// What the HTTP client met.
    pub(super) fn of_http(error: &reqwest::Error) -> Self {
        if is_about_certificates(error) {
            Self::Certificate
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::Broken
        }
    }

    /// What etcd said (codes of gRPC, texts of etcd's `rpctypes/error.go`).
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        let says = |text| refusal.message.contains(text);
        match refusal.code {
            7 => Self::Denied,
            16 => Self::Token,
            3 if says("revision of auth store is old") => Self::Token,
            3 if says("user name is empty") => Self::Anonymous,
            3 if says("authentication failed") => Self::Credentials,
            3 if says("too large") || says("too many operations") => Self::TooLarge,
            9 if says("authentication is not enabled") => Self::AuthenticationOff,
            9 if says("already exists") => Self::Exists,
            8 if says("space exceeded") => Self::NoSpace,
            8 if says("too many requests") => Self::Busy,
            8 => Self::TooLarge,
            11 if says("compacted") => Self::Compacted,
            1 | 4 | 14 => Self::Busy,
            code => Self::Refused {
                code,
                message: refusal.message.chars().take(LONGEST).collect(),
            },
        }
    }

    /// Whether another member may do better.
    pub(super) const fn is_for_another_member(&self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Certificate | Self::Broken | Self::Busy | Self::Unreadable
        )
    }

    /// Whether what was asked for may have been done all the same.
    pub(super) const fn may_be_done(&self) -> bool {
        matches!(self, Self::Broken | Self::Busy | Self::Unreadable)
    }

    /// Whether a new log-in may help. A token names the state of etcd that it was made in: one that
    /// was rolled back waits for that state to come, and gives no answer.
    pub(super) const fn may_be_of_the_token(&self) -> bool {
        matches!(self, Self::Token | Self::Broken)
    }

    /// The same in a few words, for `/readyz`.
    pub(super) const fn brief(&self) -> &'static str {
        match self {
            Self::Unreachable => "no connection to etcd",
            Self::Certificate => "etcd's certificate is not accepted",
            Self::Broken => "etcd does not answer in time",
            Self::Busy => "etcd has no leader, or is overloaded",
            Self::Credentials => "etcd does not know the user or its password",
            Self::Anonymous => "etcd asks for a user",
            Self::AuthenticationOff => "etcd has authentication switched off",
            Self::Token => "etcd does not know the log-in",
            Self::Denied => "etcd's user may not do this",
            Self::NoSpace => "etcd's space is used up",
            Self::TooLarge => "too large for etcd",
            Self::Compacted => "etcd has compacted what was asked for",
            Self::Exists => "it is there already",
            Self::Unreadable => "what answers is no etcd",
            Self::Refused { .. } => "etcd refuses",
        }
    }
}

/// Of a text that etcd gives, in characters.
const LONGEST: usize = 200;

fn is_about_certificates(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    // An I/O error hides what it wraps, and may wrap another one.
    let wrapped = error.downcast_ref::<io::Error>();
    let wrapped = wrapped.and_then(io::Error::get_ref);
    wrapped.is_some_and(|inner| is_about_certificates(inner))
        || error.source().is_some_and(is_about_certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_meaning() {
        let of = |code, message: &str| {
            EtcdError::of_refusal(&Refusal {
                code,
                message: message.to_owned(),
            })
        };
        for (code, message, wanted) in [
            (7, "etcdserver: permission denied", EtcdError::Denied),
            (16, "etcdserver: invalid auth token", EtcdError::Token),
            (3, "etcdserver: user name is empty", EtcdError::Anonymous),
            (
                3,
                "etcdserver: authentication failed, invalid user ID or password",
                EtcdError::Credentials,
            ),
            (3, "etcdserver: request is too large", EtcdError::TooLarge),
            (
                3,
                "etcdserver: revision of auth store is old",
                EtcdError::Token,
            ),
            (
                9,
                "etcdserver: authentication is not enabled",
                EtcdError::AuthenticationOff,
            ),
            (
                8,
                "etcdserver: mvcc: database space exceeded",
                EtcdError::NoSpace,
            ),
            (8, "etcdserver: too many requests", EtcdError::Busy),
            (
                8,
                "grpc: received message larger than max (5 vs. 4)",
                EtcdError::TooLarge,
            ),
            (
                11,
                "etcdserver: mvcc: required revision has been compacted",
                EtcdError::Compacted,
            ),
            (14, "etcdserver: no leader", EtcdError::Busy),
        ] {
            assert_eq!(of(code, message), wanted, "{message}");
        }
        let long = of(2, &"x".repeat(10_000));
        assert!(matches!(long, EtcdError::Refused { code: 2, message } if message.len() == 200));
    }
}

//! What a question was answered with, before it is judged.

use std::io;

use crate::domain::{Code, RegionId};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Rest(Rest),
    Session(Session),
}

/// Of an HTTP answer what matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    pub status: u16,
    /// `Domicile-Code`, which only a gateway's own answer has (SPEC 6.5): it is taken out of a
    /// data centre's.
    pub code: Option<Said<Code>>,
    /// `Domicile-Region`, likewise.
    pub region: Option<Said<RegionId>>,
}

/// Of a PROVISION answer what matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// `Status.error_code`; the SDKs take an absent one for 0.
    pub status: i32,
    /// What `Status.reason` begins with, where that is a code.
    pub code: Option<Code>,
    /// Whether the other end has ended the session then, with 1008 where that can be said.
    pub ended: bool,
}

/// A word from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<T> {
    Known(T),
    /// None of this version's words.
    Other,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    #[error("has no TLS: only what clients on the internet can use is asked")]
    Plain,
    #[error("cannot be connected to")]
    Connect(#[source] io::Error),
    #[error("its host is no name that a certificate can carry")]
    Name,
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("did not answer in time")]
    TooSlow,
    #[error("the HTTP exchange broke off")]
    Http(#[source] hyper::Error),
    #[error("did not agree to speak WebSocket: status {0}")]
    NoWebsocket(u16),
    #[error("ended the session without an answer")]
    Silent,
    #[error("the session broke off")]
    Broken(#[source] io::Error),
    #[error("answered with what is not MSYNC")]
    NotMsync,
    #[error("no randomness is available here")]
    Randomness,
}

impl<T> Said<T> {
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(word) => Some(word),
            Self::Other => None,
        }
    }
}

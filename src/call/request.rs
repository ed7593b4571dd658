//! A REST call on its way through the gateway.

use std::fmt::Debug;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use access_token::Token;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::classify::Asked;
use super::coming::Coming;
use crate::domain::{AppId, AppKey, BearerToken};
use crate::observe::{RequestId, TraceContext};
use crate::registry::Addressed;

/// A classified request. From here on it travels inside the proofs of what was found of it.
#[derive(Debug)]
pub struct Call {
    pub head: Parts,
    pub body: CallBody,
    pub asked: Asked,
    pub peer: Peer,
    pub id: RequestId,
    pub trace: TraceContext,
}

/// Who is at the other end of a client's connection.
#[derive(Debug, Clone)]
pub struct Peer {
    pub ip: IpAddr,
    /// The client's address, as a trusted proxy gave it or as the connection has it.
    pub address: HeaderValue,
    /// Whether the connection comes from a trusted proxy, whose forwarding headers are believed.
    pub trusted: bool,
}

impl Peer {
    pub fn new(address: IpAddr, trusted: bool) -> Self {
        let text = address.to_canonical().to_string();
        Self {
            ip: address,
            // An address is visible ASCII.
            address: HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")),
            trusted,
        }
    }

    /// With whom a trusted proxy says that it came from, in front.
    #[must_use]
    pub fn coming_from(self, before: &HeaderValue) -> Self {
        let all = [before.as_bytes(), self.address.as_bytes()].join(&b", "[..]);
        Self {
            address: HeaderValue::from_bytes(&all).unwrap_or(self.address),
            ..self
        }
    }
}

/// A request's body: unread, on its way here, or whole: it came so, or was read by the gate.
#[derive(Debug)]
pub enum CallBody {
    Unread(Unread),
    Coming(Coming),
    Read(Bytes),
}

/// A body that hyper reads from the client.
#[derive(Debug)]
pub struct Unread {
    body: Incoming,
    /// What is kept for as long as there may be more of it.
    _held: Option<Held>,
}

/// Whatever is to end with a body.
pub type Held = Box<dyn Debug + Send + Sync>;

impl Unread {
    /// `held` is made for a body that is not empty.
    pub fn new(body: Incoming, held: impl FnOnce() -> Held) -> Self {
        let held = (!body.is_end_stream()).then(held);
        Self { body, _held: held }
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Call {
    /// The first value of a header. A look at the few names of a head costs less than a look-up.
    pub fn field(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut fields = self.head.headers.iter();
        fields.find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The `Authorization` header as a bearer token (RFC 6750 section 2.1), if it is one.
    pub fn bearer(&self) -> Option<Option<BearerToken<'_>>> {
        let value = self.field(&header::AUTHORIZATION)?;
        Some(bearer(value))
    }
}

fn bearer(value: &HeaderValue) -> Option<BearerToken<'_>> {
    let bytes = value.as_bytes();
    let (scheme, rest) = bytes.split_at(bytes.iter().position(|b| *b == b' ')?);
    let start = rest.iter().position(|b| *b != b' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer");
    is_bearer.then_some(BearerToken::unread(&rest[start..]))
}

/// The App ID that a token names, unverified; nothing if it is none of ours to read.
pub fn claimed_app_id(token: BearerToken<'_>) -> Option<AppId> {
    let token = Token::parse(token.expose()?).ok()?;
    AppId::parse(token.app_id()).ok()
}

impl Addressed for Box<Call> {
    fn app_key(&self) -> &AppKey {
        &self.asked.app_key
    }

    /// That of the token: any other in the head would be refused.
    fn likely_app_id(&self) -> Option<AppId> {
        claimed_app_id(self.bearer().flatten()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_an_app_id_without_being_verified() {
        let certificate = "5cfd2fd1755d40ecb72977518be15d3b";
        let named = |app_id: &str| {
            let token = access_token::build_app_token(app_id, certificate, 60, 1, 1).unwrap();
            claimed_app_id(BearerToken::new(&token))
        };
        let id = "970CA35de60c44645bbae8a215061b33";
        assert_eq!(named(id).unwrap().as_str(), id);
        for none in ["", "007", "YWMt1234", "007eJx"] {
            assert_eq!(claimed_app_id(BearerToken::new(none)), None, "{none}");
        }
    }

    #[test]
    fn only_one_bearer_token_is_a_bearer_token() {
        let read = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            bearer(&value)?.expose().map(ToOwned::to_owned)
        };
        assert_eq!(read("Bearer abc=").as_deref(), Some("abc="));
        assert_eq!(read("bearer  abc").as_deref(), Some("abc"));
        for other in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "abc",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a\tb",
            "Bearer \tab",
            "Bearer a\u{e4}b",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}

//! A REST call on its way through the gateway.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, header};
use hyper::body::Incoming;

use super::classify::Asked;
use crate::domain::{AppKey, BearerToken};
use crate::observe::RequestId;
use crate::registry::Addressed;

/// A classified request. From here on it travels inside the proofs of what was found of it.
#[derive(Debug)]
pub struct Call {
    pub head: Parts,
    pub body: CallBody,
    pub asked: Asked,
    pub peer: Peer,
    pub id: RequestId,
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

/// A request's body: unread, or read by the gate.
#[derive(Debug)]
pub enum CallBody {
    Unread(Incoming),
    Read(Bytes),
}

impl Call {
    /// The `Authorization` header as a bearer token (RFC 6750 section 2.1), if it is one.
    pub fn bearer(&self) -> Option<Option<BearerToken<'_>>> {
        let value = self.head.headers.get(header::AUTHORIZATION)?;
        Some(bearer(value))
    }
}

fn bearer(value: &HeaderValue) -> Option<BearerToken<'_>> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    let odd = token.bytes().any(|b| matches!(b, b' ' | b'\t' | b','));
    let plain = !token.is_empty() && !odd;
    (scheme.eq_ignore_ascii_case("bearer") && plain).then_some(BearerToken::new(token))
}

impl Addressed for Box<Call> {
    fn app_key(&self) -> AppKey {
        self.asked.app_key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_bearer_token_is_a_bearer_token() {
        let read = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            bearer(&value).map(|token| token.expose().to_owned())
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
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}

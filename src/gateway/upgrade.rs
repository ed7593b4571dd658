//! The WebSocket upgrade of an SDK (RFC 6455 section 4.2). It names no App: who comes is decided by
//! the first message.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use websocket::handshake;

/// What a trusted proxy says of who came to it, on its way from the upgrade to the session: with the
/// answer.
#[derive(Debug, Clone)]
pub struct ForwardedFor(pub HeaderValue);

impl ForwardedFor {
    /// All values as one; nothing if there are none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(FORWARDED_FOR).iter();
        let values: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
        let all = HeaderValue::from_bytes(&values.join(&b", "[..])).ok()?;
        (!all.is_empty()).then_some(Self(all))
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The answer to a valid upgrade; `None` to any other request. No extension is ever accepted.
pub(super) fn accept(head: &Parts) -> Option<Response<Bytes>> {
    let headers = &head.headers;
    let opens = head.method == Method::GET
        && head.version == Version::HTTP_11
        && has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
        && single(headers, &header::SEC_WEBSOCKET_VERSION) == Some("13")
        && !announces_body(headers);
    let key = single(headers, &header::SEC_WEBSOCKET_KEY)?;
    if !opens || !handshake::is_valid_key(key) {
        return None;
    }
    let accept = HeaderValue::from_str(&handshake::accept_key(key)).ok()?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Some(response)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .any(|value| handshake::has_token(value, token))
}

fn announces_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers
            .get(header::CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        (
            "sec-websocket-extensions",
            "permessage-deflate; client_max_window_bits",
        ),
    ];

    fn head(method: Method, version: Version, fields: &[(&str, &str)]) -> Parts {
        let request = http::Request::builder().method(method).version(version);
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.uri("/websocket").body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_sample_handshake_of_the_rfc_is_answered() {
        let response = accept(&head(Method::GET, Version::HTTP_11, GOOD)).unwrap();
        assert_eq!(response.status(), 101);
        let headers = response.headers();
        assert_eq!(
            headers["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert!(!headers.contains_key("sec-websocket-extensions"));
    }

    #[test]
    fn anything_else_is_no_upgrade() {
        for (method, version) in [
            (Method::POST, Version::HTTP_11),
            (Method::GET, Version::HTTP_10),
            (Method::GET, Version::HTTP_2),
        ] {
            assert!(accept(&head(method, version, GOOD)).is_none());
        }
        for (name, value) in [
            ("connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "dGhlIHNhbXBsZQ=="),
            ("content-length", "1"),
            ("transfer-encoding", "chunked"),
        ] {
            let mut fields: Vec<_> = GOOD.iter().copied().filter(|(n, _)| *n != name).collect();
            fields.push((name, value));
            assert!(
                accept(&head(Method::GET, Version::HTTP_11, &fields)).is_none(),
                "{name}"
            );
        }
        for name in ["sec-websocket-key", "sec-websocket-version"] {
            let twice = GOOD.iter().copied().find(|(n, _)| *n == name);
            let fields: Vec<_> = GOOD.iter().copied().chain(twice).collect();
            assert!(
                accept(&head(Method::GET, Version::HTTP_11, &fields)).is_none(),
                "{name}"
            );
        }
    }
}

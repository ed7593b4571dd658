//! Which header fields go no further, in both directions.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::call::X_APP_ID;

/// Fields that end at each hop (RFC 9110 section 7.6.1), and framing, which is made anew.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "content-length"
    )
}

/// Fields of a request that only the gateway may set, or that would let a data centre read another
/// method or path than was decided on.
fn is_stripped_from_requests(name: &str, trusted: bool) -> bool {
    match name {
        "expect" | "traceparent" | "tracestate" => true,
        "x-http-method-override" | "x-http-method" | "x-method-override" => true,
        "x-original-url" | "x-rewrite-url" | "x-original-host" | "x-host" => true,
        "forwarded" | "x-forwarded-for" => !trusted,
        "x-forwarded-host" | "x-forwarded-proto" | "x-forwarded-port" => true,
        "x-forwarded-server" | "x-forwarded-prefix" | "x-real-ip" => !trusted,
        _ => name.starts_with("domicile-") || (name.starts_with("x-forwarded-") && !trusted),
    }
}

fn is_stripped_from_answers(name: &str) -> bool {
    name == "alt-svc" || name.starts_with("domicile-")
}

/// Whether a server that takes fields as variables (CGI, RFC 3875 section 4.1.18, WSGI and their kin) could read it
/// as one that does not arrive, or that only the gateway may set: there `Domicile_App_Id` and `Domicile.App.Id` are
/// `HTTP_DOMICILE_APP_ID` as well. The gateway itself has read nothing of it.
fn is_look_alike(name: &str) -> bool {
    const MOST: usize = 64;
    let mut folded = [b'-'; MOST];
    // No field of these is so long; but a prefix of them may be all that is asked for.
    for (to, byte) in folded.iter_mut().zip(name.bytes()) {
        if byte.is_ascii_alphanumeric() {
            *to = byte;
        }
    }
    let folded = str::from_utf8(&folded[..name.len().min(MOST)]).unwrap_or_default();
    folded == X_APP_ID.as_str() || is_hop_by_hop(folded) || is_stripped_from_requests(folded, false)
}

/// Whether every byte is a letter, a digit or `-`, as in every field that is registered.
fn is_plain(name: &str) -> bool {
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'-';
    !name.bytes().fold(false, |seen, byte| seen | odd(byte))
}

/// Trailers may carry neither framing nor what only the gateway may say.
pub(super) fn is_refused_trailer(name: &HeaderName) -> bool {
    let name = name.as_str();
    is_hop_by_hop(name)
        || is_stripped_from_answers(name)
        || matches!(
            name,
            "location" | "content-location" | "refresh" | "link" | "host"
        )
}

/// What of a request may not reach the data centre, but for the `Host`, which is its own there.
pub(super) struct Stripping {
    nominated: Vec<HeaderName>,
    trusted: bool,
}

impl Stripping {
    /// `trusted`: the peer's forwarding fields are believed.
    pub fn of_requests(headers: &HeaderMap, trusted: bool) -> Self {
        let connection = headers.iter().filter(|(n, _)| **n == header::CONNECTION);
        Self {
            nominated: connection
                .flat_map(|(_, value)| nominated(value))
                .filter(|name| headers.contains_key(name))
                .collect(),
            trusted,
        }
    }

    pub fn takes(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        is_hop_by_hop(text)
            || is_stripped_from_requests(text, self.trusted)
            || self.nominated.contains(name)
            || (!is_plain(text) && is_look_alike(text))
    }
}

/// Removes what may not reach the client.
pub(super) fn clean_answer(headers: &mut HeaderMap) {
    let mut gone = Vec::new();
    for (name, value) in &*headers {
        if is_hop_by_hop(name.as_str()) || is_stripped_from_answers(name.as_str()) {
            if *name == header::CONNECTION {
                gone.extend(nominated(value));
            }
            gone.push(name.clone());
        }
    }
    for name in gone {
        headers.remove(name);
    }
}

/// The fields that a `Connection` names as belonging to this hop only.
fn nominated(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    let options = Some(value).filter(|value| !is_persistence(value.as_bytes()));
    let options = options.and_then(|value| value.to_str().ok());
    let options = options.into_iter().flat_map(|text| text.split(','));
    let options = options.map(str::trim);
    let names = options.filter(|option| !is_persistence(option.as_bytes()));
    names.filter_map(|name| HeaderName::try_from(name).ok())
}

/// What `Connection` says of the connection itself.
fn is_persistence(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: &[&'static str]) -> HeaderMap {
        let pair = |n: &&'static str| (HeaderName::from_static(n), HeaderValue::from_static("x"));
        names.iter().map(pair).collect()
    }

    fn carried(headers: &HeaderMap, trusted: bool) -> Vec<&str> {
        let stripping = Stripping::of_requests(headers, trusted);
        let names = headers.keys().filter(|name| !stripping.takes(name));
        names.map(HeaderName::as_str).collect()
    }

    fn left(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn requests_keep_what_is_theirs() {
        let mut map = headers(&[
            "accept",
            "authorization",
            "domicile-app-id",
            "domicile-gateway-secret",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "expect",
            "content-length",
            "transfer-encoding",
            "te",
            "x-http-method-override",
            "x-original-url",
            "x-secret",
        ]);
        map.insert("connection", HeaderValue::from_static("close, X-Secret"));
        assert_eq!(carried(&map, false), ["accept", "authorization"]);
    }

    #[test]
    fn a_trusted_proxys_address_is_believed_but_not_its_host() {
        let map = headers(&["x-forwarded-for", "x-forwarded-host", "domicile-zone"]);
        assert_eq!(carried(&map, true), ["x-forwarded-for"]);
    }

    /// Control: `is_look_alike`.
    #[test]
    fn what_a_data_centre_may_take_for_the_gateways_own_does_not_arrive() {
        let map = headers(&[
            "domicile_app_id",
            "domicile.zone",
            "domicile_gateway-secret",
            "domicile-app_id",
            "x_app_id",
            "x_forwarded_for",
            "x~forwarded-host",
            "x_http_method_override",
            "x_original_url",
            "transfer_encoding",
            "content_length",
            "x_forwarded_anything_that_is_longer_than_any_field_whose_name_is_known_here",
        ]);
        for trusted in [false, true] {
            assert_eq!(carried(&map, trusted), [""; 0]);
        }
        let others = headers(&["x_custom", "my.field", "x_app_idea", "domicil_e"]);
        assert_eq!(carried(&others, false).len(), others.len());
    }

    #[test]
    fn answers_cannot_forge_the_gateways_marks() {
        let mut map = headers(&["content-type", "alt-svc", "domicile-code", "keep-alive"]);
        clean_answer(&mut map);
        assert_eq!(left(&map), ["content-type"]);
    }
}

//! What an answer may point to (SPEC 6.6): this region's endpoints, and nothing else.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::headers;
use crate::config::{Endpoint, Region, Upstream};

/// The places that an answer of this region may name.
#[derive(Debug)]
pub struct References {
    endpoints: Vec<(String, u16)>,
    /// `https://host[:port]` of the first REST endpoint, in place of an upstream's own name.
    base: String,
    /// `host[:port]` of that endpoint.
    authority: HeaderValue,
}

/// A header of the answer names another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer's {0} points outside this region")]
pub struct CrossRegionReference(pub &'static str);

/// Cuts a header's value into its pieces.
type Split = fn(&str) -> Vec<Part<'_>>;

const REFERRING: [(HeaderName, &str, Split); 4] = [
    (header::LOCATION, "location", whole),
    (header::CONTENT_LOCATION, "content-location", whole),
    (header::REFRESH, "refresh", refresh),
    (header::LINK, "link", link),
];

fn is_referring(name: &HeaderName) -> bool {
    REFERRING.iter().any(|(header, ..)| header == name)
}

/// A piece of a header's value: text to keep, or a reference to judge.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Reference(&'a str),
}

impl References {
    pub fn new(region: &Region) -> Self {
        let all = [
            &region.rest,
            &region.websocket,
            &region.msync,
            &region.admin,
        ];
        let endpoints = all.into_iter().flatten();
        let authority = region.rest.first().map(authority).unwrap_or_default();
        Self {
            endpoints: endpoints.map(|e| (e.host.clone(), e.port)).collect(),
            base: format!("https://{authority}"),
            authority: HeaderValue::try_from(authority).unwrap_or(HeaderValue::from_static("")),
        }
    }

    /// What the data centre is told to be reached as.
    pub const fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Cleans an answer's head, and rewrites references to the upstream itself.
    ///
    /// # Errors
    /// When a header names a host and port that are neither this region's nor the upstream's.
    pub fn filter(
        &self,
        answer: &mut HeaderMap,
        upstream: &Upstream,
    ) -> Result<(), CrossRegionReference> {
        headers::clean_answer(answer);
        if !answer.keys().any(is_referring) {
            return Ok(());
        }
        for (header, name, split) in &REFERRING {
            if answer.contains_key(header) {
                let refused = CrossRegionReference(name);
                self.judge(answer, header, *split, upstream)
                    .ok_or(refused)?;
            }
        }
        Ok(())
    }

    /// Judges every value of a header; nothing when one leads elsewhere.
    fn judge(
        &self,
        answer: &mut HeaderMap,
        header: &HeaderName,
        split: Split,
        upstream: &Upstream,
    ) -> Option<()> {
        let values: Vec<HeaderValue> = answer.get_all(header).iter().cloned().collect();
        answer.remove(header);
        for value in values {
            let text = value.to_str().ok()?;
            let judged = self.rewritten(&split(text), upstream)?;
            answer.append(header, HeaderValue::try_from(judged).ok()?);
        }
        Some(())
    }

    fn rewritten(&self, parts: &[Part<'_>], upstream: &Upstream) -> Option<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Reference(reference) => match self.place(reference, upstream)? {
                    Place::Here => out.push_str(reference),
                    Place::Upstream { rest } => {
                        out.push_str(&self.base);
                        out.push_str(rest);
                    }
                },
            }
        }
        Some(out)
    }

    /// Where a reference leads; `None`: elsewhere, or it can be read in two ways.
    fn place<'a>(&self, reference: &'a str, upstream: &Upstream) -> Option<Place<'a>> {
        // Browsers read `\` as `/` and drop tabs and line ends.
        if reference.contains('\\') || reference.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return None;
        }
        let Some((scheme, rest)) = authority_of(reference)? else {
            return Some(Place::Here);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = host_and_port(authority, scheme)?;
        let is = |h: &str, p: u16| h.eq_ignore_ascii_case(&host) && p == port;
        if self.endpoints.iter().any(|(h, p)| is(h, *p)) {
            Some(Place::Here)
        } else if is(&upstream.host, upstream.port) {
            Some(Place::Upstream { rest })
        } else {
            None
        }
    }
}

enum Place<'a> {
    Here,
    Upstream { rest: &'a str },
}

/// `host[:port]`, the port only where it isn't the scheme's default.
fn authority(endpoint: &Endpoint) -> String {
    match endpoint.port {
        443 => endpoint.host.clone(),
        port => format!("{}:{port}", endpoint.host),
    }
}

/// The scheme and what follows `//` in a reference; `Some(None)` when it names no authority.
fn authority_of(reference: &str) -> Option<Option<(Option<&str>, &str)>> {
    if let Some(rest) = reference.strip_prefix("//") {
        return Some(Some((None, rest)));
    }
    let colon = reference.find([':', '/', '?', '#']);
    let Some(colon) = colon.filter(|at| reference[*at..].starts_with(':')) else {
        return Some(None);
    };
    let (scheme, rest) = reference.split_at(colon);
    match rest[1..].strip_prefix("//") {
        Some(rest) => Some(Some((Some(scheme), rest))),
        // `https:host` is read as `https://host` by browsers.
        None if default_port(scheme).is_some() => None,
        None => Some(None),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    let schemes = [
        ("https", 443),
        ("http", 80),
        ("wss", 443),
        ("ws", 80),
        ("ftp", 21),
    ];
    let found = schemes.iter().find(|(s, _)| s.eq_ignore_ascii_case(scheme));
    found.map(|(_, port)| *port)
}

/// The host (without brackets) and the port, which without a scheme is that of this listener.
fn host_and_port(authority: &str, scheme: Option<&str>) -> Option<(String, u16)> {
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None | Some("") => default_port(scheme.unwrap_or("https"))?,
        Some(digits) => digits.parse().ok()?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_ascii_lowercase(), port))
}

fn whole(value: &str) -> Vec<Part<'_>> {
    vec![Part::Reference(value)]
}

/// `5`, `5; url=…`, `5;…` (the HTML standard's reading: `url=` and quotes are optional).
fn refresh(value: &str) -> Vec<Part<'_>> {
    let after_time = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    let target = after_time.trim_start_matches([';', ',', ' ', '\t']);
    let target = strip_url(target).unwrap_or(target);
    let target = target.trim_start_matches(['"', '\'']);
    let start = value.len() - target.len();
    let end = target.find(['"', '\'']).unwrap_or(target.len());
    vec![
        Part::Text(&value[..start]),
        Part::Reference(target[..end].trim_end()),
        Part::Text(&target[end..]),
    ]
}

fn strip_url(text: &str) -> Option<&str> {
    let head = text.get(..3).filter(|h| h.eq_ignore_ascii_case("url"))?;
    let rest = text[head.len()..].trim_start();
    rest.strip_prefix('=').map(str::trim_start)
}

/// Every `<…>` of a Link (RFC 8288), and every other word with a `//` in it.
fn link(value: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('<') {
        words(before, &mut parts);
        parts.push(Part::Text("<"));
        let end = after.find('>').unwrap_or(after.len());
        parts.push(Part::Reference(&after[..end]));
        rest = &after[end..];
    }
    words(rest, &mut parts);
    parts
}

fn words<'a>(text: &'a str, parts: &mut Vec<Part<'a>>) {
    for word in text.split_inclusive(['"', '\'', ' ', ';', ',', '=', '>']) {
        let bare = word.trim_end_matches(['"', '\'', ' ', ';', ',', '=', '>']);
        if bare.contains("//") || bare.contains('\\') {
            parts.push(Part::Reference(bare));
        } else {
            parts.push(Part::Text(bare));
        }
        parts.push(Part::Text(&word[bare.len()..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scheme;
    use crate::domain::{RegionId, ZoneId};

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint {
            text: String::new(),
            host: host.into(),
            port,
        }
    }

    fn references() -> References {
        References::new(&Region {
            id: RegionId::parse("frankfurt").unwrap(),
            location: String::new(),
            service_area: String::new(),
            zones: vec![ZoneId::parse("fra1").unwrap()],
            rest: vec![endpoint("a71.example", 443)],
            websocket: vec![endpoint("ws71.example", 443)],
            msync: vec![],
            admin: vec![endpoint("admin71.example", 9443)],
            pin_keys: vec![],
        })
    }

    fn upstream() -> Upstream {
        Upstream {
            scheme: Scheme::Tls,
            host: "10.71.0.10".into(),
            port: 8443,
            path: "/".into(),
        }
    }

    fn filtered(name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::try_from(value).unwrap());
        references().filter(&mut headers, &upstream()).ok()?;
        Some(headers[name].to_str().unwrap().to_owned())
    }

    #[test]
    fn references_to_this_region_pass() {
        for (name, value) in [
            ("location", "/acme/chat/users"),
            ("location", "users?x=http://elsewhere.example/"),
            ("location", "https://a71.example/x"),
            ("location", "https://A71.example:443/x"),
            ("location", "//a71.example/x"),
            ("location", "wss://ws71.example/websocket"),
            ("content-location", "https://admin71.example:9443/x"),
            ("refresh", "5"),
            ("refresh", "5; url=https://a71.example/x"),
            ("refresh", "0;URL='/x'"),
            ("link", "</style.css>; rel=preload; as=style"),
            (
                "link",
                r#"<https://a71.example/1>; rel="next", </2>; rel="prev""#,
            ),
        ] {
            assert_eq!(
                filtered(name, value).as_deref(),
                Some(value),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn references_elsewhere_do_not_pass() {
        for (name, value) in [
            ("location", "https://a61.example/x"),
            ("location", "http://a71.example/x"),
            ("location", "https://a71.example:8443/x"),
            ("location", "//a61.example/x"),
            ("location", "https://a71.example@a61.example/"),
            ("location", "https://a71.example.evil.example/"),
            ("location", "/\\a61.example/x"),
            ("location", "\\\\a61.example/x"),
            ("location", "https:a61.example/x"),
            ("location", "https:/a61.example/x"),
            ("location", "https:///a61.example/x"),
            ("location", "ftp://a71.example/x"),
            ("location", "gopher://a71.example/x"),
            ("location", "ht\ttps://a61.example/"),
            ("location", "https://a71.example\t.a61.example/"),
            ("content-location", "https://a61.example/x"),
            ("refresh", "5; url=https://a61.example/x"),
            ("refresh", "0;URL = \"//a61.example/x\""),
            ("refresh", "0; https://a61.example/x"),
            ("refresh", "0,url=https://a61.example/x"),
            ("link", "<https://a61.example/1>; rel=next"),
            ("link", "</1>; rel=prev, <//a61.example/1>; rel=next"),
            ("link", r#"</1>; rel=prev; anchor="https://a61.example/""#),
            ("link", "<https://a61.example/1"),
        ] {
            assert_eq!(filtered(name, value), None, "{name}: {value}");
        }
    }

    #[test]
    fn the_upstreams_own_name_is_rewritten() {
        for (name, value, expected) in [
            (
                "location",
                "https://10.71.0.10:8443/x?y#z",
                "https://a71.example/x?y#z",
            ),
            ("location", "//10.71.0.10:8443", "https://a71.example"),
            (
                "link",
                "<https://10.71.0.10:8443/1>; rel=next, </2>; rel=prev",
                "<https://a71.example/1>; rel=next, </2>; rel=prev",
            ),
            (
                "refresh",
                "5; url=https://10.71.0.10:8443/x",
                "5; url=https://a71.example/x",
            ),
        ] {
            assert_eq!(
                filtered(name, value).as_deref(),
                Some(expected),
                "{name}: {value}"
            );
        }
        assert_eq!(filtered("location", "https://10.71.0.10:9999/x"), None);
    }

    #[test]
    fn every_value_of_a_header_is_judged() {
        let mut headers = HeaderMap::new();
        headers.append("location", HeaderValue::from_static("/x"));
        headers.append("location", HeaderValue::from_static("https://a61.example/"));
        let error = references().filter(&mut headers, &upstream());
        assert_eq!(error, Err(CrossRegionReference("location")));
    }
}

//! The URLs of a configuration: a scheme, a host, a port and at most a path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: String,
    /// A name or an IP literal without brackets, lower case.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// With its leading slash; empty when there is none.
    pub(super) path: String,
}

/// Why a text is not a URL for here. It never shows the text: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UrlError {
    #[error("has no scheme")]
    Scheme,
    #[error("has a character that doesn't belong in a URL")]
    Character,
    #[error("has a user name or password in it")]
    UserInfo,
    #[error("has a query")]
    Query,
    #[error("has a fragment")]
    Fragment,
    #[error("has no valid host")]
    Host,
    #[error("has no valid port")]
    Port,
}

/// `scheme://host[:port][/path]`
pub(super) fn url(text: &str) -> Result<Url, UrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
    if !text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    {
        return Err(UrlError::Character);
    }
    if rest.contains('#') {
        return Err(UrlError::Fragment);
    }
    if rest.contains('?') {
        return Err(UrlError::Query);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority_of(authority)?;
    Ok(Url {
        scheme: scheme.to_ascii_lowercase(),
        host,
        port,
        path: path.to_owned(),
    })
}

/// `host[:port]`, the host in lower case and without brackets.
pub(super) fn authority_of(text: &str) -> Result<(String, Option<u16>), UrlError> {
    if text.contains('@') {
        return Err(UrlError::UserInfo);
    }
    // The last colon, unless it is inside the brackets of an IPv6 literal.
    let colon = text
        .rfind(':')
        .filter(|colon| !text[*colon..].contains(']'));
    let Some(colon) = colon else {
        return Ok((host(text).ok_or(UrlError::Host)?, None));
    };
    let host = host(&text[..colon]).ok_or(UrlError::Host)?;
    Ok((host, Some(port(&text[colon + 1..]).ok_or(UrlError::Port)?)))
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// A name, an IPv4 literal or an IPv6 literal in brackets: lower case, without the brackets, and
/// IPv4-mapped addresses unmapped.
fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(IpAddr::V6(address).to_canonical().to_string());
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(address.to_string());
    }
    name(text)
}

/// A host name (RFC 1123) in lower case. One that ends in a number is none: it could be read as an
/// IPv4 address in an old form (`10.1`, `0x7f.1`).
pub(super) fn name(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (_, last) = lower.rsplit_once('.').unwrap_or(("", &lower));
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    let fits = lower.len() <= 253 && lower.split('.').all(is_label) && !numeric;
    fits.then_some(lower)
}

fn is_label(label: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a host stays on this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    let name = host == "localhost" || host.ends_with(".localhost");
    address.map_or(name, |address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, scheme, host, port, path) in [
            (
                "https://10.71.0.10:8443",
                "https",
                "10.71.0.10",
                Some(8443),
                "",
            ),
            (
                "WSS://A.Example.COM/websocket",
                "wss",
                "a.example.com",
                None,
                "/websocket",
            ),
            ("tls://[FD00::1]:6717", "tls", "fd00::1", Some(6717), ""),
            ("tcp://[::ffff:10.0.0.1]:1", "tcp", "10.0.0.1", Some(1), ""),
            ("https://localhost/", "https", "localhost", None, "/"),
        ] {
            let expected = Url {
                scheme: scheme.into(),
                host: host.into(),
                port,
                path: path.into(),
            };
            assert_eq!(url(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_plainly_a_host_and_a_path_is_refused() {
        for (text, error) in [
            ("10.71.0.10:8443", UrlError::Scheme),
            ("https://user:password@a", UrlError::UserInfo),
            ("https://a/b?c=d", UrlError::Query),
            ("https://a/#b", UrlError::Fragment),
            ("https://", UrlError::Host),
            ("https:///path", UrlError::Host),
            ("https://a b", UrlError::Character),
            ("https://é", UrlError::Character),
            ("https://a\\b", UrlError::Character),
            ("https://a..b", UrlError::Host),
            ("https://a.", UrlError::Host),
            ("https://*.a", UrlError::Host),
            ("https://-a", UrlError::Host),
            ("https://10.1", UrlError::Host),
            ("https://2130706433", UrlError::Host),
            ("https://0x7f.0x1", UrlError::Host),
            ("https://010.0.0.1", UrlError::Host),
            ("https://fd00::1", UrlError::Host),
            ("https://[fd00::1", UrlError::Host),
            ("https://[fe80::1%25eth0]", UrlError::Host),
            ("https://a:0", UrlError::Port),
            ("https://a:", UrlError::Port),
            ("https://a:+1", UrlError::Port),
            ("https://a:65536", UrlError::Port),
        ] {
            assert_eq!(url(text), Err(error), "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for host in ["127.9.0.1", "::1", "localhost", "frankfurt.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "::2", "localhost.example.com", "notlocalhost"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = (url(&text), authority_of(&text), name(&text));
            let _ = url(&format!("https://{text}"));
        }
    }
}

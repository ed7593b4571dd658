//! The Host of a request, and the names of this region.

/// The host of an authority, without its port (RFC 3986 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a>(&'a str);

/// The text is no `host` or `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Host is not host or host:port")]
pub struct HostError;

impl<'a> Host<'a> {
    /// # Errors
    /// When `authority` has user information, a port that is no number, or no host.
    pub fn parse(authority: &'a str) -> Result<Self, HostError> {
        let bytes = authority.as_bytes();
        let end = match bytes.first() {
            // An IPv6 literal keeps its brackets.
            Some(b'[') => literal(authority)?,
            _ => bytes
                .iter()
                .position(|b| !OF_HOSTS[usize::from(*b)])
                .unwrap_or(bytes.len()),
        };
        let (host, rest) = authority.split_at_checked(end).ok_or(HostError)?;
        if host.is_empty() || !is_port(rest.as_bytes()) {
            return Err(HostError);
        }
        Ok(Self(host))
    }

    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Which bytes a host may have, beside the colons of an IPv6 literal.
const OF_HOSTS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']');
        byte += 1;
    }
    table
};

/// Where an IPv6 literal ends, behind its bracket.
fn literal(authority: &str) -> Result<usize, HostError> {
    let end = authority.find(']').ok_or(HostError)? + 1;
    let of_literal = |b: &u8| *b == b':' || OF_HOSTS[usize::from(*b)];
    let is_plain = authority.as_bytes()[..end].iter().all(of_literal);
    is_plain.then_some(end).ok_or(HostError)
}

/// Nothing, or a colon and a number. A second colon is no digit.
fn is_port(rest: &[u8]) -> bool {
    match rest.split_first() {
        None => true,
        Some((b':', port)) => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

/// The names of this region: what a TLS server name and a Host may be.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

impl Names {
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let lower = names.into_iter().map(|n| n.to_ascii_lowercase());
        Self(lower.collect())
    }

    /// Compared without regard to ASCII case; ports play no part.
    pub fn contains(&self, host: &str) -> bool {
        self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_left_out() {
        for (text, host) in [
            ("a.example", "a.example"),
            ("a.example:8443", "a.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("a.example:", "a.example"),
        ] {
            assert_eq!(Host::parse(text).map(|h| h.0), Ok(host), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in [
            "",
            ":80",
            "user@a.example",
            "a.example:80:80",
            "a.example:http",
            "a.example:123456",
            "[::1",
            "[::1]x",
            "a.example/x",
            "a.example, b.example",
            "a b",
        ] {
            assert_eq!(Host::parse(bad), Err(HostError), "{bad}");
        }
    }

    #[test]
    fn names_match_without_case_and_never_by_a_part() {
        let names = Names::new(["A71.chat.example.com".to_owned()]);
        assert!(names.contains("a71.CHAT.example.com"));
        for other in [
            "chat.example.com",
            "xa71.chat.example.com",
            "a71.chat.example.com.",
        ] {
            assert!(!names.contains(other), "{other}");
        }
    }
}

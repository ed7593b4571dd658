//! `org#app`, the name of an App in paths.

use std::fmt;

/// An AppKey that follows the grammar of both halves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AppKey {
    org: String,
    app: String,
}

impl AppKey {
    /// `None` when a half breaks the grammar or the org is reserved.
    pub(crate) fn new(org: &str, app: &str) -> Option<AppKey> {
        let valid = is_half(org) && is_half(app) && !is_reserved(org);
        valid.then(|| AppKey {
            org: org.to_owned(),
            app: app.to_owned(),
        })
    }

    pub(crate) fn org(&self) -> &str {
        &self.org
    }

    pub(crate) fn app(&self) -> &str {
        &self.app
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.org, self.app)
    }
}

fn is_half(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    first && rest && text.len() <= 64
}

/// First path segments that mean something else than an org. Names are unique under case folding, so
/// another spelling of one is reserved as well.
fn is_reserved(org: &str) -> bool {
    RESERVED.iter().any(|name| org.eq_ignore_ascii_case(name))
}

const RESERVED: [&str; 6] = ["api", "easemob", "management", "websocket", "v1", "healthz"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_both_halves_is_kept() {
        assert_eq!(
            AppKey::new("7111", "a_b-C").unwrap().to_string(),
            "7111#a_b-C"
        );
        let long = "a".repeat(65);
        for (org, app) in [
            ("", "a"),
            ("a", ""),
            ("-a", "b"),
            ("a", "_b"),
            ("a#b", "c"),
            ("é", "b"),
            (&long, "b"),
        ] {
            assert_eq!(AppKey::new(org, app), None, "{org} {app}");
        }
    }

    #[test]
    fn reserved_orgs_are_no_apps() {
        assert_eq!(AppKey::new("api", "sdk"), None);
        assert_eq!(AppKey::new("Management", "token"), None);
        assert!(AppKey::new("apis", "api").is_some());
    }
}

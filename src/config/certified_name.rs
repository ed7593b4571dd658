//! The names that a certificate is for.

use std::net::IpAddr;

use x509_parser::prelude::{GeneralName, X509Certificate};

/// A name or an address that a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertifiedName {
    /// Lower case, perhaps with `*` in its first label.
    Dns(String),
    Address(IpAddr),
    Uri(String),
    /// The subject's common name, which only old clients still look at.
    Common(String),
}

pub(super) fn certified_names(leaf: &X509Certificate<'_>) -> Vec<CertifiedName> {
    let extension = leaf.subject_alternative_name().ok().flatten();
    let names = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let common = leaf.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok());
    names
        .filter_map(certified_name)
        .chain(common.map(|name| CertifiedName::Common(plain(name))))
        .collect()
}

fn certified_name(name: &GeneralName<'_>) -> Option<CertifiedName> {
    match name {
        GeneralName::DNSName(name) => Some(CertifiedName::Dns(plain(name))),
        GeneralName::IPAddress(bytes) => address(bytes).map(CertifiedName::Address),
        GeneralName::URI(uri) => Some(CertifiedName::Uri((*uri).to_owned())),
        _ => None,
    }
}

/// Lower case, without the dot that may end a name.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

impl CertifiedName {
    /// Whether every client takes the certificate for this host (RFC 9525: `*` alone is the first
    /// label, and stands for exactly one).
    pub(super) fn covers(&self, host: &str) -> bool {
        match self {
            Self::Address(address) => host.parse() == Ok(address.to_canonical()),
            Self::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            },
            Self::Uri(_) | Self::Common(_) => false,
        }
    }

    /// Whether any client might: some take a `*` inside a label, more than one of them, or the
    /// common name.
    pub(super) fn may_cover(&self, host: &str) -> bool {
        match self {
            Self::Address(_) | Self::Uri(_) => self.covers(host),
            Self::Dns(name) | Self::Common(name) => {
                let (own, other) = (name.split('.'), host.split('.'));
                own.clone().count() == other.clone().count()
                    && own.zip(other).all(|(pattern, label)| fits(pattern, label))
            }
        }
    }
}

/// Whether a label is of a pattern in which `*` stands for any text.
fn fits(pattern: &str, label: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == label;
    };
    let Some(behind) = label.strip_prefix(head) else {
        return false;
    };
    (0..=behind.len()).any(|at| behind.is_char_boundary(at) && fits(rest, &behind[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_what_every_client_takes_it_for_and_may_cover_more() {
        let host = "a1.chat.example.com";
        for (name, covers, may) in [
            ("a1.chat.example.com", true, true),
            ("A1.Chat.Example.Com.", true, true),
            ("*.chat.example.com", true, true),
            ("*.example.com", false, false),
            ("chat.example.com", false, false),
            ("a*.chat.example.com", false, true),
            ("*1.chat.example.com", false, true),
            ("a*1.chat.example.com", false, true),
            ("b*.chat.example.com", false, false),
            ("*.*.example.com", false, true),
            ("*", false, false),
        ] {
            let name = CertifiedName::Dns(plain(name));
            assert_eq!(
                (name.covers(host), name.may_cover(host)),
                (covers, may),
                "{name:?}"
            );
        }
        let common = CertifiedName::Common(plain(host));
        assert_eq!((common.covers(host), common.may_cover(host)), (false, true));
        let address = CertifiedName::Address("10.0.0.1".parse().unwrap());
        assert!(address.may_cover("10.0.0.1") && !address.may_cover("10.0.0.2"));
    }
}

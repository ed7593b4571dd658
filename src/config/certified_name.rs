//! The names that a certificate is for.

use std::net::IpAddr;

use x509_parser::prelude::{GeneralName, X509Certificate};

/// A name or an address that a certificate is for.
pub(super) enum CertifiedName {
    /// Lower case, perhaps with `*` as its first label.
    Dns(String),
    Address(IpAddr),
}

pub(super) fn certified_names(leaf: &X509Certificate<'_>) -> Vec<CertifiedName> {
    let extension = leaf.subject_alternative_name().ok().flatten();
    let names = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    names.filter_map(certified_name).collect()
}

fn certified_name(name: &GeneralName<'_>) -> Option<CertifiedName> {
    match name {
        GeneralName::DNSName(name) => Some(CertifiedName::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => address(bytes).map(CertifiedName::Address),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

impl CertifiedName {
    pub(super) fn covers(&self, host: &str) -> bool {
        match self {
            Self::Address(address) => host.parse() == Ok(address.to_canonical()),
            Self::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            },
        }
    }
}

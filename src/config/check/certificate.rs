//! Certificates at the edge and towards the zones.

use std::net::IpAddr;
use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::config::certificates::{read_certificates, read_chain};
use crate::config::load::Files;
use crate::config::read::Place;
use crate::config::tls::CertificateFiles;
use crate::config::zones::UpstreamTls;
use crate::config::{PemError, RegistryStore};

pub(super) fn check(files: &Files, now: u64) {
    let mut covered = Vec::new();
    for (place, pair) in &files.gateway.tls.certificates {
        if let Some(names) = check_pair(files, place, pair, now) {
            check_names(files, place, &names);
            covered.push(names);
        }
    }
    if covered.len() == files.gateway.tls.certificates.len() && !covered.is_empty() {
        warn_uncovered(files, &covered);
    }
    for (place, zone) in &files.gateway.zones.zones {
        check_upstream(files, &place.key("tls"), &zone.tls, now);
    }
    check_registry(files);
}

fn check_upstream(files: &Files, place: &Place, tls: &UpstreamTls, now: u64) {
    if let Some(ca) = &tls.ca {
        check_trust(files, &place.key("ca"), ca);
    }
    if let (Some(certificate), Some(key)) = (tls.certificate.clone(), tls.key.clone()) {
        check_pair(files, place, &CertificateFiles { certificate, key }, now);
    }
}

fn check_registry(files: &Files) {
    let store = files
        .gateway
        .registry
        .as_ref()
        .map(|registry| &registry.store);
    if let Some(RegistryStore::Etcd { ca: Some(ca), .. }) = store {
        check_trust(files, &Place::of(&["registry", "etcd", "tls", "ca"]), ca);
    }
}

fn check_trust(files: &Files, place: &Place, ca: &Path) {
    let problem = match read_chain(ca) {
        Ok(chain) if chain.iter().all(|ca| X509Certificate::from_der(ca).is_ok()) => return,
        Ok(_) => format!("{}: has a certificate that can't be parsed", ca.display()),
        Err(error) => error.to_string(),
    };
    files
        .document
        .fault(place, problem, "a PEM file of CA certificates");
}

/// Notes what is wrong with a chain and its key at the two places; gives the leaf's names.
fn check_pair(
    files: &Files,
    place: &Place,
    pair: &CertificateFiles,
    now: u64,
) -> Option<Vec<CertifiedName>> {
    let (chain, key) = match read_certificates(pair) {
        Ok(pair) => pair,
        Err(error) => {
            pem_fault(files, place, pair, &error);
            return None;
        }
    };
    let at_certificate = place.key("certificate");
    let leaf = chain
        .first()
        .and_then(|leaf| Some(X509Certificate::from_der(leaf).ok()?.1));
    let Some(leaf) = leaf else {
        let problem = format!("{}: can't be parsed", pair.certificate.display());
        files
            .document
            .fault(&at_certificate, problem, "an X.509 certificate");
        return None;
    };
    check_time(files, &at_certificate, &leaf, now);
    let names = certified_names(&leaf);
    check_key(files, place, chain.clone(), key);
    Some(names)
}

fn pem_fault(files: &Files, place: &Place, pair: &CertificateFiles, error: &PemError) {
    let of_key = error.file() == pair.key && pair.key != pair.certificate;
    let no_key = matches!(error, PemError::NoKey { .. });
    let (field, expected) = if of_key || no_key {
        ("key", "a PEM file with a private key")
    } else {
        (
            "certificate",
            "a PEM file with a certificate chain, the gateway's own first",
        )
    };
    files
        .document
        .fault(&place.key(field), error.to_string(), expected);
}

fn check_key(
    files: &Files,
    place: &Place,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    if let Err(error) = CertifiedKey::from_der(chain, key, &provider) {
        let problem = format!("does not go with the certificate: {error}");
        files.document.fault(
            &place.key("key"),
            problem,
            "the certificate's own private key",
        );
    }
}

/// When a certificate is near its end, in seconds.
const NEAR: i64 = 14 * 86_400;

fn check_time(files: &Files, place: &Place, leaf: &X509Certificate<'_>, now: u64) {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let validity = leaf.validity();
    let (start, end) = (validity.not_before, validity.not_after);
    if end.timestamp() <= now {
        files.document.fault(
            place,
            format!("expired on {end}"),
            "a certificate that is valid",
        );
    } else if start.timestamp() > now {
        files.document.fault(
            place,
            format!("is not valid before {start}"),
            "a certificate that is valid",
        );
    } else if end.timestamp() - now < NEAR {
        files.document.warn(place, format!("expires on {end}"));
    }
}

/// A name or an address that a certificate is for.
enum CertifiedName {
    /// Lower case, perhaps with `*` as its first label.
    Dns(String),
    Address(IpAddr),
}

fn certified_names(leaf: &X509Certificate<'_>) -> Vec<CertifiedName> {
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
    fn covers(&self, host: &str) -> bool {
        match self {
            Self::Address(address) => host.parse() == Ok(address.to_canonical()),
            Self::Dns(name) => match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == host,
            },
        }
    }
}

/// A certificate for another region's name would let this gateway pose as that region.
fn check_names(files: &Files, place: &Place, names: &[CertifiedName]) {
    let place = place.key("certificate");
    let Some(own) = files.names() else {
        return;
    };
    let covers = |host: &str| names.iter().any(|name| name.covers(host));
    if !own.iter().any(|name| covers(name)) {
        let expected = format!("a certificate for {}", own.join(", "));
        files
            .document
            .fault(&place, "is for no name of this region", expected);
    }
    for (region, host) in files.foreign_names() {
        if covers(host) {
            let problem = format!("is for {host} too, a name of {region}");
            files.document.fault(
                &place,
                problem,
                "a certificate for names of this region only",
            );
        }
    }
}

fn warn_uncovered(files: &Files, certificates: &[Vec<CertifiedName>]) {
    let place = Place::of(&["tls", "certificates"]);
    for name in files.names().unwrap_or_default() {
        if !certificates
            .iter()
            .flatten()
            .any(|certified| certified.covers(&name))
        {
            files
                .document
                .warn(&place, format!("no certificate is for {name}"));
        }
    }
}

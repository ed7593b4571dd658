//! Certificates at the edge and towards the zones.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::certificates::{read_chain, read_key};
use crate::config::certified_name::{CertifiedName, certified_names};
use crate::config::edge_certificate::{NEAR_END, end, foreign, is_for_any, parsed, time_fault};
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
    if let Some((place, ca)) = &files.gateway.tls.admin_client_ca {
        check_trust(files, place, ca);
    }
    for (place, zone) in &files.gateway.zones.zones {
        check_upstream(files, &place.key("tls"), &zone.tls, now);
    }
    if let Some(section) = &files.gateway.tracing {
        check_upstream(files, &section.tls, &section.tracing.collector.tls, now);
    }
    check_registry(files, now);
}

fn check_upstream(files: &Files, place: &Place, tls: &UpstreamTls, now: u64) {
    if let Some(ca) = &tls.ca {
        check_trust(files, &place.key("ca"), ca);
    }
    if let (Some(certificate), Some(key)) = (tls.certificate.clone(), tls.key.clone()) {
        let names = check_pair(files, place, &CertificateFiles { certificate, key }, now);
        check_identity(files, &place.key("certificate"), &names.unwrap_or_default());
    }
}

/// A data centre knows a gateway's region by its certificate; one of two regions is nobody's.
fn check_identity(files: &Files, place: &Place, names: &[CertifiedName]) {
    let Some(region) = &files.gateway.region else {
        return;
    };
    let own = format!("{GATEWAYS}{region}/gateway");
    for name in names {
        if let CertifiedName::Uri(uri) = name
            && uri.starts_with(GATEWAYS)
            && *uri != own
        {
            let problem = format!("is for {uri}");
            let expected =
                format!("a client certificate with the URI {own} and no other of that kind");
            files.document.fault(place, problem, expected);
        }
    }
}

/// How the URIs of gateways begin.
const GATEWAYS: &str = "domicile://region/";

fn check_registry(files: &Files, now: u64) {
    let store = files
        .gateway
        .registry
        .as_ref()
        .map(|registry| &registry.store);
    let Some(RegistryStore::Etcd(etcd)) = store else {
        return;
    };
    let place = Place::of(&["registry", "etcd", "tls"]);
    if let Some(ca) = &etcd.ca {
        check_trust(files, &place.key("ca"), ca);
    }
    if let Some((certificate, key)) = &etcd.identity {
        let pair = CertificateFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let _names = check_pair(files, &place, &pair, now);
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

/// Notes what is wrong with a chain and its key at their two places; gives the leaf's names.
fn check_pair(
    files: &Files,
    place: &Place,
    pair: &CertificateFiles,
    now: u64,
) -> Option<Vec<CertifiedName>> {
    let key = noted(files, &place.key("key"), read_key(&pair.key), KEY);
    let place_of_chain = place.key("certificate");
    let chain = noted(files, &place_of_chain, read_chain(&pair.certificate), CHAIN)?;
    let parsed = parsed(&chain).filter(|chain| !chain.is_empty());
    let Some(parsed) = parsed else {
        let problem = format!("{}: can't be parsed", pair.certificate.display());
        files.document.fault(&place_of_chain, problem, CHAIN);
        return None;
    };
    check_time(files, &place_of_chain, &parsed, now);
    if let Some(key) = key {
        check_key(files, place, chain.clone(), key);
    }
    Some(certified_names(&parsed[0]))
}

const CHAIN: &str = "a PEM file with a certificate chain, the end entity's first";
const KEY: &str = "a PEM file with a private key";

fn noted<T>(files: &Files, place: &Place, read: Result<T, PemError>, expected: &str) -> Option<T> {
    let noted = read.map_err(|error| files.document.fault(place, error.to_string(), expected));
    noted.ok()
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

fn check_time(files: &Files, place: &Place, chain: &[X509Certificate<'_>], now: u64) {
    if let Some(problem) = time_fault(&chain[0], now) {
        let expected = "a certificate that is valid";
        files.document.fault(place, problem, expected);
    } else if end(chain).saturating_sub(now) < NEAR_END {
        let first = chain.iter().map(|one| one.validity().not_after);
        let end = first.min().unwrap_or(chain[0].validity().not_after);
        files.document.warn(place, format!("expires on {end}"));
    }
}

/// A certificate for another region's name would let this gateway pose as that region.
fn check_names(files: &Files, place: &Place, names: &[CertifiedName]) {
    let place = place.key("certificate");
    let Some(own) = files.names() else {
        return;
    };
    if !is_for_any(names, &own) {
        let expected = format!("a certificate for {}", own.join(", "));
        files
            .document
            .fault(&place, "is for no name of this region", expected);
    }
    for (region, host) in foreign(names, &files.foreign_names()) {
        let problem = format!("is for {host} too, a name of {region}");
        let expected = "a certificate for names of this region only";
        files.document.fault(&place, problem, expected);
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

//! One CA for the whole binary, and a certificate for each region's names.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A certificate chain and its key, as PEM texts.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: Issuer::new(params, key),
        pem,
    }
});

static MADE: LazyLock<Mutex<HashMap<Vec<String>, Pair>>> = LazyLock::new(Mutex::default);

/// The CA's certificate.
pub fn ca() -> &'static str {
    &AUTHORITY.pem
}

/// A server certificate for these DNS names, made once.
pub fn server(names: &[String]) -> Pair {
    let mut made = MADE.lock().unwrap();
    made.entry(names.to_vec())
        .or_insert_with(|| issue(names))
        .clone()
}

fn issue(names: &[String]) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    let dns = |name: &String| SanType::DnsName(name.as_str().try_into().unwrap());
    params.subject_alt_names = names.iter().map(dns).collect();
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Pair {
        certificate: params.signed_by(&key, &AUTHORITY.issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

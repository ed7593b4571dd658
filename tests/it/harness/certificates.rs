//! Certificate authorities, and what they issue.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, date_time_ymd,
};

/// A certificate chain and its key, as PEM texts.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
    /// `sha256/BASE64` of its public key.
    pub pin: String,
}

/// A CA.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// What a certificate is to be like.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    names: Vec<SanType>,
    years: Option<(i32, i32)>,
    common_name: Option<String>,
    is_nameless: bool,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("test CA"));

static MADE: LazyLock<Mutex<HashMap<Vec<String>, Pair>>> = LazyLock::new(Mutex::default);

/// The certificate of the CA that clients trust.
pub fn ca() -> &'static str {
    &AUTHORITY.pem
}

/// A certificate of that CA for these DNS names, made once.
pub fn server(names: &[String]) -> Pair {
    let mut made = MADE.lock().unwrap();
    let issue = || AUTHORITY.issue(&Wish::names(names));
    made.entry(names.to_vec()).or_insert_with(issue).clone()
}

/// A certificate of that CA.
pub fn issue(wish: &Wish) -> Pair {
    AUTHORITY.issue(wish)
}

impl Wish {
    /// For these DNS names.
    pub fn names<S: AsRef<str>>(names: &[S]) -> Self {
        let dns = |name: &S| SanType::DnsName(name.as_ref().try_into().unwrap());
        Self {
            names: names.iter().map(dns).collect(),
            ..Self::default()
        }
    }

    /// For this address.
    pub fn address(address: &str) -> Self {
        Self {
            names: vec![SanType::IpAddress(address.parse().unwrap())],
            ..Self::default()
        }
    }

    /// For this URI.
    pub fn uri(uri: &str) -> Self {
        Self {
            names: vec![SanType::URI(uri.try_into().unwrap())],
            ..Self::default()
        }
    }

    /// From the first of January of a year to that of another.
    pub fn valid(mut self, from: i32, to: i32) -> Self {
        self.years = Some((from, to));
        self
    }

    /// With an empty subject.
    pub fn nameless(mut self) -> Self {
        self.is_nameless = true;
        self
    }

    pub fn common_name(mut self, name: &str) -> Self {
        self.common_name = Some(name.to_owned());
        self
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for servers and clients.
    pub fn issue(&self, wish: &Wish) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = wish.names.clone();
        if wish.is_nameless {
            params.distinguished_name = DistinguishedName::new();
        }
        if let Some(name) = &wish.common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        if let Some((from, to)) = wish.years {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        }
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        Pair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
            pin: format!("sha256/{}", STANDARD.encode(hash)),
        }
    }
}

//! A certificate for the listeners, judged as a whole.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificates::{PemError, read_certificates};
use super::certified_name::{CertifiedName, certified_names};
use super::tls::CertificateFiles;
use crate::domain::RegionId;

/// What certificates of this gateway may be for, and what not. Lower case.
#[derive(Debug, Clone, Default)]
pub struct EdgeNames {
    pub own: Vec<String>,
    /// Every name of another region.
    pub foreign: Vec<(RegionId, String)>,
}

/// A certificate chain that listeners may show, with its key.
#[derive(Debug)]
pub struct EdgeCertificate {
    pub key: Arc<CertifiedKey>,
    /// When the first of the chain ends, in unix seconds.
    pub ends: u64,
    names: Vec<CertifiedName>,
}

/// What is wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("the certificate can't be parsed")]
    Unreadable,
    #[error("the key does not go with the certificate: {0}")]
    Key(#[source] rustls::Error),
    #[error("the certificate {0}")]
    Time(String),
    #[error("the certificate is for no name of this region")]
    NoOwnName,
    #[error("the certificate is for {host} too, a name of {region}")]
    Foreign { region: RegionId, host: String },
}

/// How long before its end a certificate is near it, in seconds: 14 days.
pub const NEAR_END: u64 = 14 * 86_400;

impl EdgeCertificate {
    /// Reads a certificate as `check` judges it. `now` is in unix seconds.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(
        files: &CertificateFiles,
        names: &EdgeNames,
        now: u64,
    ) -> Result<Self, CertificateFault> {
        let (chain, key) = read_certificates(files)?;
        let ends = valid_until(&chain, now)?;
        let certified = names_of(&chain).ok_or(CertificateFault::Unreadable)?;
        if !is_for_any(&certified, &names.own) {
            return Err(CertificateFault::NoOwnName);
        }
        if let Some((region, host)) = foreign(&certified, &names.foreign).next() {
            let (region, host) = (region.clone(), host.clone());
            return Err(CertificateFault::Foreign { region, host });
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(CertificateFault::Key)?;
        Ok(Self {
            key: Arc::new(key),
            ends,
            names: certified,
        })
    }

    /// Whether it is for this name, whatever its case.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| name.covers(&host))
    }
}

/// When the first certificate of a chain ends, in unix seconds.
///
/// # Errors
/// When one can't be parsed, or the end entity's is not valid `now`.
pub fn valid_until(chain: &[CertificateDer<'_>], now: u64) -> Result<u64, CertificateFault> {
    let parsed = parsed(chain).ok_or(CertificateFault::Unreadable)?;
    let leaf = parsed.first().ok_or(CertificateFault::Unreadable)?;
    match time_fault(leaf, now) {
        Some(problem) => Err(CertificateFault::Time(problem)),
        None => Ok(end(&parsed)),
    }
}

/// All certificates of a chain; `None` when one of them can't be parsed.
pub(super) fn parsed<'a>(chain: &'a [CertificateDer<'_>]) -> Option<Vec<X509Certificate<'a>>> {
    let parsed = chain.iter().map(|der| X509Certificate::from_der(der));
    parsed.map(|parsed| Some(parsed.ok()?.1)).collect()
}

fn names_of(chain: &[CertificateDer<'_>]) -> Option<Vec<CertifiedName>> {
    let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
    Some(certified_names(&leaf))
}

/// When the first of them ends, in unix seconds.
pub(super) fn end(chain: &[X509Certificate<'_>]) -> u64 {
    let ends = chain.iter().map(|one| one.validity().not_after.timestamp());
    ends.min()
        .and_then(|end| u64::try_from(end).ok())
        .unwrap_or(0)
}

/// Why a certificate can't be used at this time, if it can't.
pub(super) fn time_fault(certificate: &X509Certificate<'_>, now: u64) -> Option<String> {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let (start, end) = (validity.not_before, validity.not_after);
    if end.timestamp() <= now {
        Some(format!("expired on {end}"))
    } else if start.timestamp() > now {
        Some(format!("is not valid before {start}"))
    } else {
        None
    }
}

pub(super) fn is_for_any(certified: &[CertifiedName], own: &[String]) -> bool {
    own.iter()
        .any(|host| certified.iter().any(|name| name.covers(host)))
}

/// The names of other regions that some client may take the certificate for.
pub(super) fn foreign<'a>(
    certified: &'a [CertifiedName],
    names: &'a [(RegionId, String)],
) -> impl Iterator<Item = &'a (RegionId, String)> {
    let may = move |host: &str| certified.iter().any(|name| name.may_cover(host));
    names.iter().filter(move |(_, host)| may(host))
}

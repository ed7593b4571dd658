//! The demo's certificates: a CA for the gateways, and one for each zone.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

/// A certificate authority whose key lives only as long as this value.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// In unix seconds.
    now: u64,
}

/// How long certificates are valid, in seconds. Clients object to more than 398 days.
const LIFE: u64 = 397 * DAY;
const DAY: u64 = 24 * 60 * 60;

/// What a certificate is for.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    Server,
    Client,
}

impl Authority {
    /// `now` is in unix seconds.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str, now: u64) -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("cannot make a CA key")?;
        let mut params = valid(now);
        params.distinguished_name = called(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).context("cannot make a CA")?;
        Ok(Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            now,
        })
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes a certificate and its key.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn issue(
        &self,
        name: &str,
        names: Vec<SanType>,
        purpose: Use,
        certificate: &Path,
        key: &Path,
    ) -> anyhow::Result<()> {
        let pair = KeyPair::generate().context("cannot make a key")?;
        let mut params = valid(self.now);
        params.distinguished_name = called(name);
        params.subject_alt_names = names;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match purpose {
            Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let signed = params
            .signed_by(&pair, &self.issuer)
            .context("cannot sign")?;
        write(certificate, signed.pem().as_bytes(), 0o644)?;
        write(key, pair.serialize_pem().as_bytes(), 0o600)
    }
}

/// From a day ago, since clocks differ.
fn valid(now: u64) -> CertificateParams {
    let at = |unix| date_time_ymd(1970, 1, 1) + Duration::from_secs(unix);
    let mut params = CertificateParams::default();
    params.not_before = at(now.saturating_sub(DAY));
    params.not_after = at(now.saturating_sub(DAY).saturating_add(LIFE));
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Writes a file anew with this mode.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.with_context(|| format!("cannot write {}", path.display()))
}

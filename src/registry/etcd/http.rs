//! The one HTTP client that goes to etcd: to the configured members, and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, tls};
use zeroize::Zeroizing;

use crate::config::EtcdConfig;

/// Why there is no way to etcd.
#[derive(Debug, thiserror::Error)]
pub enum EtcdSetupError {
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} holds no certificate (PEM)")]
    NoCertificate(PathBuf),
    #[error("{0} and {1} are no certificate and key (PEM)")]
    Identity(PathBuf, PathBuf, #[source] reqwest::Error),
    #[error("TLS to etcd cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// A new connection with its TLS handshake.
const CONNECT: Duration = Duration::from_millis(1_500);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// A connection whose other end is gone is noticed after about three of these.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Without redirects and proxies: a user's password goes to the members that were named, or
/// nowhere. Time-outs for whole answers are the caller's, since a watch has no end.
#[expect(
    clippy::disallowed_methods,
    reason = "the registry's endpoints are the other destination (SPEC P8)"
)]
pub(super) fn client(config: &EtcdConfig) -> Result<Client, EtcdSetupError> {
    let is_plain = |url: &String| url.starts_with("http://");
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .https_only(!config.endpoints.iter().any(is_plain))
        .http1_only()
        .tls_version_min(tls::Version::TLS_1_2)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(KEEP_ALIVE)
        .tcp_keepalive_interval(KEEP_ALIVE)
        .tcp_keepalive_retries(2);
    if let Some(ca) = &config.ca {
        builder = builder.tls_certs_only(certificates(ca)?);
    }
    if let Some((certificate, key)) = &config.identity {
        builder = builder.identity(identity(certificate, key)?);
    }
    builder.build().map_err(EtcdSetupError::Tls)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, EtcdSetupError> {
    let found = Certificate::from_pem_bundle(&read(path)?).unwrap_or_default();
    if found.is_empty() {
        return Err(EtcdSetupError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

fn identity(certificate: &Path, key: &Path) -> Result<Identity, EtcdSetupError> {
    let mut pem = read(key)?;
    pem.push(b'\n');
    pem.extend_from_slice(&read(certificate)?);
    let unusable = |error| EtcdSetupError::Identity(certificate.to_owned(), key.to_owned(), error);
    Identity::from_pem(&pem).map_err(unusable)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, EtcdSetupError> {
    let bytes = fs::read(path).map(Zeroizing::new);
    bytes.map_err(|error| EtcdSetupError::Read(path.to_owned(), error))
}

//! TLS towards a zone's data centre: its own CA, and the gateway's client certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::config::UpstreamTls;

/// Why a zone's TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientTlsError {
    #[error("cannot read {path}")]
    Pem {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("{path} holds no usable CA certificate")]
    Ca { path: PathBuf },
    #[error("this machine has no trust roots; name a ca")]
    NoRoots,
    #[error("the client certificate cannot be used")]
    Certificate(#[source] rustls::Error),
}

/// # Errors
/// When a file cannot be read or does not fit.
pub fn connector(files: &UpstreamTls) -> Result<TlsConnector, ClientTlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(ClientTlsError::Certificate)?
        .with_root_certificates(roots(files.ca.as_deref())?);
    let mut config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => config
            .with_client_auth_cert(chain(certificate)?, private_key(key)?)
            .map_err(ClientTlsError::Certificate)?,
        _ => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, ClientTlsError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        return if roots.is_empty() {
            Err(ClientTlsError::NoRoots)
        } else {
            Ok(roots)
        };
    };
    for certificate in chain(path)? {
        let added = roots.add(certificate);
        added.map_err(|_| ClientTlsError::Ca { path: path.into() })?;
    }
    Ok(roots)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientTlsError> {
    let failed = |source| ClientTlsError::Pem {
        path: path.into(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(failed)?;
    certificates.collect::<Result<_, _>>().map_err(failed)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ClientTlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| ClientTlsError::Pem {
        path: path.into(),
        source,
    })
}

//! TLS towards a zone's data centre: its own CA, its pins, and the gateway's client certificate.

mod pinned;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::server::VerifierBuilderError;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{self, CertificateFault, CertificateFiles, PemError, UpstreamTls};
use pinned::Pinned;

/// Why a zone's TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientTlsError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("{} holds no usable CA certificate", .0.display())]
    Ca(PathBuf),
    #[error("this machine has no trust roots; name a ca")]
    NoRoots,
    #[error("{}: {fault}", file.display())]
    Time {
        file: PathBuf,
        fault: CertificateFault,
    },
    #[error("the client certificate cannot be used: {0}")]
    Certificate(#[source] rustls::Error),
    #[error("TLS cannot be set up here")]
    Setup(#[source] rustls::Error),
    #[error("certificates cannot be verified with these CAs")]
    Verifier(#[from] VerifierBuilderError),
}

/// What is made of a zone's files.
pub struct ClientTls {
    pub config: Arc<ClientConfig>,
    /// When the client certificate ends, in unix seconds.
    pub ends: Option<u64>,
}

impl ClientTls {
    /// `now` is in unix seconds.
    ///
    /// # Errors
    /// When a file cannot be read, does not fit, or holds a certificate that is not valid now.
    pub fn read(tls: &UpstreamTls, now: u64) -> Result<Self, ClientTlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(roots(tls.ca.as_deref())?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(ClientTlsError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(Pinned::new(verifier.build()?, &tls.pins));
        let mut ends = None;
        let mut config = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                let (chain, key) = config::read_certificates(&CertificateFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                })?;
                let end = config::valid_until(&chain, now);
                ends = Some(end.map_err(|fault| ClientTlsError::Time {
                    file: certificate.clone(),
                    fault,
                })?);
                let config = config.with_client_auth_cert(chain, key);
                config.map_err(ClientTlsError::Certificate)?
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would not look at the certificate, its time and its pin again.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        Ok(Self { config, ends })
    }
}

/// The CAs of a file, or of this machine.
pub fn roots(ca: Option<&Path>) -> Result<RootCertStore, ClientTlsError> {
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
    for certificate in config::read_chain(path)? {
        let added = roots.add(certificate);
        added.map_err(|_| ClientTlsError::Ca(path.into()))?;
    }
    Ok(roots)
}

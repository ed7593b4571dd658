//! TLS that demands a client certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("can't read {}", .0.display())]
    Read(PathBuf, #[source] pem::Error),
    #[error("{} holds no certificate that can be an authority", .0.display())]
    Authority(PathBuf, #[source] rustls::Error),
    #[error("can't verify client certificates with this authority")]
    Verifier(#[from] VerifierBuilderError),
    #[error("certificate and key can't be used")]
    Certificate(#[from] rustls::Error),
}

/// Accept clients whose certificate comes from `ca`.
pub(crate) struct Acceptors {
    /// Speaks HTTP/1.1, and says so where it is asked (ALPN).
    pub(crate) http: TlsAcceptor,
    pub(crate) plain: TlsAcceptor,
}

pub(crate) fn acceptors(ca: &Path, certificate: &Path, key: &Path) -> Result<Acceptors, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(ca)?.into(), provider.clone());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(certificates(certificate)?, private_key(key)?)?;
    let plain = TlsAcceptor::from(Arc::new(config.clone()));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let http = TlsAcceptor::from(Arc::new(config));
    Ok(Acceptors { http, plain })
}

/// Whether a certificate is for this gateway and no other: `uri` among its subject alternative names,
/// and none of another region's gateway.
pub(crate) fn names_gateway(certificate: &CertificateDer<'_>, uri: &str) -> bool {
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return false;
    };
    let uris = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) if uri.starts_with(OURS) => Some(*uri),
            _ => None,
        });
    let mut gateways = uris.peekable();
    gateways.peek().is_some() && gateways.all(|found| found == uri)
}

/// How the URIs of gateways begin.
const OURS: &str = "domicile://";

fn roots(ca: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots
            .add(certificate)
            .map_err(|e| TlsError::Authority(ca.to_owned(), e))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => {
            Err(TlsError::Read(file.to_owned(), pem::Error::NoItemsFound))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::Read(file.to_owned(), error)),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| TlsError::Read(file.to_owned(), e))
}

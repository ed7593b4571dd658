//! TLS at the edge.

use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct EdgeTls {
    pub certificates: Vec<CertificateFiles>,
    /// Every name of this region, lower case: those of the catalogue and `tls.names`.
    pub names: Vec<String>,
    /// Refuse a ClientHello without a server name.
    pub require_name: bool,
}

/// A PEM certificate chain and its PEM private key.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

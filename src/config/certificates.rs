//! Certificates and private keys, as PEM files.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::read::read_bounded;
use super::tls::CertificateFiles;

/// A certificate chain, the end entity's first, with its private key.
pub type CertifiedFiles = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Why a PEM file is not used. The parser's own errors quote lines of the file, so they stay out.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: is not PEM", file.display())]
    Syntax { file: PathBuf },
    #[error("{}: has no certificate in it", file.display())]
    NoCertificate { file: PathBuf },
    #[error("{}: has no private key in it", file.display())]
    NoKey { file: PathBuf },
}

/// # Errors
/// When a file can't be read, is no PEM, or lacks what it is for.
pub fn read_certificates(files: &CertificateFiles) -> Result<CertifiedFiles, PemError> {
    let chain = read_chain(&files.certificate)?;
    Ok((chain, read_key(&files.key)?))
}

/// All certificates of a file: a chain, or the CAs of a trust store.
///
/// # Errors
/// When the file can't be read, is no PEM, or has no certificate.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let bytes = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let file = path.to_owned();
    match chain {
        Ok(chain) if chain.is_empty() => Err(PemError::NoCertificate { file }),
        Ok(chain) => Ok(chain),
        Err(_) => Err(PemError::Syntax { file }),
    }
}

/// The first private key of a file.
///
/// # Errors
/// When the file can't be read, is no PEM, or has no private key.
pub fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let bytes = read(path)?;
    let file = path.to_owned();
    match PrivateKeyDer::pem_slice_iter(&bytes).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(_)) => Err(PemError::Syntax { file }),
        None => Err(PemError::NoKey { file }),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let bytes = read_bounded(path).map_err(|source| PemError::Read {
        file: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(bytes))
}

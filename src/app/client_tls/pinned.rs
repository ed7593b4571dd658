//! Certificates that must verify, and whose key must be one of those that are pinned.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::config::SpkiPin;

/// The verification of rustls, and behind it the pins.
#[derive(Debug)]
pub struct Pinned {
    verifier: Arc<WebPkiServerVerifier>,
    /// None: any key will do.
    pins: Vec<SpkiPin>,
}

impl Pinned {
    pub fn new(verifier: Arc<WebPkiServerVerifier>, pins: &[SpkiPin]) -> Arc<Self> {
        Arc::new(Self {
            verifier,
            pins: pins.to_vec(),
        })
    }

    /// Only the end entity's own key is looked at: any other certificate may be sent along by
    /// whoever likes to.
    fn check(&self, end_entity: &CertificateDer<'_>) -> Result<(), Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let hash = digest(&SHA256, key.as_ref());
        let known = self.pins.iter().any(|pin| pin.0 == hash.as_ref());
        let mismatch = CertificateError::ApplicationVerificationFailure;
        known
            .then_some(())
            .ok_or(Error::InvalidCertificate(mismatch))
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        self.check(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

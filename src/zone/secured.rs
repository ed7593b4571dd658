//! TLS towards a zone's data centre, as it stands.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::observe::Distrust;

/// Whom the zone believes and what it shows; replaced when its files change.
#[derive(Debug)]
pub struct Secured {
    config: ArcSwap<ClientConfig>,
    /// When the gateway's own certificate ends, in unix seconds; 0 without one.
    ends: AtomicU64,
    generation: AtomicU64,
}

/// Why a data centre is not spoken to. Nothing of a request was sent.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    #[error("the data centre's certificate has expired or is not valid yet")]
    Time(#[source] io::Error),
    #[error("the data centre's certificate is for another name")]
    Name(#[source] io::Error),
    #[error("the data centre's certificate is not from the zone's CA")]
    Issuer(#[source] io::Error),
    #[error("the data centre's key is none of the zone's pins")]
    Pin(#[source] io::Error),
    #[error("the data centre's certificate cannot be used")]
    Certificate(#[source] io::Error),
    #[error("the TLS handshake with the data centre failed")]
    Handshake(#[source] io::Error),
}

impl Secured {
    /// `ends` is when the client certificate in it ends, in unix seconds.
    pub fn new(config: Arc<ClientConfig>, ends: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            config: ArcSwap::new(config),
            ends: AtomicU64::new(ends.unwrap_or(0)),
            generation: AtomicU64::new(0),
        })
    }

    /// Connections that are opened from now on are made with this; idle ones are not used again.
    pub fn replace(&self, config: Arc<ClientConfig>, ends: Option<u64>) {
        self.config.store(config);
        self.ends.store(ends.unwrap_or(0), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// When the gateway's own certificate ends, in unix seconds.
    pub fn ends(&self) -> Option<u64> {
        Some(self.ends.load(Ordering::Relaxed)).filter(|ends| *ends != 0)
    }

    /// Counts how often it was replaced.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// # Errors
    /// See [`UpstreamTlsError`].
    pub async fn shake_hands(
        &self,
        name: ServerName<'static>,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, UpstreamTlsError> {
        let connector = TlsConnector::from(self.config.load_full());
        connector
            .connect(name, tcp)
            .await
            .map_err(UpstreamTlsError::of)
    }
}

impl UpstreamTlsError {
    pub(super) fn of(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let Some(rustls::Error::InvalidCertificate(problem)) = inner else {
            return Self::Handshake(error);
        };
        match problem {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Time(error),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::Name(error)
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Issuer(error),
            // What the pins' verifier answers, and nothing else does.
            CertificateError::ApplicationVerificationFailure => Self::Pin(error),
            _ => Self::Certificate(error),
        }
    }

    /// As what it is counted.
    pub const fn distrust(&self) -> Distrust {
        match self {
            Self::Time(_) => Distrust::Time,
            Self::Name(_) => Distrust::Name,
            Self::Issuer(_) => Distrust::Issuer,
            Self::Pin(_) => Distrust::Pin,
            Self::Certificate(_) => Distrust::Certificate,
            Self::Handshake(_) => Distrust::Handshake,
        }
    }
}

//! Who may come in: gateways of the own region.

use std::io;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::fault::Fault;
use super::tls::{self, Acceptors};

/// The two ways in.
pub(crate) enum Door {
    MutualTls {
        acceptors: Acceptors,
        gateway: String,
    },
    Secret(Secret),
}

/// A secret shared with the gateway on this machine.
pub(crate) struct Secret(String);

/// A connection that is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("the TLS handshake took too long")]
    TooSlow,
    #[error("the client certificate is not one of this region's gateways")]
    NotOurGateway,
}

impl Door {
    pub(crate) fn mutual_tls(acceptors: Acceptors, region: &str) -> Door {
        let gateway = format!("domicile://region/{region}/gateway");
        Door::MutualTls { acceptors, gateway }
    }

    pub(crate) fn secret(secret: &str) -> Door {
        Door::Secret(Secret(secret.to_owned()))
    }

    /// The scheme of the listener's own URIs.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Door::MutualTls { .. } => "https",
            Door::Secret(_) => "http",
        }
    }

    /// What every request has to show, beyond its connection.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let shown = headers.get("domicile-gateway-secret");
        if self.admits(shown.map(HeaderValue::as_bytes)) {
            Ok(())
        } else {
            Err(Fault::NotAGateway)
        }
    }

    /// Whether this secret, if one is needed, is the right one.
    pub(crate) fn admits(&self, secret: Option<&[u8]>) -> bool {
        match (self, secret) {
            (Door::MutualTls { .. }, _) => true,
            (Door::Secret(_), None) => false,
            (Door::Secret(known), Some(shown)) => shown.ct_eq(known.0.as_bytes()).into(),
        }
    }
}

/// Shakes hands, and looks whether the client is a gateway of this region.
pub(crate) async fn shake_hands(
    acceptor: &TlsAcceptor,
    gateway: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Refused> {
    let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let stream = stream
        .map_err(|_| Refused::TooSlow)?
        .map_err(Refused::Handshake)?;
    let certificates = stream.get_ref().1.peer_certificates();
    let own = certificates
        .and_then(<[_]>::first)
        .is_some_and(|leaf| tls::names_gateway(leaf, gateway));
    if own {
        Ok(stream)
    } else {
        Err(Refused::NotOurGateway)
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);

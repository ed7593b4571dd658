//! The probe's way out: a client's connection to a public address.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Way;
use super::heard::Unheard;
use crate::config::Endpoint;

/// Connects as any client on the internet does: by the system's DNS, and whom `roots` vouch for.
pub struct Dialler {
    http: TlsConnector,
    msync: TlsConnector,
}

/// TLS cannot be set up here.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up for the probe")]
pub struct DiallerError(#[source] rustls::Error);

impl Dialler {
    /// # Errors
    /// When the cryptography of this machine does not play along.
    pub fn new(roots: RootCertStore) -> Result<Self, DiallerError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(DiallerError)?;
        let mut msync = config.with_root_certificates(roots).with_no_client_auth();
        // Each question is a stranger's: no ticket of the last one.
        msync.resumption = Resumption::disabled();
        let mut http = msync.clone();
        http.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            http: Arc::new(http).into(),
            msync: Arc::new(msync).into(),
        })
    }

    /// # Errors
    /// When nobody answers there, or nobody that can show the name's certificate.
    pub(super) async fn open(
        &self,
        endpoint: &Endpoint,
        way: Way,
    ) -> Result<TlsStream<TcpStream>, Unheard> {
        if is_plain(endpoint) {
            return Err(Unheard::Plain);
        }
        let tcp = connect(&endpoint.host, endpoint.port).await?;
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| Unheard::Name)?;
        let connector = match way {
            Way::Rest | Way::Websocket => &self.http,
            Way::Msync => &self.msync,
        };
        connector.connect(name, tcp).await.map_err(Unheard::Tls)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the probe's: to public addresses, with nothing of anybody"
)]
async fn connect(host: &str, port: u16) -> Result<TcpStream, Unheard> {
    let tcp = TcpStream::connect((host, port)).await;
    let tcp = tcp.map_err(Unheard::Connect)?;
    tcp.set_nodelay(true).map_err(Unheard::Connect)?;
    Ok(tcp)
}

/// The catalogue takes these for this machine alone.
fn is_plain(endpoint: &Endpoint) -> bool {
    ["http://", "ws://"]
        .iter()
        .any(|scheme| endpoint.text.starts_with(scheme))
}

//! TLS at the edge: the ClientHello is read first, and a name that is not of this region is refused
//! before a certificate is sent (promise P4).

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::call::Names;

/// What a listener needs to speak TLS.
pub struct Edge {
    config: Arc<ServerConfig>,
    names: Names,
    require_name: bool,
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error("the server name is not of this region, or absent")]
    Name,
    #[error("the handshake failed")]
    Io(#[source] io::Error),
}

/// A fatal `unrecognized_name` alert in a record of its own (RFC 6066 section 3, RFC 8446 section 6).
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

impl Edge {
    /// # Errors
    /// When the key does not fit the certificate.
    pub fn new(
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        names: Names,
        require_name: bool,
        protocols: &[&str],
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        // One ticket is enough to resume by, and each costs a write.
        config.send_tls13_tickets = 1;
        Ok(Self {
            config: Arc::new(config),
            names,
            require_name,
        })
    }

    /// # Errors
    /// When the name is refused, or the handshake fails.
    pub async fn accept(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let mut start = LazyConfigAcceptor::new(Acceptor::default(), tcp)
            .await
            .map_err(HandshakeError::Io)?;
        if !self.admits(start.client_hello().server_name()) {
            refuse(&mut start.io).await.map_err(HandshakeError::Io)?;
            return Err(HandshakeError::Name);
        }
        let accepted = start.into_stream(Arc::clone(&self.config)).await;
        accepted.map_err(HandshakeError::Io)
    }

    fn admits(&self, name: Option<&str>) -> bool {
        match name {
            Some(name) => self.names.contains(name),
            None => !self.require_name,
        }
    }
}

async fn refuse(tcp: &mut TcpStream) -> io::Result<()> {
    tcp.write_all(&UNRECOGNIZED_NAME).await?;
    tcp.shutdown().await
}

//! A TLS client that can be told everything.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rustls::client::{ClientSessionStore, Resumption};
use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::certificates;
use crate::harness::in_time;
use crate::harness::wire;

/// How to say hello.
#[derive(Clone)]
pub struct Client {
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub groups: Vec<&'static dyn SupportedKxGroup>,
    pub protocols: Vec<&'static str>,
    pub sessions: Option<Arc<dyn ClientSessionStore>>,
    pub early_data: bool,
}

impl Default for Client {
    fn default() -> Self {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Self {
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
            groups: provider.kx_groups,
            protocols: Vec::new(),
            sessions: None,
            early_data: false,
        }
    }
}

impl Client {
    pub fn of(version: &'static SupportedProtocolVersion) -> Self {
        Self {
            versions: vec![version],
            ..Self::default()
        }
    }

    /// # Errors
    /// When the handshake fails.
    pub async fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        connect(&self.config(), address, name).await
    }

    /// Resumption needs one for all its connections.
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.kx_groups.clone_from(&self.groups);
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(certificates::ca().as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider));
        let config = config.with_protocol_versions(&self.versions).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = self
            .protocols
            .iter()
            .map(|p| p.as_bytes().to_vec())
            .collect();
        config.enable_early_data = self.early_data;
        config.resumption = match &self.sessions {
            Some(store) => Resumption::store(Arc::clone(store)),
            None => Resumption::disabled(),
        };
        Arc::new(config)
    }
}

/// # Errors
/// When the handshake fails.
pub async fn connect(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::clone(config));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connected = connector.connect(name, wire::tcp(address).await);
    in_time("a TLS handshake", connected).await
}

/// The serial number of the certificate that a handshake gets, or why there is none.
pub async fn shown(address: SocketAddr, name: &str) -> Result<Vec<u8>, String> {
    let connected = Client::default().connect(address, name).await;
    let stream = connected.map_err(|error| error.to_string())?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    Ok(certificates[0].to_vec())
}

/// A certificate's own bytes, as `shown` gives them.
pub fn der(pair: &certificates::Pair) -> Vec<u8> {
    let first = CertificateDer::from_pem_slice(pair.certificate.as_bytes());
    first.unwrap().to_vec()
}

/// Runs OpenSSL's `s_client`, with nothing to say.
pub async fn s_client(address: SocketAddr, options: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &address.to_string()])
        .args(options)
        .stdin(Stdio::null());
    let ran = tokio::task::spawn_blocking(move || command.output());
    in_time("openssl s_client", ran).await.unwrap().unwrap()
}

/// Everything that it said.
pub fn said(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    texts.concat()
}

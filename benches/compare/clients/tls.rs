//! Handshakes: refused ones, and full ones.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};

use super::call::length;

/// A record of alerts: of level fatal, `unrecognized_name` (RFC 8446 section 6).
const RECORD: u8 = 21;
const ALERT: [u8; 2] = [2, 112];

/// The first flight of a handshake.
pub fn hello(name: &str) -> anyhow::Result<Vec<u8>> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned())?;
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    Ok(hello)
}

pub fn is_refused(to: SocketAddr, hello: &[u8]) -> anyhow::Result<()> {
    let mut stream = connect(to)?;
    stream.write_all(hello)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(
        answer.first() == Some(&RECORD) && answer.get(5..7) == Some(&ALERT),
        "not refused as it should be: {answer:?}"
    );
    Ok(())
}

/// TLS 1.3 with X25519, which all proxies speak, and no session is remembered.
pub fn full_handshakes(ca: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let mut provider = default_provider();
    provider.kx_groups = vec![kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

pub fn call(to: SocketAddr, config: &Arc<ClientConfig>, request: &str) -> anyhow::Result<()> {
    let client = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(client, connect(to)?);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // Some close without a word, which the answer's length makes up for.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        done => drop(done?),
    }
    let kind = stream.conn.handshake_kind();
    ensure!(
        kind == Some(HandshakeKind::Full),
        "a handshake was {kind:?}"
    );
    ensure!(
        length(&answer)? == Some(answer.len()),
        "an answer ends early"
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it is the client")]
fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

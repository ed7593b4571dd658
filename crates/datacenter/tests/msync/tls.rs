//! Mutual TLS, as for REST.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use datacenter::{DataCentre, GatewayAuth};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{headers, preamble};
use crate::harness::{Running, settings, soon};

type Authority = CertifiedIssuer<'static, KeyPair>;

#[tokio::test]
async fn a_gateway_of_this_region_is_let_in_without_a_secret() {
    let tls = Tls::start().await;
    let mut stream = tls
        .connect(tls.centre.websocket_addr(), "frankfurt", &[b"http/1.1"])
        .await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut head =
        "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            .to_owned();
    for (name, value) in headers() {
        if name != "domicile-gateway-secret" {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = [0; 12];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");

    // Whatever the gateway offers: there is no protocol to agree on below MSYNC.
    let mut stream = tls
        .connect(tls.centre.msync_addr(), "frankfurt", &[b"other"])
        .await;
    send(&mut stream, preamble().to_string().as_bytes()).await;
    send(&mut stream, b"no log-in").await;
    let mut answer = [0; 4];
    soon(stream.read_exact(&mut answer)).await.unwrap();
}

#[tokio::test]
async fn a_gateway_of_another_region_is_not() {
    let tls = Tls::start().await;
    for addr in [tls.centre.websocket_addr(), tls.centre.msync_addr()] {
        let mut stream = tls.connect(addr, "virginia", &[]).await;
        let mut rest = Vec::new();
        let read = soon(stream.read_to_end(&mut rest)).await;
        assert!(matches!(read, Err(_) | Ok(0)), "{rest:?}");
    }
}

/// A data centre behind mutual TLS.
struct Tls {
    centre: DataCentre,
    authority: Authority,
    _data: TempDir,
}

impl Tls {
    async fn start() -> Tls {
        let data = tempfile::tempdir().unwrap();
        let authority = authority();
        let file = |name: &str, content: String| {
            let path = data.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let (certificate, key) = sign(&authority, &own);
        let mut settings = settings(&data, Running::start(&[]).await.clock);
        settings.auth = GatewayAuth::MutualTls {
            ca: file("ca", authority.pem()),
            certificate: file("certificate", certificate),
            key: file("key", key),
        };
        Tls {
            centre: DataCentre::start(settings).await.unwrap(),
            authority,
            _data: data,
        }
    }

    /// As a region's gateway.
    async fn connect(
        &self,
        addr: Option<SocketAddr>,
        region: &str,
        alpn: &[&[u8]],
    ) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let mut params = CertificateParams::default();
        let uri = format!("domicile://region/{region}/gateway");
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        let (certificate, key) = sign(&self.authority, &params);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
        let stream = soon(TcpStream::connect(addr.unwrap())).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        soon(connector.connect(name, stream)).await.unwrap()
    }
}

async fn send(stream: &mut TlsStream<TcpStream>, message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    stream
        .write_all(&[&length, message].concat())
        .await
        .unwrap();
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "zone");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key, PEM.
fn sign(authority: &Authority, params: &CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

//! A client that sends bytes as they are, and reads what comes back.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::head::{Chunks, Framing, Head};
use super::{certificates, in_time};

/// A connection to a gateway.
pub struct Wire {
    stream: Box<dyn Duplex>,
    buffer: Vec<u8>,
}

pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The `Domicile-Code`; an answer of a data centre has none.
    pub fn code(&self) -> &str {
        self.header("domicile-code").unwrap_or("-")
    }

    /// Status and code, to be compared at once.
    pub fn verdict(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}

/// # Panics
/// When nobody listens.
#[expect(clippy::disallowed_methods, reason = "the test is the client")]
pub async fn tcp(address: SocketAddr) -> TcpStream {
    let stream = in_time("connecting", TcpStream::connect(address))
        .await
        .unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

static TLS: LazyLock<[Arc<ClientConfig>; 4]> = LazyLock::new(|| {
    [(false, true), (false, false), (true, true), (true, false)].map(|(http2, name)| {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(certificates::ca().as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.enable_sni = name;
        let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    })
});

/// A TLS connection with this server name, which its certificate must carry.
///
/// # Errors
/// When the handshake fails.
pub async fn tls(
    address: SocketAddr,
    name: &str,
    http2: bool,
) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(address, name, &TLS[usize::from(http2) * 2]).await
}

/// A TLS connection whose ClientHello names no server.
///
/// # Errors
/// When the handshake fails.
pub async fn tls_without_name(
    address: SocketAddr,
    expected: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(address, expected, &TLS[1]).await
}

/// The same over a connection that is there.
///
/// # Errors
/// When the handshake fails.
pub async fn tls_over(stream: TcpStream, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands(stream, name, &TLS[0]).await
}

async fn handshake(
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands(tcp(address).await, name, config).await
}

async fn shake_hands(
    stream: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    in_time("a TLS handshake", connector.connect(name, stream)).await
}

impl Wire {
    pub fn over(stream: impl Duplex + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
        }
    }

    /// Without TLS.
    pub async fn plain(address: SocketAddr) -> Self {
        Self::over(tcp(address).await)
    }

    /// HTTP/1.1 over TLS.
    pub async fn tls(address: SocketAddr, name: &str) -> Self {
        Self::over(tls(address, name, false).await.unwrap())
    }

    /// Sends all of it.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends it as far as the other side takes it.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        in_time("sending", async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Closes the sending side.
    pub async fn finish_sending(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next answer to anything but a HEAD.
    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub async fn answer_to(&mut self, method: &str) -> Answer {
        let answer = in_time("an answer", self.read_answer(method)).await;
        answer.expect("an answer before the connection ends")
    }

    /// The next answer; `None` if the connection ends without one.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        in_time("an answer or the end", self.read_answer("GET")).await
    }

    /// The next head, interim answers too.
    pub async fn head(&mut self) -> Head {
        in_time("a head", self.read_head())
            .await
            .expect("a head before the connection ends")
    }

    /// The next bytes of whatever; empty at the end.
    pub async fn some(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            in_time("some bytes", self.fill()).await;
        }
        std::mem::take(&mut self.buffer)
    }

    /// Everything until the connection ends, whichever way.
    pub async fn rest(&mut self) -> Vec<u8> {
        in_time("the connection's end", async { while self.fill().await {} }).await;
        std::mem::take(&mut self.buffer)
    }

    /// Waits for the end, before which nothing more may come.
    pub async fn ends(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }

    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(n) if n > 0)
    }

    async fn read_head(&mut self) -> Option<Head> {
        loop {
            if let Some(head) = Head::parse(&self.buffer) {
                self.buffer.drain(..head.raw.len());
                return Some(head);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn read_answer(&mut self, method: &str) -> Option<Answer> {
        let head = loop {
            let head = self.read_head().await?;
            if !head.word(1).starts_with('1') {
                break head;
            }
        };
        let mut answer = Answer {
            status: head.word(1).parse().unwrap(),
            headers: head.headers.clone(),
            ..Answer::default()
        };
        if method != "HEAD" && !matches!(answer.status, 204 | 304) {
            self.read_body(&head, &mut answer).await?;
        }
        Some(answer)
    }

    /// A body that is cut short is no answer.
    async fn read_body(&mut self, head: &Head, answer: &mut Answer) -> Option<()> {
        match head.framing(Framing::UntilClose) {
            Framing::Nothing => {}
            Framing::UntilClose => {
                while self.fill().await {}
                answer.body = std::mem::take(&mut self.buffer);
            }
            Framing::Length(length) => {
                while self.buffer.len() < length {
                    if !self.fill().await {
                        return None;
                    }
                }
                answer.body = self.buffer.drain(..length).collect();
            }
            Framing::Chunked => {
                let mut chunks = Chunks::default();
                loop {
                    answer.body.extend(chunks.take(&mut self.buffer));
                    if chunks.done {
                        break;
                    }
                    if !self.fill().await {
                        return None;
                    }
                }
                answer.trailers = chunks.trailers;
            }
        }
        Some(())
    }
}

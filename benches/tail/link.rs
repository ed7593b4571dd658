//! A connection, which is made when a call needs it: a call is sent, its answer read to the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use session_load::ends::trusting;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where calls go, and how.
pub struct Dialler {
    to: SocketAddr,
    tls: Option<TlsConnector>,
}

pub struct Link {
    dialler: Arc<Dialler>,
    /// A connection for each call.
    fresh: bool,
    stream: Option<Box<dyn Stream>>,
    buffer: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// An answer's head.
struct Head {
    status: u16,
    /// Of head and body together.
    length: usize,
    closes: bool,
}

const FIELDS: usize = 64;
const ROOM: usize = 4 * 1024;

impl Dialler {
    /// # Errors
    /// When the CA cannot be used.
    pub fn new(to: SocketAddr, ca: Option<&Path>) -> anyhow::Result<Self> {
        let tls = ca.map(connector).transpose()?;
        Ok(Self { to, tls })
    }

    pub fn link(self: &Arc<Self>, fresh: bool) -> Link {
        Link {
            dialler: Arc::clone(self),
            fresh,
            stream: None,
            buffer: Vec::with_capacity(ROOM),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "it is the client")]
    async fn dial(&self) -> anyhow::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect(self.to).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from("localhost")?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

/// Each handshake is a whole one.
fn connector(ca: &Path) -> anyhow::Result<TlsConnector> {
    let mut config = trusting(ca)?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Link {
    /// The status of the answer, which has been read to its end.
    ///
    /// # Errors
    /// When there is no answer, or none that can be read.
    pub async fn ask(&mut self, call: &[u8]) -> anyhow::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.dialler.dial().await?,
        };
        stream.write_all(call).await?;
        stream.flush().await?;
        let head = read(&mut *stream, &mut self.buffer).await;
        self.buffer.clear();
        let head = head?;
        if !head.closes && !self.fresh {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }
}

async fn read(stream: &mut dyn Stream, buffer: &mut Vec<u8>) -> anyhow::Result<Head> {
    let head = loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection ended");
        if let Some(head) = head(buffer)? {
            break head;
        }
    };
    while buffer.len() < head.length {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection ended");
    }
    ensure!(buffer.len() == head.length, "more than an answer");
    Ok(head)
}

/// Of an answer with a length, once it is there as a whole.
fn head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let status = answer.code.context("no status")?;
    let field = |name: &str| {
        let mut all = answer.headers.iter();
        let found = all.find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let body = match field("content-length") {
        Some(length) => length.parse().context("no length")?,
        None if [204, 304].contains(&status) => 0,
        None => anyhow::bail!("an answer without a length"),
    };
    let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head {
        status,
        length: end + body,
        closes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_not_beyond() {
        let bytes = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        let found = head(bytes).unwrap().unwrap();
        assert_eq!((found.status, found.length), (503, bytes.len()));
        assert!(found.closes);
        assert!(head(&bytes[..40]).unwrap().is_none());
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}

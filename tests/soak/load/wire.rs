//! One connection of HTTP/1.1, and the way to one.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::site::{ORG, REST, Site, connect};

pub struct Wire<S> {
    pub stream: S,
    pub buffer: Vec<u8>,
}

/// # Errors
/// When the gateway does not take it.
pub async fn plain(site: &Site) -> io::Result<Wire<TcpStream>> {
    Ok(Wire::new(connect(site.http).await?))
}

/// # Errors
/// When the gateway does not take it, or refuses the name.
pub async fn tls(
    site: &Site,
    config: &Arc<ClientConfig>,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::clone(config));
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, connect(site.https).await?).await
}

/// A call of an App with or without a token.
pub fn get(app: &str, path: &str, token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let authorization = authorization.unwrap_or_default();
    format!("GET /{ORG}/{app}/{path} HTTP/1.1\r\nHost: {REST}\r\n{authorization}\r\n")
}

/// One that brings a body.
pub fn post(app: &str, path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /{ORG}/{app}/{path} HTTP/1.1\r\nHost: {REST}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends a request and reads its whole answer; the status.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&mut self, request: &str) -> io::Result<u16> {
        self.say(request).await?;
        let head = self.head().await?;
        let length = length(&head);
        while self.buffer.len() < length {
            self.more().await?;
        }
        self.buffer.drain(..length);
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other(format!("no status in {head}")))
    }

    /// # Errors
    /// When the gateway has closed.
    pub async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(words.as_bytes()).await?;
        self.stream.flush().await
    }

    /// # Errors
    /// When none comes.
    pub async fn head(&mut self) -> io::Result<String> {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            self.more().await?;
        }
    }

    /// # Errors
    /// When nothing more comes.
    pub async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn length(head: &str) -> usize {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths
        .next()
        .map_or(0, |(_, value)| value.trim().parse().unwrap_or(0))
}

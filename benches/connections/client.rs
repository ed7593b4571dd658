//! Opens connections, has a request under way on each (or several, over HTTP/2), and keeps them
//! open. Says `answered` once all have their answers, and ends with an error when one is not 200.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use session_load::ends::trusting;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    to: SocketAddr,
    /// Speak TLS, and trust this CA's certificates.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[arg(long)]
    connections: u32,
    /// Over HTTP/2, with so many requests at once on a connection. 0: HTTP/1.1.
    #[arg(long, default_value_t = 0)]
    streams: u32,
    #[arg(long)]
    path: String,
    /// Holds the token.
    #[arg(long)]
    token: PathBuf,
}

struct Common {
    args: Args,
    token: String,
    tls: Option<TlsConnector>,
    opening: Semaphore,
}

/// Connections that are opened at once.
const AT_ONCE: usize = 64;

/// Clients come from so many addresses, so that no gateway finds one of them crowded.
const ADDRESSES: u32 = 32;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let common = Arc::new(Common::new(Args::parse())?);
    let mut connections = JoinSet::new();
    for n in 0..common.args.connections {
        let common = Arc::clone(&common);
        connections.spawn(async move { common.run(n).await });
    }
    let mut open = Vec::new();
    while let Some(answered) = connections.join_next().await {
        open.push(answered??);
    }
    println!("answered");
    // They idle until this process is ended.
    std::future::pending::<()>().await;
    drop(open);
    Ok(())
}

/// What keeps a connection open.
enum Open {
    Http1(#[expect(dead_code, reason = "held")] Box<dyn Send>),
    Http2(#[expect(dead_code, reason = "held")] http2::SendRequest<Empty<Bytes>>),
}

impl Common {
    fn new(args: Args) -> anyhow::Result<Self> {
        let protocol = if args.streams == 0 { "http/1.1" } else { "h2" };
        let connector = |ca: &PathBuf| -> anyhow::Result<TlsConnector> {
            let mut config = trusting(ca)?;
            config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            token: std::fs::read_to_string(&args.token)?.trim().to_owned(),
            tls: args.ca.as_ref().map(connector).transpose()?,
            opening: Semaphore::new(AT_ONCE),
            args,
        })
    }

    async fn run(&self, n: u32) -> anyhow::Result<Open> {
        let place = self.opening.acquire().await?;
        let tcp = self.connect(n).await?;
        let Some(tls) = &self.tls else {
            return self.http1(tcp, place).await;
        };
        let stream = tls.connect(ServerName::try_from("localhost")?, tcp).await?;
        match self.args.streams {
            0 => self.http1(stream, place).await,
            _ => self.http2(stream, place).await,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "it is the client")]
    async fn connect(&self, n: u32) -> anyhow::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let address = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + n % ADDRESSES);
        socket.bind(SocketAddrV4::new(address, 0).into())?;
        let tcp = socket.connect(self.args.to).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    async fn http1<S>(
        &self,
        mut stream: S,
        place: tokio::sync::SemaphorePermit<'_>,
    ) -> anyhow::Result<Open>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (path, token) = (&self.args.path, &self.token);
        let words = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(words.as_bytes()).await?;
        stream.flush().await?;
        drop(place);
        let mut answer = Vec::new();
        // Every proxy gives the length of a body that it was given one of.
        while !is_whole(&answer) {
            ensure!(stream.read_buf(&mut answer).await? > 0, "no answer");
        }
        ensure!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        Ok(Open::Http1(Box::new(stream)))
    }

    async fn http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        place: tokio::sync::SemaphorePermit<'_>,
    ) -> anyhow::Result<Open> {
        let builder = http2::Builder::new(TokioExecutor::new());
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut answers = JoinSet::new();
        for _ in 0..self.args.streams {
            let request = Request::builder()
                .uri(format!("https://localhost{}", self.args.path))
                .header("authorization", format!("Bearer {}", self.token))
                .body(Empty::<Bytes>::new())?;
            sender.ready().await?;
            answers.spawn(sender.send_request(request));
        }
        drop(place);
        while let Some(answer) = answers.join_next().await {
            let answer = answer??;
            ensure!(answer.status() == 200, "{}", answer.status());
            answer.into_body().collect().await?;
        }
        Ok(Open::Http2(sender))
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    end.is_some_and(|end| answer.len() >= end + 4 + length(&answer[..end]).unwrap_or(0))
}

fn length(head: &[u8]) -> anyhow::Result<usize> {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let (_, rest) = head.split_once("content-length:").context("no length")?;
    Ok(rest.lines().next().unwrap_or("").trim().parse()?)
}

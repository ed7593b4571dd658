//! Opens sessions and keeps them: idle after one message each, or with a message under way all the
//! time. Says `standing` once all have logged in, and ends with an error when one of them ends.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use access_token::build_user_token;
use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use session_load::{answer, masked, provision, text, unread};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use websocket::{Read, Reader, Role};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    to: SocketAddr,
    /// Speak TLS, and trust this CA's certificates.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[arg(long)]
    sessions: u32,
    #[arg(long)]
    app_key: String,
    #[arg(long)]
    app_id: String,
    /// Holds the App's certificate, which tokens are made with.
    #[arg(long)]
    certificate: PathBuf,
    /// Keep a message under way on each session.
    #[arg(long)]
    talk: bool,
}

/// What all sessions have in common.
struct Common {
    args: Args,
    certificate: String,
    tls: Option<TlsConnector>,
    /// A text message as it is written, and the answer that must come.
    text: Vec<u8>,
    answer: Vec<u8>,
    opening: Semaphore,
}

/// Sessions that are opened at once.
const AT_ONCE: usize = 64;

/// Clients come from so many addresses, so that no gateway finds one of them crowded.
const ADDRESSES: u32 = 32;

const DAY: u32 = 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let common = Arc::new(Common::new(Args::parse())?);
    let (go, gone) = watch::channel(false);
    let (stands, mut standing) = tokio::sync::mpsc::channel(1024);
    let mut sessions = JoinSet::new();
    for n in 0..common.args.sessions {
        let (common, stands, gone) = (Arc::clone(&common), stands.clone(), gone.clone());
        sessions.spawn(async move { common.run(n, stands, gone).await });
    }
    drop(stands);
    for _ in 0..common.args.sessions {
        tokio::select! {
            Some(()) = standing.recv() => {}
            ended = sessions.join_next() => return report(ended),
        }
    }
    println!("standing");
    go.send(true)?;
    report(sessions.join_next().await)
}

type Ended = Option<Result<anyhow::Result<()>, tokio::task::JoinError>>;

fn report(ended: Ended) -> anyhow::Result<()> {
    ended.context("no sessions")??
}

impl Common {
    fn new(args: Args) -> anyhow::Result<Self> {
        let connector = |ca: &PathBuf| -> anyhow::Result<TlsConnector> {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(ca)?)?;
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            certificate: std::fs::read_to_string(&args.certificate)?,
            tls: args.ca.as_ref().map(connector).transpose()?,
            text: masked(&text(&args.app_key)),
            answer: answer(&args.app_key),
            opening: Semaphore::new(AT_ONCE),
            args,
        })
    }

    async fn run(
        &self,
        n: u32,
        stands: tokio::sync::mpsc::Sender<()>,
        go: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let place = self.opening.acquire().await?;
        let tcp = self.connect(n).await?;
        match &self.tls {
            None => self.session(tcp, n, (place, stands), go).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost")?;
                let tls = tls.connect(name, tcp).await?;
                self.session(tls, n, (place, stands), go).await
            }
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

    async fn session(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        n: u32,
        (place, stands): (
            tokio::sync::SemaphorePermit<'_>,
            tokio::sync::mpsc::Sender<()>,
        ),
        mut go: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut session = Session::upgrade(stream).await?;
        session.say(&masked(&self.provision(n)?)).await?;
        let answer = session.message().await?;
        ensure!(
            msync::read_provision_answer(&answer, &self.args.app_key)?.error_code == Some(0),
            "a log-in was refused"
        );
        session.say(&masked(&unread())).await?;
        session.message().await?;
        self.exchange(&mut session).await?;
        drop(place);
        stands.send(()).await?;
        if self.args.talk {
            go.wait_for(|go| *go).await?;
            loop {
                self.exchange(&mut session).await?;
            }
        }
        session.message().await?;
        bail!("something came to an idle session")
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "no test stands in for this clock"
    )]
    fn provision(&self, n: u32) -> anyhow::Result<Vec<u8>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let (user, app_id) = (format!("u{n}"), &self.args.app_id);
        let certificate = self.certificate.trim();
        let token = build_user_token(app_id, certificate, &user, DAY, u32::try_from(now)?, n + 1)?;
        Ok(provision(&self.args.app_key, &user, &token))
    }

    async fn exchange<S>(&self, session: &mut Session<S>) -> anyhow::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        session.say(&self.text).await?;
        ensure!(
            session.message().await? == self.answer,
            "another answer came"
        );
        Ok(())
    }
}

/// A client's WebSocket.
struct Session<S> {
    stream: S,
    reader: Reader,
    buffer: Vec<u8>,
}

const UPGRADE: &str = "GET /websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn upgrade(stream: S) -> anyhow::Result<Self> {
        let mut session = Self {
            stream,
            reader: Reader::new(Role::Client, 1 << 20),
            buffer: Vec::new(),
        };
        session.say(UPGRADE.as_bytes()).await?;
        while !session.buffer.ends_with(b"\r\n\r\n") {
            session.more().await?;
        }
        ensure!(
            session.buffer.starts_with(b"HTTP/1.1 101 "),
            "no upgrade: {}",
            String::from_utf8_lossy(&session.buffer)
        );
        session.buffer.clear();
        Ok(session)
    }

    async fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "a session ended");
        Ok(())
    }

    async fn message(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            let found = match self.reader.read(&mut self.buffer)? {
                Read::Need(_) => None,
                Read::Message {
                    payload, consumed, ..
                } => Some((payload.to_vec(), consumed)),
                other => bail!("not a message: {other:?}"),
            };
            if let Some((message, consumed)) = found {
                self.buffer.drain(..consumed);
                return Ok(message);
            }
            self.more().await?;
        }
    }
}

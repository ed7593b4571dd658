//! Opens sessions and keeps them: idle after one message each, or with a message under way all the
//! time. Says `standing` once all have logged in, and ends with an error when one of them ends.
//!
//! With `--again` a line on standard input has all of them end at once and come again, as fast as
//! they can; a session that does not come about is tried again. Then the word is
//! `standing N`, after N tries in vain.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_token::build_user_token;
use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use session_load::ends::{lines, trusting};
use session_load::{answer, masked, provision, text, unread};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
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
    /// Let them all end, and come again, at each line on standard input.
    #[arg(long, conflicts_with = "talk")]
    again: bool,
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
    in_vain: AtomicU32,
}

/// Sessions that are opened at once.
const AT_ONCE: usize = 64;

/// Before a session that did not come about is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Clients come from so many addresses, so that no gateway finds one of them crowded.
const ADDRESSES: u32 = 32;

const DAY: u32 = 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let common = Arc::new(Common::new(Args::parse())?);
    let mut lines = lines();
    loop {
        let (go, gone) = watch::channel(false);
        let mut sessions = stand(&common, &gone).await?;
        if !common.args.again {
            println!("standing");
            go.send(true)?;
            return report(sessions.join_next().await);
        }
        println!("standing {}", common.in_vain.swap(0, Ordering::Relaxed));
        tokio::select! {
            line = lines.recv() => if line.is_none() { return Ok(()) },
            ended = sessions.join_next() => return report(ended),
        }
        sessions.shutdown().await;
    }
}

/// Opens all sessions.
async fn stand(
    common: &Arc<Common>,
    go: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let (stands, mut standing) = tokio::sync::mpsc::channel(1024);
    let mut sessions = JoinSet::new();
    for n in 0..common.args.sessions {
        let (common, stands, go) = (Arc::clone(common), stands.clone(), go.clone());
        sessions.spawn(async move { common.keep(n, stands, go).await });
    }
    drop(stands);
    for _ in 0..common.args.sessions {
        tokio::select! {
            Some(()) = standing.recv() => {}
            ended = sessions.join_next() => {
                report(ended)?;
                bail!("a session ended");
            }
        }
    }
    Ok(sessions)
}

type Ended = Option<Result<anyhow::Result<()>, tokio::task::JoinError>>;

fn report(ended: Ended) -> anyhow::Result<()> {
    ended.context("no sessions")??
}

impl Common {
    fn new(args: Args) -> anyhow::Result<Self> {
        let connector = |ca: &PathBuf| -> anyhow::Result<TlsConnector> {
            let mut config = trusting(ca)?;
            if args.again {
                // The worst case: nobody comes again with a ticket.
                config.resumption = Resumption::disabled();
            }
            Ok(TlsConnector::from(Arc::new(config)))
        };
        let all = usize::try_from(args.sessions)?;
        Ok(Self {
            certificate: std::fs::read_to_string(&args.certificate)?,
            tls: args.ca.as_ref().map(connector).transpose()?,
            text: masked(&text(&args.app_key)),
            answer: answer(&args.app_key),
            opening: Semaphore::new(if args.again { all } else { AT_ONCE }),
            in_vain: AtomicU32::new(0),
            args,
        })
    }

    /// Keeps a session, and with `again` tries until there is one.
    async fn keep(
        &self,
        n: u32,
        stands: Sender<()>,
        go: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        loop {
            let stood = AtomicBool::new(false);
            let ended = self.run(n, (&stood, &stands), go.clone()).await;
            if !self.args.again || stood.into_inner() {
                return ended;
            }
            self.in_vain.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn run(
        &self,
        n: u32,
        (stood, stands): (&AtomicBool, &Sender<()>),
        go: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let place = self.opening.acquire().await?;
        let tcp = self.connect(n).await?;
        match &self.tls {
            None => self.session(tcp, n, (place, stood, stands), go).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost")?;
                let tls = tls.connect(name, tcp).await?;
                self.session(tls, n, (place, stood, stands), go).await
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
        (place, stood, stands): (SemaphorePermit<'_>, &AtomicBool, &Sender<()>),
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
        stood.store(true, Ordering::Relaxed);
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

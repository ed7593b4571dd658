//! A data centre that lets everybody in, and answers each message at once with one of the same size.
//! `GET /messages-so-far` tells how many messages came in and went out, log-ins and heart-beats too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use clap::Parser;
use msync::Command;
use session_load::answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use websocket::{Opcode, Read, Reader, Role, append_frame, handshake};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    app_key: String,
}

/// What every session gets, ready to be written.
struct Answers {
    app_key: String,
    welcome: Vec<u8>,
    unread: Vec<u8>,
    text: Vec<u8>,
    messages: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(args.listen)?;
    let listener: TcpListener = socket.listen(4096)?;
    let answers = Arc::new(Answers {
        welcome: framed(&msync::provision_answer(
            Some("webim_random_4f0c2b9d"),
            None,
        )),
        unread: framed(&msync::unread_answer(1_764_000_000_000)),
        text: framed(&answer(&args.app_key)),
        app_key: args.app_key,
        messages: AtomicU64::new(0),
    });
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            // A tunnel that was torn down in the middle is nobody's fault.
            let _ = serve(tcp, &answers).await;
        });
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    append_frame(&mut frame, Opcode::Binary, message, None);
    frame
}

async fn serve(mut tcp: TcpStream, answers: &Answers) -> anyhow::Result<()> {
    loop {
        let head = read_head(&mut tcp).await?;
        if let Some(key) = header(&head, "sec-websocket-key") {
            let accept = handshake::accept_key(key);
            let words = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            tcp.write_all(words.as_bytes()).await?;
            return session(tcp, answers).await;
        }
        let count = answers.messages.load(Ordering::Relaxed).to_string();
        let words = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{count}",
            count.len()
        );
        tcp.write_all(words.as_bytes()).await?;
    }
}

async fn read_head(tcp: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < 16 * 1024, "an endless head");
        ensure!(tcp.read_buf(&mut head).await? > 0, "the end");
    }
    String::from_utf8(head).context("a head that is no text")
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim())
}

async fn session(mut tcp: TcpStream, answers: &Answers) -> anyhow::Result<()> {
    let mut reader = Reader::new(Role::Server, 1 << 20);
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    loop {
        ensure!(tcp.read_buf(&mut buffer).await? > 0, "the end");
        let mut at = 0;
        loop {
            at += match reader.read(&mut buffer[at..])? {
                Read::Need(_) => break,
                Read::Message {
                    payload, consumed, ..
                } => {
                    out.extend_from_slice(answers.to(payload)?);
                    consumed
                }
                Read::Ping { consumed, .. }
                | Read::Pong { consumed }
                | Read::Fragment { consumed } => consumed,
                Read::Close { .. } => return Ok(()),
            };
        }
        buffer.drain(..at);
        tcp.write_all(&out).await?;
        out.clear();
    }
}

impl Answers {
    fn to(&self, message: &[u8]) -> anyhow::Result<&[u8]> {
        let up = msync::inspect_up(message, &self.app_key)?;
        self.messages.fetch_add(2, Ordering::Relaxed);
        Ok(match up.command {
            Command::Provision => &self.welcome,
            Command::Unread => &self.unread,
            _ => &self.text,
        })
    }
}

//! The data centre: it answers every request at once, and acknowledges every message of a session.
//! It keeps nothing, since the test's own memory must not be what grows.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use msync::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use websocket::{Opcode, Read, Reader, Role, append_frame, handshake};

/// Answers after which a connection ends, so that the gateway's come and go.
const ANSWERS: usize = 200;

/// How long a `slow` request takes.
const SLOW: Duration = Duration::from_millis(100);

pub struct Centre {
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Centre {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    // A gateway that leaves is nobody's fault.
                    let _ = serve(stream).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    for n in 1..=ANSWERS {
        let Some(head) = read_head(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        if let Some(key) = field(&head, "sec-websocket-key") {
            let accept = handshake::accept_key(key);
            let words = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(words.as_bytes()).await?;
            return session(stream, buffer).await;
        }
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        take(&mut stream, &mut buffer, length).await?;
        if head.contains("/slow ") {
            tokio::time::sleep(SLOW).await;
        }
        let ends = if n == ANSWERS {
            "Connection: close\r\n"
        } else {
            ""
        };
        let words = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 512\r\n{ends}\r\n{:512}",
            ""
        );
        stream.write_all(words.as_bytes()).await?;
    }
    Ok(())
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let end = buffer.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> io::Result<()> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    buffer.drain(..length);
    Ok(())
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim())
}

async fn session(mut stream: TcpStream, mut buffer: Vec<u8>) -> io::Result<()> {
    let mut reader = Reader::new(Role::Server, 1 << 20);
    let mut out = Vec::new();
    loop {
        let mut at = 0;
        loop {
            at += match reader.read(&mut buffer[at..]).map_err(io::Error::other)? {
                Read::Need(_) => break,
                Read::Message {
                    payload, consumed, ..
                } => {
                    append_frame(&mut out, Opcode::Binary, &answer(payload)?, None);
                    consumed
                }
                Read::Ping { consumed, .. }
                | Read::Pong { consumed }
                | Read::Fragment { consumed } => consumed,
                Read::Close { .. } => return Ok(()),
            };
        }
        buffer.drain(..at);
        stream.write_all(&out).await?;
        out.clear();
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

fn answer(message: &[u8]) -> io::Result<Vec<u8>> {
    let up = msync::inspect_up(message, "").map_err(io::Error::other)?;
    Ok(match up.command {
        Command::Provision => msync::provision_answer(Some("soak"), None),
        Command::Unread => msync::unread_answer(1_764_000_000_000),
        _ => msync::sync_ack(up.meta_id.unwrap_or(0), 1, 1_764_000_000_000),
    })
}

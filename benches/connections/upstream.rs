//! A data centre that takes requests and answers them when it is told: `/hold`, `/release`, and
//! `/in-flight` for how many wait. Before the first `/hold` it answers at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    listen: SocketAddr,
}

struct Centre {
    holds: watch::Sender<bool>,
    in_flight: AtomicUsize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(Args::parse().listen)?;
    let listener = socket.listen(4096)?;
    let centre = Arc::new(Centre {
        holds: watch::Sender::new(false),
        in_flight: AtomicUsize::new(0),
    });
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let centre = Arc::clone(&centre);
        tokio::spawn(async move {
            // A proxy that leaves is nobody's fault.
            let _ = centre.serve(tcp).await;
        });
    }
}

impl Centre {
    async fn serve(&self, mut tcp: TcpStream) -> anyhow::Result<()> {
        loop {
            let head = read_head(&mut tcp).await?;
            let path = head.split(' ').nth(1).context("no path")?;
            let body = match path {
                "/hold" => self.set(true),
                "/release" => self.set(false),
                "/in-flight" => self.in_flight.load(Ordering::Relaxed).to_string(),
                _ => self.wait().await?,
            };
            let length = body.len();
            let words = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            tcp.write_all(words.as_bytes()).await?;
        }
    }

    fn set(&self, holds: bool) -> String {
        self.holds.send_replace(holds);
        String::new()
    }

    async fn wait(&self) -> anyhow::Result<String> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.holds.subscribe().wait_for(|holds| !holds).await?;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        Ok("x".repeat(512))
    }
}

async fn read_head(tcp: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < 16 * 1024, "an endless head");
        ensure!(tcp.read_buf(&mut head).await? > 0, "the end");
    }
    Ok(String::from_utf8(head)?)
}

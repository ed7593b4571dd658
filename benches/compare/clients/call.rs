//! A request over HTTP/1.1, and its answer read to the end.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};
use clap::Args;
use httparse::{EMPTY_HEADER, Response, Status};

#[derive(Args)]
pub struct Call {
    #[arg(long)]
    path: String,
    #[arg(long)]
    token: String,
}

impl Call {
    pub fn request(&self, connection: &str) -> String {
        let Self { path, token } = self;
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: {connection}\r\n\r\n"
        )
    }
}

/// One that keeps its connection.
pub struct Client {
    stream: TcpStream,
    request: String,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "it is the client")]
    pub fn connect(to: SocketAddr, request: String) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request })
    }

    pub fn call(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(self.request.as_bytes())?;
        let mut answer = [0; 4096];
        let mut come = 0;
        loop {
            let read = self.stream.read(&mut answer[come..])?;
            ensure!(read > 0, "an answer ends early");
            come += read;
            if length(&answer[..come])?.is_some_and(|length| length <= come) {
                return Ok(());
            }
        }
    }
}

/// Of an answer that must be good; `None`: its head is not complete.
pub fn length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut headers = [EMPTY_HEADER; 64];
    let mut response = Response::new(&mut headers);
    let Status::Complete(head) = response.parse(answer)? else {
        return Ok(None);
    };
    ensure!(response.code == Some(200), "status {:?}", response.code);
    let mut headers = response.headers.iter();
    let length = headers.find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let length = str::from_utf8(length.context("an answer without a length")?.value)?;
    Ok(Some(head + length.parse::<usize>()?))
}

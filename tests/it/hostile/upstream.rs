//! An upstream that does with each connection what a test says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use super::site::{PROMPT, UPSTREAM};

/// Listens until the process ends; its threads end with their connections.
pub struct Upstream {
    pub address: SocketAddr,
}

impl Upstream {
    /// Gives each connection to `serve`, on a thread of its own.
    pub fn start(serve: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((UPSTREAM, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(Connection::new(stream)));
            }
        });
        Self { address }
    }

    /// Answers every request with `200` and nothing, once its body is there.
    pub fn answering() -> Self {
        Self::start(|mut connection| {
            while let Some(head) = connection.head() {
                if !connection.skip_body(&head) {
                    return;
                }
                connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        })
    }
}

/// A gateway's connection.
pub struct Connection {
    pub reader: BufReader<TcpStream>,
    pub writer: TcpStream,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PROMPT * 2)).unwrap();
        Self {
            reader: BufReader::new(stream.try_clone().unwrap()),
            writer: stream,
        }
    }

    /// The next request's head; `None` when the connection ends.
    pub fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let read = self.reader.read_line(&mut head);
            if read.is_err() || matches!(read, Ok(0)) {
                return None;
            }
            if head.ends_with("\r\n\r\n") {
                return Some(head);
            }
        }
    }

    /// Reads a body to its end; `false` when the gateway goes before.
    pub fn skip_body(&mut self, head: &str) -> bool {
        if head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked")
        {
            return self.skip_chunks().is_ok();
        }
        let length = length(head);
        let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink());
        skipped.is_ok_and(|skipped| skipped == length)
    }

    fn skip_chunks(&mut self) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            io::copy(&mut self.reader.by_ref().take(size), &mut io::sink())?;
            self.reader.read_line(&mut line)?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Writes; `false` when the gateway has gone.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.writer.write_all(bytes.as_ref()).is_ok()
    }
}

/// What `Content-Length` says.
pub fn length(head: &str) -> u64 {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.map_or(0, |(_, value)| value.parse().unwrap())
}

//! A client that says what a test wants it to say, byte for byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::site::{HOST, PROMPT, Site};
use crate::harness::certificates;

/// A connection to a gateway.
pub struct Raw {
    stream: Stream,
    read: Vec<u8>,
}

/// What a connection has to say for a moment.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Something,
    End,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An answer over HTTP/1.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The code of a refusal of the gateway's own.
    pub fn code(&self) -> Option<&str> {
        self.header("domicile-code")
    }
}

impl Raw {
    pub fn plain(to: SocketAddr) -> Self {
        Self {
            stream: Stream::Plain(connect(to)),
            read: Vec::new(),
        }
    }

    /// TLS with one protocol of ALPN.
    pub fn tls(site: &Site, protocol: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(certificates::ca().as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from(HOST).unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = StreamOwned::new(session, connect(site.https));
        Self {
            stream: Stream::Tls(Box::new(stream)),
            read: Vec::new(),
        }
    }

    /// Writes; a peer that has gone is no fault of the test's.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes);
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream,
        };
        stream.write_all(bytes.as_ref())?;
        stream.flush()
    }

    /// Tells the peer that nothing more will come.
    pub fn finish(&mut self) {
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    pub fn tcp(&mut self) -> &mut TcpStream {
        match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_mut(),
        }
    }

    /// The next answer, 100 Continue included. `None` when the connection ends instead.
    ///
    /// # Panics
    /// When nothing comes within [`PROMPT`].
    #[track_caller]
    pub fn answer(&mut self) -> Option<Answer> {
        self.answer_to(false)
    }

    /// The same for HEAD, whose answer has no body.
    #[track_caller]
    pub fn answer_to(&mut self, head_only: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at;
            }
            if !self.more() {
                assert!(self.read.is_empty(), "half an answer: {:?}", self.seen());
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let mut answer = parse(&head);
        let bodiless = head_only || answer.status < 200 || matches!(answer.status, 204 | 304);
        if !bodiless {
            answer.body = self.body(&answer);
        }
        Some(answer)
    }

    #[track_caller]
    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        if answer.header("transfer-encoding").is_some() {
            return self.chunks();
        }
        let Some(length) = answer.header("content-length") else {
            while self.more() {}
            return std::mem::take(&mut self.read);
        };
        self.exactly(length.parse().unwrap())
    }

    #[track_caller]
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            body.extend(self.exactly(size));
            self.line();
            if size == 0 {
                return body;
            }
        }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        loop {
            if let Some(at) = find(&self.read, b"\r\n") {
                let line: Vec<u8> = self.read.drain(..at + 2).collect();
                return String::from_utf8(line).unwrap();
            }
            assert!(self.more(), "the connection ended within an answer");
        }
    }

    /// The next `length` bytes.
    #[track_caller]
    pub fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more(), "the connection ended within an answer");
        }
        self.read.drain(..length).collect()
    }

    /// The next `length` bytes, if the connection does not end before.
    #[track_caller]
    pub fn up_to(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            if !self.more() {
                return None;
            }
        }
        Some(self.read.drain(..length).collect())
    }

    /// Whatever still comes until the connection ends.
    ///
    /// # Panics
    /// When it does not end within [`PROMPT`].
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.read)
    }

    /// Reads some more; `false` at the end, which a reset is too.
    #[track_caller]
    pub fn more(&mut self) -> bool {
        match self.read_some() {
            Ok(count) if count > 0 => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("nothing came for {PROMPT:?}, after {:?}", self.seen())
            }
            _ => false,
        }
    }

    /// What comes within `time`.
    pub fn listen(&mut self, time: Duration) -> Heard {
        self.tcp().set_read_timeout(Some(time)).unwrap();
        let read = self.read_some();
        self.tcp().set_read_timeout(Some(PROMPT)).unwrap();
        match read {
            Ok(count) if count > 0 => Heard::Something,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            _ => Heard::End,
        }
    }

    fn read_some(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut buffer),
            Stream::Tls(stream) => stream.read(&mut buffer),
        };
        if let Ok(count) = read {
            self.read.extend_from_slice(&buffer[..count]);
        }
        read
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own client")]
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PROMPT)).unwrap();
    stream.set_write_timeout(Some(PROMPT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn parse(head: &[u8]) -> Answer {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5));
    let status = status.and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {head}")),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

/// Whether somebody listens there.
#[expect(clippy::disallowed_methods, reason = "a test's own client")]
pub fn accepts(at: SocketAddr) -> bool {
    TcpStream::connect(at).is_ok()
}

//! A server that sends every message back, for the Autobahn test suite (`tests/autobahn/run`) and
//! as an example of how the crate is driven. A thread for each connection, no TLS.
//!
//! ```sh
//! cargo run -p websocket --example echo -- 127.0.0.1:9001
//! ```

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use websocket::handshake::{accept_key, has_token, is_valid_key};
use websocket::{MessageKind, Opcode, Read, Reader, Role};

/// The most of a message, in bytes: the suite sends 16 MiB.
const MESSAGE: usize = 64 * 1024 * 1024;

/// The most of a request's head, in bytes.
const HEAD: usize = 16 * 1024;

/// What is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How long the other side may take to close.
const LINGER: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // Whoever leaves without a word is no reason to stop.
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(behind) = shake_hands(&mut stream)? else {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    };
    if let Some(code) = echo(&mut stream, behind)? {
        let mut bytes = Vec::new();
        websocket::close_frame(&mut bytes, code, "", None);
        stream.write_all(&bytes)?;
    }
    linger(&mut stream)
}

/// RFC 6455 section 4.2; gives what came behind the request, or nothing if that is no upgrade.
fn shake_hands(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD || more(stream, &mut bytes)? == 0 {
            return Ok(None);
        }
    };
    let behind = bytes.split_off(end);
    let Some(key) = str::from_utf8(&bytes).ok().and_then(key_of) else {
        return Ok(None);
    };
    let accept = accept_key(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    Ok(Some(behind))
}

/// The key of a request that asks for a WebSocket. No extension is ever agreed on.
fn key_of(head: &str) -> Option<&str> {
    let value = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let asks = head.starts_with("GET ")
        && has_token(value("connection")?, "upgrade")
        && has_token(value("upgrade")?, "websocket")
        && value("sec-websocket-version")? == websocket::handshake::VERSION;
    value("sec-websocket-key").filter(|key| asks && is_valid_key(key))
}

/// Sends messages back until the end; gives the code to close with, if there is to be a close frame.
fn echo(stream: &mut TcpStream, mut bytes: Vec<u8>) -> io::Result<Option<u16>> {
    let mut reader = Reader::new(Role::Server, MESSAGE);
    let mut out = Vec::new();
    loop {
        let (done, end) = answer(&mut reader, &mut bytes, &mut out);
        stream.write_all(&out)?;
        out.clear();
        match end {
            End::Close(code) => return Ok(Some(code)),
            End::Silently => {
                websocket::append_frame(&mut out, Opcode::Close, b"", None);
                stream.write_all(&out)?;
                return Ok(None);
            }
            End::NotYet => {}
        }
        bytes.drain(..done);
        if more(stream, &mut bytes)? == 0 {
            return Ok(None);
        }
    }
}

enum End {
    NotYet,
    Close(u16),
    /// With a close frame that has no code, as the one that came.
    Silently,
}

/// Appends to `out` what is to be said to the frames in `bytes`, and tells how many bytes of them
/// are done with.
fn answer(reader: &mut Reader, bytes: &mut [u8], out: &mut Vec<u8>) -> (usize, End) {
    let mut done = 0;
    loop {
        let read = match reader.read(&mut bytes[done..]) {
            Ok(read) => read,
            Err(fault) => return (done, End::Close(fault.close_code())),
        };
        done += match read {
            Read::Need(_) => return (done, End::NotYet),
            Read::Message {
                kind,
                payload,
                consumed,
                ..
            } => {
                let opcode = match kind {
                    MessageKind::Text => Opcode::Text,
                    MessageKind::Binary => Opcode::Binary,
                };
                websocket::append_frame(out, opcode, payload, None);
                consumed
            }
            Read::Ping { payload, consumed } => {
                websocket::append_frame(out, Opcode::Pong, payload, None);
                consumed
            }
            Read::Pong { consumed } | Read::Fragment { consumed } => consumed,
            Read::Close { code, .. } => return (done, code.map_or(End::Silently, End::Close)),
        };
    }
}

/// Appends what comes next; 0 at the end of the connection.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let before = bytes.len();
    bytes.resize(before + PIECE, 0);
    let came = stream.read(&mut bytes[before..]);
    bytes.truncate(before + came.as_ref().map_or(0, |came| *came));
    came
}

/// Lets the other side close: a reset could take the last words back.
fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    let mut scratch = [0; 4096];
    while stream.read(&mut scratch)? > 0 {}
    Ok(())
}

//! Frames of any kind, right or wrong, and what a reader makes of them.

use websocket::{Fault, MAX_CONTROL, MAX_HEADER, MessageKind, Read, Reader, Role};

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const FIN: u8 = 0x80;

pub const LIMIT: usize = 70_000;
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A reader's answers, but [`Read::Need`], as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Text(String),
    Binary(Vec<u8>),
    Fragment,
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>, String),
    Fault(Fault),
}

/// A frame before it is masked: its first byte and its payload.
pub type Plain = (u8, Vec<u8>);

/// Frames and what is to come of them, whichever side reads them.
pub fn expect(name: &str, frames: &[Plain], events: &[Event]) {
    for role in [Role::Server, Role::Client] {
        let stream: Vec<u8> = frames.iter().flat_map(|frame| raw(role, frame)).collect();
        expect_bytes(name, role, &stream, events);
    }
}

/// Bytes and what is to come of them, however they are chopped.
pub fn expect_bytes(name: &str, role: Role, stream: &[u8], events: &[Event]) {
    let check = |chopping: &str, pieces: &mut dyn Iterator<Item = &[u8]>| {
        let seen = read(role, LIMIT, pieces);
        assert!(
            seen == events,
            "{name}, {role:?}, {chopping}: {}",
            brief(&seen)
        );
    };
    check("whole", &mut [stream].into_iter());
    for size in [1, 2, 3, 7, 64, 4096] {
        check(&format!("by {size}"), &mut stream.chunks(size));
    }
    for cut in (0..stream.len()).take(300) {
        let (first, second) = stream.split_at(cut);
        check(&format!("cut at {cut}"), &mut [first, second].into_iter());
    }
}

/// What a reader makes of a stream that comes in pieces.
pub fn read<'a>(
    role: Role,
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Event> {
    let mut reader = Reader::new(role, limit);
    let (mut buffer, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut at = 0;
        while let Some((event, consumed)) = step(&mut reader, &mut buffer[at..], limit) {
            let over = matches!(event, Event::Fault(_) | Event::Close(..));
            events.push(event);
            if over {
                return events;
            }
            at += consumed;
        }
        assert!(reader.held() <= limit);
        buffer.drain(..at);
    }
    events
}

/// One read: the event and the bytes it took, or nothing when more bytes are needed.
pub fn step(reader: &mut Reader, buffer: &mut [u8], limit: usize) -> Option<(Event, usize)> {
    let there = buffer.len();
    let read = match reader.read(buffer) {
        Ok(read) => read,
        Err(fault) => return Some((Event::Fault(fault), 0)),
    };
    let (event, consumed) = match read {
        Read::Need(bytes) => {
            assert!(bytes > there && bytes <= MAX_HEADER + limit.max(MAX_CONTROL));
            return None;
        }
        Read::Message {
            kind,
            payload,
            consumed,
            whole,
            header,
        } => {
            assert!(!whole || header + payload.len() == consumed);
            (message(kind, payload), consumed)
        }
        Read::Ping { payload, consumed } => (Event::Ping(payload.to_vec()), consumed),
        Read::Pong { consumed } => (Event::Pong, consumed),
        Read::Fragment { consumed } => (Event::Fragment, consumed),
        Read::Close {
            code,
            reason,
            consumed,
        } => (Event::Close(code, reason.to_owned()), consumed),
    };
    assert!((2..=there).contains(&consumed));
    Some((event, consumed))
}

/// What the peer of `role` would send, written without the crate's own writer.
pub fn raw(role: Role, (first, payload): &Plain) -> Vec<u8> {
    let mask = if role == Role::Server { 0x80 } else { 0 };
    let mut out = vec![*first];
    match payload.len() {
        length @ 0..=125 => out.push(mask | length as u8),
        length @ 126..=65_535 => {
            out.push(mask | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    if role == Role::Server {
        out.extend(KEY);
        out.extend(
            payload
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ KEY[at % 4]),
        );
    } else {
        out.extend(payload);
    }
    out
}

/// A frame with FIN.
pub fn whole(opcode: u8, payload: impl AsRef<[u8]>) -> Plain {
    (FIN | opcode, payload.as_ref().to_vec())
}

/// A frame without FIN.
pub fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Plain {
    (opcode, payload.as_ref().to_vec())
}

pub fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

pub fn binary(bytes: impl AsRef<[u8]>) -> Event {
    Event::Binary(bytes.as_ref().to_vec())
}

pub fn ping(bytes: impl AsRef<[u8]>) -> Event {
    Event::Ping(bytes.as_ref().to_vec())
}

fn message(kind: MessageKind, payload: &[u8]) -> Event {
    match kind {
        MessageKind::Text => Event::Text(String::from_utf8(payload.to_vec()).expect("checked")),
        MessageKind::Binary => Event::Binary(payload.to_vec()),
    }
}

fn brief(events: &[Event]) -> String {
    format!("{events:?}").chars().take(400).collect()
}

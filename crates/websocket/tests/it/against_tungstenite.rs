//! Against `tungstenite`, an independent implementation: each reads what the other writes, and both
//! find the same messages in the same bytes, up to the same first fault.

use std::io::{self, Cursor, Write};

use proptest::prelude::*;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::{Error, Message, WebSocket, protocol};
use websocket::{Fault, Opcode, Role, append_frame, close_frame};

use crate::support::*;

proptest! {
    #[test]
    fn it_reads_what_is_written_here(messages in messages(), key: [u8; 4], server: bool) {
        let (role, key) = if server { (Role::Server, Some(key)) } else { (Role::Client, None) };
        let mut stream = Vec::new();
        for message in &messages {
            write(&mut stream, message, key);
        }
        prop_assert_eq!(theirs(role, &stream), messages);
    }

    #[test]
    fn what_it_writes_is_read_here(messages in messages(), server: bool) {
        let (role, writer) = if server {
            (Role::Server, protocol::Role::Client)
        } else {
            (Role::Client, protocol::Role::Server)
        };
        let mut socket = WebSocket::from_raw_socket(Cursor::new(Vec::new()), writer, None);
        for message in &messages {
            // After a close frame it reports the connection as closed.
            let _ = socket.send(as_theirs(message));
        }
        let stream = socket.into_inner().into_inner();
        prop_assert_eq!(ours(role, &stream), messages);
    }

    #[test]
    fn both_read_the_same(
        frames in prop::collection::vec(frame(), 0..10),
        server: bool,
        flip: Option<(prop::sample::Index, u8)>,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let mut stream: Vec<u8> = frames.iter().flat_map(|frame| raw(role, frame)).collect();
        if let (Some((at, bit)), false) = (flip, stream.is_empty()) {
            *at.get_mut(&mut stream) ^= 1 << (bit % 8);
        }
        let (ours, theirs) = (ours(role, &stream), theirs(role, &stream));
        match ours.split_last() {
            // It does not know this code, bad gateway, registered after the RFC.
            Some((Event::Close(Some(1014), _), before)) => {
                prop_assert!(theirs.starts_with(before));
            }
            Some((Event::Fault(fault), before)) if laxer(*fault) => {
                prop_assert!(theirs.starts_with(before));
            }
            Some((Event::Fault(_), before)) => {
                let faultless: Vec<_> = theirs.iter().filter(|e| !is_fault(e)).cloned().collect();
                prop_assert_eq!(faultless, before);
            }
            _ => prop_assert_eq!(ours, theirs),
        }
    }
}

/// Faults that it may overlook: it takes lengths that are not minimal (so also a short ping with a
/// long length) or have the top bit set, and turns a code that must not be sent into one that may.
fn laxer(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::NotMinimalLength | Fault::LengthTopBit | Fault::ControlTooLong | Fault::CloseCode
    )
}

fn is_fault(event: &Event) -> bool {
    matches!(event, Event::Fault(_))
}

/// Our events without fragments, which it does not report.
fn ours(role: Role, stream: &[u8]) -> Vec<Event> {
    let mut events = read(role, LIMIT, [stream]);
    events.retain(|event| *event != Event::Fragment);
    events
}

/// Its events. Where the stream ends in the middle it has no fault, only no more bytes; any other
/// error stands as one fault for all.
fn theirs(role: Role, stream: &[u8]) -> Vec<Event> {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let mut socket = WebSocket::from_raw_socket(Incoming(Cursor::new(stream)), role, Some(config));
    let mut events = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => events.push(event(message)),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return events,
            Err(_) => {
                events.push(Event::Fault(Fault::Utf8));
                return events;
            }
        }
        if let Some(Event::Close(..)) = events.last() {
            return events;
        }
    }
}

fn event(message: Message) -> Event {
    match message {
        Message::Text(message) => text(&message),
        Message::Binary(message) => binary(message),
        Message::Ping(payload) => ping(payload),
        Message::Pong(_) => Event::Pong,
        Message::Close(None) => Event::Close(None, String::new()),
        Message::Close(Some(frame)) => {
            Event::Close(Some(frame.code.into()), frame.reason.to_string())
        }
        Message::Frame(_) => unreachable!("never read"),
    }
}

fn as_theirs(event: &Event) -> Message {
    match event {
        Event::Text(text) => Message::text(text.as_str()),
        Event::Binary(bytes) => Message::binary(bytes.clone()),
        Event::Ping(payload) => Message::Ping(payload.clone().into()),
        Event::Pong => Message::Pong(b"pong"[..].into()),
        Event::Close(code, reason) => Message::Close(code.map(|code| CloseFrame {
            code: code.into(),
            reason: reason.as_str().into(),
        })),
        Event::Fragment | Event::Fault(_) => unreachable!("not a message"),
    }
}

fn write(out: &mut Vec<u8>, event: &Event, key: Option<[u8; 4]>) {
    match event {
        Event::Text(text) => append_frame(out, Opcode::Text, text.as_bytes(), key),
        Event::Binary(bytes) => append_frame(out, Opcode::Binary, bytes, key),
        Event::Ping(payload) => append_frame(out, Opcode::Ping, payload, key),
        Event::Pong => append_frame(out, Opcode::Pong, b"pong", key),
        Event::Close(None, _) => append_frame(out, Opcode::Close, b"", key),
        Event::Close(Some(code), reason) => close_frame(out, *code, reason, key),
        Event::Fragment | Event::Fault(_) => unreachable!("not a message"),
    }
}

/// Messages and control frames, the last of them perhaps a close.
fn messages() -> impl Strategy<Value = Vec<Event>> {
    let message = prop_oneof![
        "\\PC{0,100}".prop_map(Event::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Event::Binary),
        prop::collection::vec(any::<u8>(), 65_500..65_600).prop_map(Event::Binary),
        prop::collection::vec(any::<u8>(), 0..126).prop_map(Event::Ping),
        Just(Event::Pong),
    ];
    let close = prop_oneof![
        Just(Event::Close(None, String::new())),
        (
            prop::sample::select(vec![1000, 1001, 1008, 1013, 3000, 4999]),
            "[a-zé]{0,60}"
        )
            .prop_map(|(code, reason)| Event::Close(Some(code), reason)),
    ];
    (
        prop::collection::vec(message, 0..8),
        prop::option::of(close),
    )
        .prop_map(|(mut all, close)| {
            all.extend(close);
            all
        })
}

/// One frame, mostly of a right kind, mostly short.
fn frame() -> impl Strategy<Value = Plain> {
    let first = prop::sample::select(vec![
        0x00, 0x00, 0x80, 0x80, 0x01, 0x81, 0x02, 0x82, 0x82, 0x89, 0x8A, 0x88, 0x09, 0x83, 0xC2,
    ]);
    let payload = prop_oneof![
        4 => "[aé]{0,20}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..30),
        1 => (900..1100_u16).prop_map(|code| code.to_be_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 120..130),
    ];
    (first, payload)
}

/// A stream that has what it has; what is written to it is dropped.
struct Incoming<'a>(Cursor<&'a [u8]>);

impl io::Read for Incoming<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! WebSocket frames: an input is a byte that chooses side and limit, a byte that chooses the
//! pieces, then what the peer sends.
//!
//! Whatever comes and however it is chopped, nothing panics, the events are the same, and no more
//! is held than a message may have. What came as one frame can go on as one.

#![no_main]

use websocket::{
    MAX_CONTROL, MAX_HEADER, MessageKind, Opcode, Read, Reader, Role, append_frame, code, remask,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, pieces, stream @ ..] = data else {
        return;
    };
    let role = if choice & 1 == 0 {
        Role::Server
    } else {
        Role::Client
    };
    let limit = [0, 10, 200, 3000][usize::from(choice >> 1) % 4];
    let whole = events(role, limit, &mut [stream].into_iter());
    assert_eq!(whole, events(role, limit, &mut stream.chunks(1)));
    let size = usize::from(*pieces) + 2;
    assert_eq!(whole, events(role, limit, &mut stream.chunks(size)));
});

/// Everything that is read, as text.
fn events(role: Role, limit: usize, pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<String> {
    let mut reader = Reader::new(role, limit);
    let (mut buffer, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut at = 0;
        while let Some((event, consumed)) = step(&mut reader, &mut buffer[at..], role, limit) {
            events.push(event);
            at += consumed;
            assert!(reader.held() <= limit);
            if consumed == 0 {
                return events;
            }
        }
        buffer.drain(..at);
    }
    events
}

/// One read. Nothing is consumed by what ends the connection.
fn step(
    reader: &mut Reader,
    buffer: &mut [u8],
    role: Role,
    limit: usize,
) -> Option<(String, usize)> {
    let there = buffer.len();
    let read = match reader.read(buffer) {
        Ok(read) => read,
        Err(fault) => {
            assert!(code::is_valid(fault.close_code()));
            return Some((format!("{fault:?}"), 0));
        }
    };
    let text = format!("{read:?}");
    match read {
        Read::Need(bytes) => {
            assert!(bytes > there && bytes <= limit.max(MAX_CONTROL) + MAX_HEADER);
            None
        }
        Read::Message {
            kind,
            payload,
            consumed,
            whole,
            header,
        } => {
            assert!(payload.len() <= limit && consumed <= there);
            assert!(kind == MessageKind::Binary || str::from_utf8(payload).is_ok());
            if whole {
                let payload = payload.to_vec();
                goes_on(&mut buffer[..consumed], role, kind, &payload, header);
            }
            Some((text, consumed))
        }
        Read::Ping { payload, consumed } => {
            assert!(payload.len() <= MAX_CONTROL && consumed <= there);
            Some((text, consumed))
        }
        Read::Pong { consumed } | Read::Fragment { consumed } => Some((text, consumed)),
        Read::Close { code, .. } => {
            assert!(code.is_none_or(code::is_valid));
            Some((text, 0))
        }
    }
}

/// The frame, masked again if it was, is the one that the writer would make.
fn goes_on(frame: &mut [u8], role: Role, kind: MessageKind, payload: &[u8], header: usize) {
    let key = match role {
        Role::Server => Some([1, 2, 3, 4]),
        Role::Client => None,
    };
    if let Some(key) = key {
        remask(frame, header, key);
    }
    let opcode = match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    };
    let mut written = Vec::new();
    append_frame(&mut written, opcode, payload, key);
    assert_eq!(frame, written);
}

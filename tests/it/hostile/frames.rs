//! HTTP/2 by the frame, well-formed or not (RFC 9113).

use super::raw::Raw;
use super::site::Site;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// An HTTP/2 connection to a gateway.
pub struct Frames {
    pub raw: Raw,
}

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What a stream came to.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The body of an answer.
    Answered(Vec<u8>),
    /// RST_STREAM, with its error code.
    Reset(u32),
    /// GOAWAY with an error, and its code.
    Away(u32),
    Closed,
}

impl Frames {
    /// Connects and says what HTTP/2 begins with; `settings` are pairs of an id and a value.
    pub fn open(site: &Site, settings: &[(u16, u32)]) -> Self {
        let mut raw = Raw::tls(site, "h2");
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &payload));
        raw.send(bytes);
        Self { raw }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.raw.send(bytes);
    }

    /// The next frame; `None` when the connection ends.
    #[track_caller]
    pub fn next(&mut self) -> Option<Frame> {
        let head = self.raw.up_to(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream,
            payload: self.raw.up_to(usize::try_from(length).unwrap())?,
        })
    }

    /// Reads on until the connection ends, as a client does that is told to go away.
    #[track_caller]
    pub fn until_closed(&mut self) {
        while let Some(came) = self.next() {
            if came.kind == PING && came.flags & ACK == 0 {
                self.send(frame(PING, ACK, 0, &came.payload));
            }
        }
    }

    /// Reads on until the stream has come to its end, or all have.
    #[track_caller]
    pub fn end_of(&mut self, stream: u32) -> End {
        let mut body = Vec::new();
        while let Some(frame) = self.next() {
            let ends = frame.flags & END_STREAM != 0;
            match frame.kind {
                GOAWAY if error_at(&frame.payload, 4) != 0 => {
                    return End::Away(error_at(&frame.payload, 4));
                }
                RST_STREAM if frame.stream == stream => {
                    return End::Reset(error_at(&frame.payload, 0));
                }
                DATA if frame.stream == stream => {
                    body.extend_from_slice(&frame.payload);
                    if ends {
                        return End::Answered(body);
                    }
                }
                HEADERS if frame.stream == stream && ends => return End::Answered(body),
                _ => {}
            }
        }
        End::Closed
    }
}

fn error_at(payload: &[u8], at: usize) -> u32 {
    let bytes = payload.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A field list as HPACK literals that are not indexed (RFC 7541 section 6.2.2).
pub fn fields<'a>(list: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in list {
        block.push(0);
        string(name, &mut block);
        string(value, &mut block);
    }
    block
}

/// A length with a prefix of 7 bits, and the bytes, not Huffman-coded.
fn string(text: &str, block: &mut Vec<u8>) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128 + 128).unwrap());
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend_from_slice(text.as_bytes());
}

/// HEADERS, and as many CONTINUATION as it takes.
pub fn head(stream: u32, ends: bool, block: &[u8]) -> Vec<u8> {
    let mut pieces: Vec<&[u8]> = block.chunks(16 * 1024).collect();
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    let last = pieces.len() - 1;
    let mut bytes = Vec::new();
    for (n, piece) in pieces.into_iter().enumerate() {
        let kind = if n == 0 { HEADERS } else { CONTINUATION };
        let mut flags = if n == 0 && ends { END_STREAM } else { 0 };
        if n == last {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, stream, piece));
    }
    bytes
}

//! Where a message begins and ends: a WebSocket's frames, or a length in front.

use websocket::{MessageKind, Opcode, Read, Reader, Role};

/// How one end's messages are framed.
#[derive(Debug)]
pub(super) enum Framing {
    Websocket(Reader),
    /// Four bytes of length, big-endian, in front of each message.
    Length {
        most: usize,
    },
}

/// What is at the start of a buffer; `consumed` of its bytes are done with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'b> {
    /// Not whole: this many bytes are needed in all.
    Need(usize),
    Message {
        /// In the clear, wherever it is.
        payload: &'b mut [u8],
        consumed: usize,
        /// The length of what stands before it.
        header: usize,
        /// It is one frame, `..consumed` of the buffer.
        whole: bool,
    },
    Ping {
        payload: &'b [u8],
        consumed: usize,
    },
    /// A pong, or part of a message.
    Nothing {
        consumed: usize,
    },
    Close(Option<u16>),
}

/// Why the bytes are no messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingFault {
    #[error(transparent)]
    Websocket(#[from] websocket::Fault),
    #[error("a text message: MSYNC is binary")]
    Text,
    #[error("a message is larger than allowed")]
    TooBig,
}

/// The length in front of a message over TCP, in bytes.
const LENGTH: usize = 4;

impl Framing {
    pub fn websocket(role: Role, most: usize) -> Self {
        Self::Websocket(Reader::new(role, most))
    }

    /// Messages may be this long from now on.
    pub const fn allow(&mut self, bytes: usize) {
        match self {
            Self::Websocket(reader) => reader.allow(bytes),
            Self::Length { most } => *most = bytes,
        }
    }

    pub fn next<'b>(&'b mut self, buffer: &'b mut [u8]) -> Result<Next<'b>, FramingFault> {
        match self {
            Self::Websocket(reader) => next_frame(reader, buffer),
            Self::Length { most } => next_length(*most, buffer),
        }
    }

    pub const fn is_websocket(&self) -> bool {
        matches!(self, Self::Websocket(_))
    }

    /// Appends a message, framed. `mask` for what goes to a WebSocket's server.
    pub fn append(&self, out: &mut Vec<u8>, message: &[u8], mask: Option<[u8; 4]>) {
        match self {
            Self::Websocket(_) => websocket::append_frame(out, Opcode::Binary, message, mask),
            Self::Length { .. } => {
                // No message is longer than the limit, which fits.
                let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(message);
            }
        }
    }
}

fn next_frame<'b>(reader: &'b mut Reader, buffer: &'b mut [u8]) -> Result<Next<'b>, FramingFault> {
    Ok(match reader.read(buffer)? {
        Read::Need(bytes) => Next::Need(bytes),
        Read::Message {
            kind: MessageKind::Text,
            ..
        } => return Err(FramingFault::Text),
        Read::Message {
            payload,
            consumed,
            header,
            whole,
            ..
        } => Next::Message {
            payload,
            consumed,
            header,
            whole,
        },
        Read::Ping { payload, consumed } => Next::Ping { payload, consumed },
        Read::Pong { consumed } | Read::Fragment { consumed } => Next::Nothing { consumed },
        Read::Close { code, .. } => Next::Close(code),
    })
}

fn next_length(most: usize, buffer: &mut [u8]) -> Result<Next<'_>, FramingFault> {
    let Some(length) = buffer.first_chunk::<LENGTH>() else {
        return Ok(Next::Need(LENGTH));
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > most {
        return Err(FramingFault::TooBig);
    }
    let consumed = LENGTH + length;
    Ok(match buffer.get_mut(LENGTH..consumed) {
        Some(payload) => Next::Message {
            payload,
            consumed,
            header: LENGTH,
            whole: true,
        },
        None => Next::Need(consumed),
    })
}

impl FramingFault {
    pub fn is_too_big(self) -> bool {
        matches!(
            self,
            Self::TooBig | Self::Websocket(websocket::Fault::TooBig)
        )
    }

    /// What a WebSocket closes with (RFC 6455 section 7.4.1).
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Websocket(fault) => fault.close_code(),
            Self::Text => websocket::code::UNSUPPORTED_DATA,
            Self::TooBig => websocket::code::TOO_BIG,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_believed_only_up_to_the_limit() {
        let mut framing = Framing::Length { most: 8 };
        let mut whole = *b"\0\0\0\x02hi rest";
        let next = framing.next(&mut whole).unwrap();
        let Next::Message {
            payload, consumed, ..
        } = next
        else {
            panic!("{next:?}");
        };
        assert_eq!((&*payload, consumed), (&b"hi"[..], 6));
        for (bytes, needed) in [(&b""[..], 4), (b"\0\0", 4), (b"\0\0\0\x08abc", 12)] {
            let mut bytes = bytes.to_vec();
            assert_eq!(framing.next(&mut bytes), Ok(Next::Need(needed)));
        }
        for length in [9, 0x0100_0000, u32::MAX] {
            let mut bytes = length.to_be_bytes();
            assert_eq!(framing.next(&mut bytes), Err(FramingFault::TooBig));
        }
    }

    #[test]
    fn text_is_refused_with_its_own_close_code() {
        let mut framing = Framing::websocket(Role::Server, 100);
        let mut bytes = Vec::new();
        websocket::append_frame(&mut bytes, Opcode::Text, b"hi", Some([1, 2, 3, 4]));
        let fault = framing.next(&mut bytes).unwrap_err();
        assert_eq!((fault, fault.close_code()), (FramingFault::Text, 1003));
    }
}

//! The chunked transfer coding (RFC 9112 section 7.1).

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::body::Piece;
use crate::fault::Fault;

/// The most that the line of a chunk's size may have, with its extensions, in bytes.
const LINE: usize = 1024;

/// The most that trailers may have, in bytes.
const TRAILERS: usize = 16 * 1024;

/// The most trailers.
const FIELDS: usize = 64;

const LINE_END: &[u8] = b"\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// The line with a chunk's size is next.
    Size,
    /// So many bytes of a chunk are next.
    Data(u64),
    /// The line end behind a chunk is next.
    End,
    /// The last chunk was there.
    Trailers,
    Over,
}

impl Chunked {
    pub(crate) fn read(&mut self, buffer: &mut BytesMut) -> Result<Piece, Fault> {
        loop {
            match self {
                Self::Size => match take_line(buffer, LINE).ok_or(Fault::ChunkSize)? {
                    None => return Ok(Piece::More),
                    Some(line) => *self = Self::after(size(&line)?),
                },
                Self::Data(_) if buffer.is_empty() => return Ok(Piece::More),
                Self::Data(left) => {
                    let taken = buffer
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let left = *left - taken as u64;
                    *self = if left == 0 {
                        Self::End
                    } else {
                        Self::Data(left)
                    };
                    return Ok(Piece::Data(buffer.split_to(taken).freeze()));
                }
                Self::End => {
                    let there = buffer.len().min(LINE_END.len());
                    if buffer[..there] != LINE_END[..there] {
                        return Err(Fault::ChunkEnd);
                    }
                    if there < LINE_END.len() {
                        return Ok(Piece::More);
                    }
                    buffer.advance(there);
                    *self = Self::Size;
                }
                Self::Trailers => return self.trailers(buffer),
                Self::Over => return Ok(Piece::End),
            }
        }
    }

    const fn after(size: u64) -> Self {
        match size {
            0 => Self::Trailers,
            size => Self::Data(size),
        }
    }

    fn trailers(&mut self, buffer: &mut BytesMut) -> Result<Piece, Fault> {
        let end = if buffer.starts_with(LINE_END) {
            Some(LINE_END.len())
        } else {
            memchr::memmem::find(buffer, b"\r\n\r\n").map(|at| at + 4)
        };
        match end {
            None if buffer.len() > TRAILERS => Err(Fault::Trailers),
            None => Ok(Piece::More),
            Some(end) if end > TRAILERS => Err(Fault::Trailers),
            Some(end) => {
                let lines = buffer.split_to(end).freeze();
                *self = Self::Over;
                Ok(match fields(&lines)? {
                    trailers if trailers.is_empty() => Piece::End,
                    trailers => Piece::Trailers(trailers),
                })
            }
        }
    }
}

/// A line without its end; the inner `None` until it is there, the outer one when it is too long.
fn take_line(buffer: &mut BytesMut, most: usize) -> Option<Option<BytesMut>> {
    let Some(at) = memchr::memchr(b'\n', &buffer[..buffer.len().min(most)]) else {
        return (buffer.len() < most).then_some(None);
    };
    let mut line = buffer.split_to(at + 1);
    if !line.ends_with(LINE_END) {
        return None;
    }
    line.truncate(at - 1);
    Some(Some(line))
}

/// Hexadecimal digits, and behind a semicolon extensions, which nobody reads.
fn size(line: &[u8]) -> Result<u64, Fault> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit());
    let (digits, rest) = line.split_at(end.unwrap_or(line.len()));
    let extends = matches!(rest.trim_ascii_start().first(), None | Some(b';'));
    // A blank behind the digits alone is no extension.
    if digits.is_empty() || !extends || rest.iter().all(u8::is_ascii_whitespace) && !rest.is_empty()
    {
        return Err(Fault::ChunkSize);
    }
    if rest
        .iter()
        .any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f)
    {
        return Err(Fault::ChunkSize);
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(u64::from);
    let size = digits.iter().try_fold(0_u64, |size, byte| {
        Some(size.checked_mul(16)? + digit(byte)?)
    });
    size.ok_or(Fault::ChunkSize)
}

fn fields(lines: &Bytes) -> Result<HeaderMap, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let parsed = httparse::parse_headers(lines, &mut fields).map_err(|_| Fault::Trailers)?;
    let httparse::Status::Complete((read, fields)) = parsed else {
        return Err(Fault::Trailers);
    };
    if read != lines.len() {
        return Err(Fault::Trailers);
    }
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(lines.slice_ref(field.value));
        match (name, value) {
            (Ok(name), Ok(value)) => map.append(name, value),
            _ => return Err(Fault::Trailers),
        };
    }
    Ok(map)
}

//! Reading one direction of a connection.

use crate::close;
use crate::fault::Fault;
use crate::fragments::Fragments;
use crate::frame::{MessageKind, Opcode, Role};
use crate::header::Start;
use crate::mask::mask;

/// The state between reads of what one peer sends. An idle connection holds 24 bytes; a buffer
/// exists only while a fragmented message is under way.
#[derive(Debug)]
pub struct Reader {
    fragments: Option<Box<Fragments>>,
    max_message: usize,
    role: Role,
}

/// What was found at the start of the buffer. `consumed` is the number of its bytes that are done
/// with, always one whole frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'b> {
    /// Not a whole frame yet. At least this many bytes are needed in all, more than there are: two
    /// for a start, then the header's length, then the frame's. Never more than
    /// [`MAX_HEADER`](crate::MAX_HEADER) + the longest message allowed (or
    /// [`MAX_CONTROL`](crate::MAX_CONTROL), if that is more).
    Need(usize),
    /// A whole message.
    Message {
        /// What it holds.
        kind: MessageKind,
        /// Its content, unmasked: `header..consumed` of the buffer if `whole`, else in the reader.
        payload: &'b mut [u8],
        /// The bytes of the buffer that are done with.
        consumed: usize,
        /// The message came as one frame, `..consumed` of the buffer: not masked, it can go on as
        /// it came; masked, after [`remask`](crate::remask).
        whole: bool,
        /// The length of the frame's header, in bytes.
        header: usize,
    },
    /// To be answered by a pong with this payload.
    Ping {
        /// At most [`MAX_CONTROL`](crate::MAX_CONTROL) bytes.
        payload: &'b [u8],
        /// The bytes of the buffer that are done with.
        consumed: usize,
    },
    /// Nothing to do.
    Pong {
        /// The bytes of the buffer that are done with.
        consumed: usize,
    },
    /// The last frame: to be answered by a close frame, unless one was sent. Whatever follows must
    /// not be read (RFC 6455, section 5.5.1).
    Close {
        /// A [valid](crate::code::is_valid) code, if there is one.
        code: Option<u16>,
        /// What the peer says; text from outside.
        reason: &'b str,
        /// The bytes of the buffer that are done with.
        consumed: usize,
    },
    /// Part of a message, taken into the reader.
    Fragment {
        /// The bytes of the buffer that are done with.
        consumed: usize,
    },
}

impl Reader {
    /// For what the other end sends to `role`. No message may be longer than `max_message` bytes.
    #[must_use]
    pub fn new(role: Role, max_message: usize) -> Reader {
        Reader {
            fragments: None,
            max_message,
            role,
        }
    }

    /// Messages may be this long, in bytes, from the next frame on.
    pub const fn allow(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// Looks at `buffer`, which starts with a frame's first byte, and consumes at most one frame:
    /// a masked payload is unmasked in place, once the frame is all there. After
    /// [`Read::Need`] call again with the same bytes and more behind them; after anything else with
    /// what follows `consumed`.
    ///
    /// A fragmented message stays in memory until the next call. A caller that reads until
    /// [`Read::Need`] holds nothing while it waits.
    ///
    /// # Errors
    /// The first [`Fault`] of the peer. The connection is over: neither this reader nor the buffer
    /// are of any more use.
    pub fn read<'b>(&'b mut self, buffer: &'b mut [u8]) -> Result<Read<'b>, Fault> {
        self.forget_finished();
        let Some(start) = buffer.first_chunk() else {
            return Ok(Read::Need(2));
        };
        let start = Start::parse(*start, self.role)?;
        self.require_turn(start.opcode)?;
        let header = start.header();
        let Some(payload) = start.payload(buffer)? else {
            return Ok(Read::Need(header));
        };
        let consumed = header.saturating_add(self.require_room(start.opcode, payload)?);
        match buffer.get_mut(..consumed) {
            Some(frame) => self.take(start, unmasked(frame, header, start.masked), consumed),
            None => Ok(Read::Need(consumed)),
        }
    }

    /// The bytes that are held for a fragmented message, never more than a message may have.
    #[must_use]
    pub fn held(&self) -> usize {
        self.fragments
            .as_ref()
            .map_or(0, |fragments| fragments.bytes.capacity())
    }

    fn forget_finished(&mut self) {
        if self.fragments.as_ref().is_some_and(|f| f.finished) {
            self.fragments = None;
        }
    }

    /// A continuation continues something, a new message interrupts nothing.
    fn require_turn(&self, opcode: Opcode) -> Result<(), Fault> {
        match (opcode, &self.fragments) {
            (Opcode::Continuation, None) => Err(Fault::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Fault::ExpectedContinuation),
            _ => Ok(()),
        }
    }

    /// The payload's length, if the message may be that long. Control frames were checked already.
    fn require_room(&self, opcode: Opcode, payload: u64) -> Result<usize, Fault> {
        let payload = usize::try_from(payload).map_err(|_| Fault::TooBig)?;
        let so_far = self.fragments.as_ref().map_or(0, |f| f.bytes.len());
        if opcode.is_control() || payload <= self.max_message.saturating_sub(so_far) {
            Ok(payload)
        } else {
            Err(Fault::TooBig)
        }
    }

    fn take<'b>(
        &'b mut self,
        start: Start,
        payload: &'b mut [u8],
        consumed: usize,
    ) -> Result<Read<'b>, Fault> {
        match start.opcode {
            Opcode::Binary => self.begin(MessageKind::Binary, start, payload, consumed),
            Opcode::Text => self.begin(MessageKind::Text, start, payload, consumed),
            Opcode::Continuation => self.go_on(start, payload, consumed),
            Opcode::Ping => Ok(Read::Ping { payload, consumed }),
            Opcode::Pong => Ok(Read::Pong { consumed }),
            Opcode::Close => close(payload, consumed),
        }
    }

    fn begin<'b>(
        &mut self,
        kind: MessageKind,
        start: Start,
        payload: &'b mut [u8],
        consumed: usize,
    ) -> Result<Read<'b>, Fault> {
        if start.fin {
            return whole(kind, start, payload, consumed);
        }
        let mut fragments = Box::new(Fragments::new(kind));
        fragments.push(payload, self.max_message)?;
        self.fragments = Some(fragments);
        Ok(Read::Fragment { consumed })
    }

    fn go_on(&mut self, start: Start, payload: &[u8], consumed: usize) -> Result<Read<'_>, Fault> {
        let fragments = self.fragments.as_mut();
        let fragments = fragments.ok_or(Fault::UnexpectedContinuation)?;
        fragments.push(payload, self.max_message)?;
        if !start.fin {
            return Ok(Read::Fragment { consumed });
        }
        Ok(Read::Message {
            kind: fragments.kind,
            payload: fragments.finish()?,
            consumed,
            whole: false,
            header: start.header(),
        })
    }
}

/// The payload of a whole frame, in the clear.
fn unmasked(frame: &mut [u8], header: usize, masked: bool) -> &mut [u8] {
    let (header, payload) = frame.split_at_mut(header);
    if let (true, Some(key)) = (masked, header.last_chunk()) {
        mask(payload, *key);
    }
    payload
}

fn whole(
    kind: MessageKind,
    start: Start,
    payload: &mut [u8],
    consumed: usize,
) -> Result<Read<'_>, Fault> {
    if kind == MessageKind::Text {
        str::from_utf8(payload).map_err(|_| Fault::Utf8)?;
    }
    Ok(Read::Message {
        kind,
        payload,
        consumed,
        whole: true,
        header: start.header(),
    })
}

fn close(body: &[u8], consumed: usize) -> Result<Read<'_>, Fault> {
    let (code, reason) = close::parse(body)?;
    Ok(Read::Close {
        code,
        reason,
        consumed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_reader_is_small() {
        assert!(size_of::<Reader>() <= 24);
    }
}

//! A message that comes in fragments (RFC 6455, section 5.4).

use crate::fault::Fault;
use crate::frame::MessageKind;

/// The most fragments that a message may have: 131,072, so that an endless run of empty ones, which
/// no limit on bytes would ever stop, ends. Headers then add at most 1,792 KiB to a message. (The
/// Autobahn test suite sends 65,537.)
pub const MAX_FRAGMENTS: u32 = 131_072;

/// What has come so far.
#[derive(Debug)]
pub(crate) struct Fragments {
    pub(crate) kind: MessageKind,
    /// The message was handed out: its bytes are only still here because they were lent.
    pub(crate) finished: bool,
    count: u32,
    pub(crate) bytes: Vec<u8>,
    /// So many bytes of a text are known to be UTF-8.
    valid: usize,
}

impl Fragments {
    /// Before the first fragment.
    pub(crate) fn new(kind: MessageKind) -> Fragments {
        Fragments {
            kind,
            finished: false,
            count: 0,
            bytes: Vec::new(),
            valid: 0,
        }
    }

    /// One more fragment. `max` is the most bytes that the message may have; the caller checked
    /// that this one fits in.
    pub(crate) fn push(&mut self, payload: &[u8], max: usize) -> Result<(), Fault> {
        if self.count == MAX_FRAGMENTS {
            return Err(Fault::TooManyFragments);
        }
        self.count += 1;
        self.reserve(payload.len(), max);
        self.bytes.extend_from_slice(payload);
        match self.kind {
            MessageKind::Text => self.require_text(),
            MessageKind::Binary => Ok(()),
        }
    }

    /// That was the last one.
    pub(crate) fn finish(&mut self) -> Result<&mut [u8], Fault> {
        self.finished = true;
        if self.kind == MessageKind::Text && self.valid < self.bytes.len() {
            return Err(Fault::Utf8);
        }
        Ok(&mut self.bytes)
    }

    /// Grows by doubling, but not beyond what the message may have.
    fn reserve(&mut self, more: usize, max: usize) {
        let needed = self.bytes.len().saturating_add(more);
        if needed > self.bytes.capacity() {
            let roomy = self.bytes.capacity().saturating_mul(2).min(max);
            self.bytes
                .reserve_exact(roomy.max(needed) - self.bytes.len());
        }
    }

    /// No byte so far is wrong. The last character may go on in the next fragment.
    fn require_text(&mut self) -> Result<(), Fault> {
        let unseen = &self.bytes[self.valid..];
        self.valid += match str::from_utf8(unseen) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(Fault::Utf8),
        };
        Ok(())
    }
}

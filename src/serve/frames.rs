//! HTTP/2 frames as they pass by (RFC 9113 section 4.1). h2 answers what is malformed or too much by
//! itself and tells nobody; what it sends shows it, so that it is counted (SPEC 6.5).

use crate::domain::Code;

/// Follows the frames of one direction, whatever pieces they come in.
#[derive(Debug, Default)]
pub struct Frames {
    /// A frame's header and what is looked at of its payload.
    seen: [u8; HEADER + LOOK],
    have: usize,
    /// Bytes that pass unseen.
    skip: usize,
}

/// The beginning of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    kind: u8,
    flags: u8,
    length: usize,
    start: &'a [u8],
}

/// What h2 had to say of a client by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub code: Code,
    /// Whether the connection is left, as it is when its state is in doubt.
    pub leaves: bool,
}

const HEADER: usize = 9;

/// As much of a payload as any verdict needs.
const LOOK: usize = 8;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status` with a value that HPACK's static table does not have (RFC 7541, index 8).
const OTHER_STATUS: u8 = 0x48;

impl Frames {
    /// What a client sends: a preface of 24 bytes comes first.
    pub fn of_client() -> Self {
        Self {
            skip: 24,
            ..Self::default()
        }
    }

    /// Looks at `bytes`, and at every frame that begins in them.
    pub fn pass(&mut self, mut bytes: &[u8], mut look: impl FnMut(Frame<'_>)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (self.wanted() - self.have).min(bytes.len());
            self.seen[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have >= HEADER && self.have == self.wanted() {
                look(self.frame());
                self.skip = self.length() + HEADER - self.have;
                self.have = 0;
            }
        }
    }

    /// Whether the last byte that passed was a frame's last.
    pub const fn is_between(&self) -> bool {
        self.have == 0 && self.skip == 0
    }

    fn wanted(&self) -> usize {
        if self.have < HEADER {
            HEADER
        } else {
            HEADER + self.length().min(LOOK)
        }
    }

    fn length(&self) -> usize {
        let [a, b, c, ..] = self.seen;
        usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            kind: self.seen[3],
            flags: self.seen[4],
            length: self.length(),
            start: &self.seen[HEADER..self.have],
        }
    }
}

impl Frame<'_> {
    /// Whether a header block is open behind this frame; `None` if it is no part of one.
    pub const fn opens_block(&self) -> Option<bool> {
        match self.kind {
            HEADERS | CONTINUATION => Some(self.flags & END_HEADERS == 0),
            _ => None,
        }
    }

    /// What a frame that goes to a client says of it.
    pub fn verdict(&self) -> Option<Verdict> {
        let leaves = |code| Verdict { code, leaves: true };
        match self.kind {
            HEADERS if self.is_own_431() => Some(leaves(Code::HeadersTooLarge)),
            RST_STREAM => match self.error(0)? {
                // Too many streams at once: the others on the connection are fine.
                0x7 => Some(Verdict {
                    code: Code::RateLimited,
                    leaves: false,
                }),
                0x1 | 0x3 | 0x6 => Some(leaves(Code::BadRequest)),
                _ => None,
            },
            GOAWAY => match self.error(4)? {
                0x1 | 0x3 | 0x5 | 0x6 | 0x9 => Some(leaves(Code::BadRequest)),
                0xb => Some(leaves(Code::RateLimited)),
                _ => None,
            },
            _ => None,
        }
    }

    /// h2's answer to a head beyond its limit is a status and nothing else; ours have fields.
    fn is_own_431(&self) -> bool {
        let bare = self.length <= LOOK && self.start.first() == Some(&OTHER_STATUS);
        bare && self.flags & END_STREAM != 0
    }

    fn error(&self, at: usize) -> Option<u32> {
        let bytes = self.start.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn verdicts_are_found_whatever_the_pieces() {
        let sent = [
            frame(4, 0, &[0; 12]),
            frame(0, 1, &[RST_STREAM; 100]),
            frame(RST_STREAM, 0, &[0, 0, 0, 1]),
            frame(6, 1, &[0; 8]),
            frame(RST_STREAM, 0, &[0, 0, 0, 8]),
            frame(4, 1, &[]),
            frame(HEADERS, 5, &[0x48, 0x83, 1, 2, 3]),
            frame(HEADERS, 5, &[0x48; 30]),
            frame(GOAWAY, 0, &[0, 0, 0, 0, 0, 0, 0, 0]),
            frame(GOAWAY, 0, &[0, 0, 0, 0, 0, 0, 0, 0xb, b'x']),
        ]
        .concat();
        for size in 1..=sent.len() {
            let (mut frames, mut verdicts) = (Frames::default(), Vec::new());
            for piece in sent.chunks(size) {
                frames.pass(piece, |frame| verdicts.extend(frame.verdict()));
            }
            let codes: Vec<Code> = verdicts.iter().map(|verdict| verdict.code).collect();
            let expected = [Code::BadRequest, Code::HeadersTooLarge, Code::RateLimited];
            assert_eq!(codes, expected, "in pieces of {size}");
            assert!(frames.is_between());
        }
    }

    #[test]
    fn an_open_block_and_half_a_frame_are_told() {
        let mut frames = Frames::of_client();
        let mut open = None;
        let mut pass = |bytes: &[u8]| {
            frames.pass(bytes, |frame| open = frame.opens_block().or(open));
            (open, frames.is_between())
        };
        assert_eq!(pass(&[b'P'; 23]), (None, false));
        assert_eq!(pass(b"\n"), (None, true));
        assert_eq!(pass(&frame(HEADERS, 1, b"abc")), (Some(true), true));
        assert_eq!(pass(&frame(CONTINUATION, 4, b"")), (Some(false), true));
        assert_eq!(pass(&[0, 0]), (Some(false), false));
    }
}

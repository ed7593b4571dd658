//! A frame's header, as far as it is there.

use crate::fault::Fault;
use crate::frame::{MAX_CONTROL, Opcode, Role};
use crate::mask::MASKED;

/// The two bytes that every frame starts with, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) opcode: Opcode,
    /// The last frame of its message.
    pub(crate) fin: bool,
    pub(crate) masked: bool,
    length: u8,
}

impl Start {
    pub(crate) fn parse([first, second]: [u8; 2], role: Role) -> Result<Start, Fault> {
        if first & RESERVED != 0 {
            return Err(Fault::ReservedBits);
        }
        let start = Start {
            opcode: Opcode::from_bits(first & OPCODE).ok_or(Fault::ReservedOpcode)?,
            fin: first & FIN != 0,
            masked: second & MASKED != 0,
            length: second & !MASKED,
        };
        start.require_shape()?;
        start.require_masking(role)?;
        Ok(start)
    }

    /// The length of the whole header, in bytes.
    pub(crate) fn header(self) -> usize {
        let extended = match self.length {
            SHORT => 2,
            LONG => 8,
            _ => 0,
        };
        2 + extended + if self.masked { 4 } else { 0 }
    }

    /// The length of the payload, in bytes; `None` while `frame` doesn't hold all of it yet.
    pub(crate) fn payload(self, frame: &[u8]) -> Result<Option<u64>, Fault> {
        match self.length {
            SHORT => extended(frame, |bytes| u64::from(u16::from_be_bytes(bytes)), 126),
            LONG => extended(frame, u64::from_be_bytes, 65_536),
            length => Ok(Some(u64::from(length))),
        }
    }

    fn require_shape(self) -> Result<(), Fault> {
        if !self.opcode.is_control() {
            Ok(())
        } else if !self.fin {
            Err(Fault::ControlFragmented)
        } else if usize::from(self.length) > MAX_CONTROL {
            Err(Fault::ControlTooLong)
        } else {
            Ok(())
        }
    }

    fn require_masking(self, role: Role) -> Result<(), Fault> {
        match (role, self.masked) {
            (Role::Server, false) => Err(Fault::Unmasked),
            (Role::Client, true) => Err(Fault::Masked),
            _ => Ok(()),
        }
    }
}

/// The extended length, which must be at least `least`.
fn extended<const N: usize>(
    frame: &[u8],
    number: fn([u8; N]) -> u64,
    least: u64,
) -> Result<Option<u64>, Fault> {
    let Some(bytes) = frame.get(2..).and_then(|rest| rest.first_chunk()) else {
        return Ok(None);
    };
    match number(*bytes) {
        length if length < least => Err(Fault::NotMinimalLength),
        length if length >> 63 != 0 => Err(Fault::LengthTopBit),
        length => Ok(Some(length)),
    }
}

/// The frame ends its message.
pub(crate) const FIN: u8 = 0x80;
/// A 16-bit length follows.
pub(crate) const SHORT: u8 = 126;
/// A 64-bit length follows.
pub(crate) const LONG: u8 = 127;

const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;

//! Writing frames: always whole ones, with FIN and without reserved bits.

use crate::frame::{MAX_CONTROL, MAX_HEADER, Opcode, Role};
use crate::header::{FIN, LONG, SHORT};
use crate::mask::{MASKED, mask as apply};

/// The length of the header, in bytes, that `role` writes before a payload of `payload` bytes.
#[must_use]
pub const fn header_len(role: Role, payload: usize) -> usize {
    let length = match payload {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    match role {
        Role::Server => length,
        Role::Client => length + 4,
    }
}

/// Writes a header to the start of `out` and returns its length in bytes. `mask` is the key that a
/// client masks the payload with (by [`mask`](crate::mask())), fresh from a good source of
/// randomness for every frame (RFC 6455, section 5.3); `None` for a server. A control frame's
/// `payload_len` must be at most [`MAX_CONTROL`].
pub fn write_header(
    out: &mut [u8; MAX_HEADER],
    opcode: Opcode,
    payload_len: usize,
    mask: Option<[u8; 4]>,
) -> usize {
    let masked = if mask.is_some() { MASKED } else { 0 };
    out[0] = FIN | opcode.bits();
    let mut length = 2;
    match payload_len {
        0..=125 => out[1] = masked | payload_len as u8,
        126..=0xFFFF => {
            out[1] = masked | SHORT;
            out[2..4].copy_from_slice(&(payload_len as u16).to_be_bytes());
            length = 4;
        }
        _ => {
            out[1] = masked | LONG;
            out[2..10].copy_from_slice(&(payload_len as u64).to_be_bytes());
            length = 10;
        }
    }
    if let Some(key) = mask {
        out[length..length + 4].copy_from_slice(&key);
        length += 4;
    }
    length
}

/// Appends a whole frame. `mask` as in [`write_header`]; `payload` is clear and stays so. Of a
/// control frame's payload what is beyond [`MAX_CONTROL`] bytes is left out, since no peer may
/// take it.
pub fn append_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    let most = if opcode.is_control() {
        MAX_CONTROL
    } else {
        usize::MAX
    };
    let payload = &payload[..payload.len().min(most)];
    let mut header = [0; MAX_HEADER];
    let length = write_header(&mut header, opcode, payload.len(), mask);
    out.reserve(length + payload.len());
    out.extend_from_slice(&header[..length]);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        apply(&mut out[start..], key);
    }
}

/// Appends a close frame. `code` should be one of [`code`](crate::code)'s; of `reason` as many
/// whole characters are sent as fit into 123 bytes. `mask` as in [`write_header`].
pub fn close_frame(out: &mut Vec<u8>, code: u16, reason: &str, mask: Option<[u8; 4]>) {
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
    let mut body = [0; MAX_CONTROL];
    let length = 2 + reason.len();
    body[..2].copy_from_slice(&code.to_be_bytes());
    body[2..length].copy_from_slice(reason.as_bytes());
    append_frame(out, Opcode::Close, &body[..length], mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_long_as_announced_and_minimal() {
        for payload in [0, 1, 125, 126, 127, 65_535, 65_536, usize::MAX >> 1] {
            for (role, key) in [(Role::Server, None), (Role::Client, Some([1, 2, 3, 4]))] {
                let mut out = [0; MAX_HEADER];
                let length = write_header(&mut out, Opcode::Binary, payload, key);
                assert_eq!(length, header_len(role, payload));
                assert_eq!(out[1] & MASKED != 0, role == Role::Client);
            }
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        close_frame(&mut out, 1008, &"é".repeat(62), None);
        assert_eq!(out.len(), 2 + 2 + 122);
        assert_eq!(str::from_utf8(&out[4..]).unwrap(), "é".repeat(61));
    }

    #[test]
    fn a_control_frame_is_never_too_long() {
        let mut out = Vec::new();
        append_frame(&mut out, Opcode::Pong, &[7; 200], None);
        assert_eq!((out.len(), out[1]), (127, 125));
    }
}

//! Bytes by hand.

use msync::Command;

pub const APP: &str = "acme#chat";
/// As long as [`APP`].
pub const OTHER: &str = "acme#blog";

/// A delimited field.
pub fn field(number: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = varint(u64::from(number) << 3 | 2);
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

/// A varint field.
pub fn number(number: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

/// A frame: command, then payload.
pub fn frame(command: Command, payload: &[u8]) -> Vec<u8> {
    [number(8, command.number() as u64), field(9, payload)].concat()
}

/// A client's SYNC with a meta of this name space and body.
pub fn sent(name_space: u64, meta: &[u8], body: &[u8]) -> Vec<u8> {
    let meta = [
        &number(1, 77),
        meta,
        &number(5, name_space),
        &field(6, body),
    ]
    .concat();
    frame(Command::Sync, &field(1, meta))
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

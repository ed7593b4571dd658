//! The two frames that the gateway changes.

use crate::answer::put_varint;
use crate::wire::{DELIMITED, Fields, Raw, Reader, VARINT};
use crate::{Fault, read_provision, read_provision_answer};

/// Appends a client's PROVISION to `out` as it goes to the data centre, and tells whether anything
/// changed; if not, nothing is appended and the frame is forwarded as it came.
///
/// `protocol_compress_type`, its direction and both `encrypt_key` are removed; `compress_type` and
/// both `encrypt_type`, where present, become a single 0 (none) in the place of the first
/// occurrence. Every other byte stays, in its order. A packed list without elements is absent.
///
/// # Errors
/// Those of [`read_provision`](crate::read_provision), and [`Fault::Compressed`]; `out` is then as
/// it was.
pub fn negotiate_down(frame: &[u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
    if read_provision(frame)?.compressed {
        return Err(Fault::Compressed);
    }
    let none = with_none(frame, &ENVELOPE)?;
    let changed = none != frame;
    if changed {
        out.extend(none);
    }
    Ok(changed)
}

/// Appends the data centre's PROVISION answer to `out`, with an `auth_token` of
/// `{"expires_in":unix_millis}` unless it has one already. Every other byte stays, in its order.
///
/// # Errors
/// Those of [`read_provision_answer`](crate::read_provision_answer), and [`Fault::Compressed`];
/// `out` is then as it was.
pub fn add_expiry(frame: &[u8], unix_millis: u64, out: &mut Vec<u8>) -> Result<(), Fault> {
    // Only the frame's form counts here; whose App it is, is asked elsewhere.
    let answer = read_provision_answer(frame, "")?;
    if answer.compressed {
        return Err(Fault::Compressed);
    }
    if answer.auth_token.is_some() {
        out.extend_from_slice(frame);
        return Ok(());
    }
    let mut added = Vec::new();
    let json = format!("{{\"expires_in\":{unix_millis}}}");
    put_delimited(AUTH_TOKEN, json.as_bytes(), &mut added);
    out.extend(with_more(frame, &added)?);
    Ok(())
}

const PAYLOAD: u32 = 9;
const AUTH_TOKEN: u32 = 18;

/// What of a message says how to compress or encrypt.
struct Terms {
    lists: &'static [u32],
    removed: &'static [u32],
    payload: Option<(u32, &'static Terms)>,
}

static ENVELOPE: Terms = Terms {
    lists: &[11],
    removed: &[12],
    payload: Some((PAYLOAD, &PROVISION)),
};
static PROVISION: Terms = Terms {
    lists: &[5, 6],
    removed: &[7, 22, 23],
    payload: None,
};

/// `message` with the terms set to none.
fn with_none(message: &[u8], terms: &Terms) -> Result<Vec<u8>, Fault> {
    let mut lists = Vec::new();
    for number in terms.lists {
        if !is_none(message, *number)? {
            lists.push((*number, false));
        }
    }
    let mut out = Vec::with_capacity(message.len());
    for field in Fields::of(message) {
        let field = field?;
        if terms.removed.contains(&field.number) {
            continue;
        }
        if let Some((number, written)) = lists.iter_mut().find(|list| list.0 == field.number) {
            if !*written {
                put_varint(u64::from(*number) << 3 | u64::from(VARINT), &mut out);
                put_varint(0, &mut out);
                *written = true;
            }
            continue;
        }
        match terms.payload {
            Some((number, inner)) if number == field.number => {
                let payload = field.content()?;
                put_changed(&field, payload, &with_none(payload, inner)?, &mut out);
            }
            _ => out.extend_from_slice(field.whole),
        }
    }
    Ok(out)
}

/// Whether a list has no element, or one that is 0.
fn is_none(message: &[u8], list: u32) -> Result<bool, Fault> {
    let (mut elements, mut sum) = (0_usize, 0_u64);
    for field in Fields::of(message) {
        let field = field?;
        if field.number != list {
            continue;
        }
        let mut values = match field.wire {
            DELIMITED => Reader::new(field.content()?),
            _ => Reader::new(field.value),
        };
        while !values.is_empty() {
            sum |= values.varint()?;
            elements += 1;
        }
    }
    Ok(elements <= 1 && sum == 0)
}

/// `frame` with `added` at the end of its payload.
fn with_more(frame: &[u8], added: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(frame.len() + added.len() + 2);
    let mut found = false;
    for field in Fields::of(frame) {
        let field = field?;
        if field.number == PAYLOAD {
            let payload = field.content()?;
            put_changed(&field, payload, &[payload, added].concat(), &mut out);
            found = true;
        } else {
            out.extend_from_slice(field.whole);
        }
    }
    if !found {
        put_delimited(PAYLOAD, added, &mut out);
    }
    Ok(out)
}

/// The field with its new content; as it was, to the byte, if that is the old one.
fn put_changed(field: &Raw<'_>, old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    if old == new {
        return out.extend_from_slice(field.whole);
    }
    out.extend_from_slice(field.key);
    put_varint(new.len() as u64, out);
    out.extend_from_slice(new);
}

fn put_delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | u64::from(DELIMITED), out);
    put_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

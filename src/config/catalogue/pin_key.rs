//! The public keys that verify a region's pins.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::PinKey;
use crate::config::read::{Item, Place, Section};

pub(super) fn read(s: &mut Section<'_>) -> Vec<(Place, PinKey)> {
    let items = s.need_list("pin_keys", "the region's pin keys: [{id: ..., key: ...}]");
    let mut keys = Vec::new();
    for item in &items {
        let key = item.section(pin_key).flatten();
        keys.extend(
            key.filter(|key| is_new(item, key, &keys))
                .map(|key| (item.place().clone(), key)),
        );
    }
    keys
}

fn is_new(item: &Item<'_>, key: &PinKey, before: &[(Place, PinKey)]) -> bool {
    let again = before
        .iter()
        .any(|(_, other)| other.id == key.id || other.key == key.key);
    if again {
        item.fault::<()>(
            "has the id or the key of another pin key",
            "an id and a key of its own",
        );
    }
    !again
}

fn pin_key(s: &mut Section<'_>) -> Option<PinKey> {
    let id = s.need("id", ID).and_then(|item| item.parse(ID, id));
    let key = s.need("key", KEY).and_then(|item| item.parse(KEY, key));
    let not_after = s
        .take("not_after")
        .and_then(|item| item.parse(NOT_AFTER, not_after));
    Some(PinKey {
        id: id?,
        key: key?,
        not_after,
    })
}

const ID: &str = "an id such as fra-2026";
const KEY: &str = "an Ed25519 public key, 32 bytes in base64";
const NOT_AFTER: &str = "a time such as \"2027-01-01T00:00:00Z\"";

fn id(text: &str) -> Result<String, &'static str> {
    let fits = is_key_id(text);
    fits.then(|| text.to_owned())
        .ok_or("is not 1 to 64 of letters, digits, '_', '.' and '-'")
}

/// What may name a key, here and in key files.
pub(in crate::config) fn is_key_id(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(inside)
}

fn key(text: &str) -> Result<[u8; 32], &'static str> {
    let bytes = STANDARD.decode(text).map_err(|_| "is not base64")?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| "is not 32 bytes")?;
    if is_of_small_order(&key) {
        return Err("is not a key: it would verify what nobody signed");
    }
    Ok(key)
}

/// The points of small order on Curve25519 (their y; RFC 8032 5.1.2), among them the all-zero
/// placeholder: signatures under them can be made without a secret.
fn is_of_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    let y = hex::encode(y);
    SMALL_ORDER.contains(&y.as_str())
}

const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// RFC 3339, as unix seconds.
fn not_after(text: &str) -> Result<u64, &'static str> {
    let time: Timestamp = text.parse().map_err(|_| "is not an RFC 3339 time")?;
    u64::try_from(time.as_second()).map_err(|_| "is before 1970")
}

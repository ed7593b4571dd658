//! The region's keys, and that the catalogue knows the one that signs.

use crate::config::PinKey;
use crate::config::key_use::{Count, KeyUse};
use crate::config::keys::{KeyFile, PinSigningKey, SealKey};
use crate::config::load::Files;
use crate::config::read::Place;

pub(super) fn check(files: &Files, now: u64) {
    let Some(keys) = &files.gateway.keys else {
        return;
    };
    let place = Place::of(&["keys", "seal", "file"]);
    match KeyFile::<SealKey>::read(&keys.seal) {
        Ok(keys) => check_use(files, &place, &keys),
        Err(error) => files.document.fault(&place, error.to_string(), KEY_FILE),
    }
    let place = Place::of(&["keys", "pin", "file"]);
    match KeyFile::<PinSigningKey>::read(&keys.pin) {
        Ok(keys) => check_catalogue(files, &place, &keys, now),
        Err(error) => files.document.fault(&place, error.to_string(), KEY_FILE),
    }
}

const KEY_FILE: &str = "a key a line, ID base64(32 bytes), newest first, mode 0600 or stricter";

/// A key that still seals something must be there. A `keys.json` that cannot be read is made anew.
fn check_use(files: &Files, place: &Place, keys: &KeyFile<SealKey>) {
    let Some(data_dir) = &files.gateway.data_dir else {
        return;
    };
    let Ok(Some(counted)) = KeyUse::read(data_dir) else {
        return;
    };
    let ids: Vec<&str> = keys.keys.iter().map(|key| key.id.as_str()).collect();
    for (id, Count { records, accounts }) in counted.missing(&ids) {
        let problem = format!(
            "the key {id} is not in it, and seals {records} records and {accounts} accounts as of {}{} ({})",
            counted.time,
            if id == counted.newest {
                ", more since"
            } else {
                ""
            },
            KeyUse::file(data_dir).display(),
        );
        files.document.fault(place, problem, OLD_KEY);
    }
}

const OLD_KEY: &str =
    "the old key's line, until `domicile keys status` shows that it seals nothing";

/// Pins that this gateway makes must verify in every region.
fn check_catalogue(files: &Files, place: &Place, keys: &KeyFile<PinSigningKey>, now: u64) {
    let (Some(newest), Some(region)) = (keys.newest(), files.region()) else {
        return;
    };
    let Ok(public) = newest.public_key() else {
        return files
            .document
            .fault(place, "the newest key is no Ed25519 seed", KEY_FILE);
    };
    let known = region.pin_keys.iter().find(|known| known.id == newest.id);
    if let Some(problem) = unfit(known, &newest.id, &public, now) {
        let expected = format!(
            "the newest key in the pin_keys of {} in the catalogue",
            region.id
        );
        files.document.fault(place, problem, expected);
    }
}

fn unfit(known: Option<&PinKey>, id: &str, public: &[u8; 32], now: u64) -> Option<String> {
    let Some(known) = known else {
        return Some(format!("the key {id} is not in the catalogue"));
    };
    if known.key != *public {
        return Some(format!(
            "the key {id} is another one than that of the catalogue"
        ));
    }
    let over = known.not_after.is_some_and(|end| end <= now);
    over.then(|| format!("the key {id} is past its not_after: new pins would not verify"))
}

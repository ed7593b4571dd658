//! A ClientHello, as the gateway reads it before it answers anything.
//!
//! The oracle is written apart, by places in the message instead of a walk: both find the same
//! server name, or none of them does.

#![no_main]

use domicile_fuzz::serve::{LONGEST, host_name, is_new_enough, missing, server_name};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = (is_new_enough(data), host_name(data));
    if let Ok(Some(missing)) = missing(data) {
        assert!(data.len() + missing <= LONGEST);
    }
    let found = server_name(data);
    match by_places(data) {
        Some(name) => assert_eq!(found, Ok(name)),
        None => assert!(found.is_err()),
    }
});

/// The name if there is one; nothing when the message is not to be read.
fn by_places(data: &[u8]) -> Option<Option<&[u8]>> {
    let long = |at: usize| -> Option<usize> {
        Some(usize::from(*data.get(at)?) * 256 + usize::from(*data.get(at + 1)?))
    };
    let session = 4 + 2 + 32;
    let suites = session + 1 + usize::from(*data.get(session)?);
    let compression = suites + 2 + long(suites)?;
    let extensions = compression + 1 + usize::from(*data.get(compression)?);
    if extensions == data.len() {
        return Some(None);
    }
    if extensions + 2 + long(extensions)? != data.len() {
        return None;
    }
    let (mut at, mut name) = (extensions + 2, None);
    while at < data.len() {
        let (kind, end) = (long(at)?, at + 4 + long(at + 2)?);
        if end > data.len() {
            return None;
        }
        if kind == 0 {
            let length = long(at + 7).filter(|length| *length > 0)?;
            let fits = long(at + 4)? == length + 3 && at + 9 + length == end && data[at + 6] == 0;
            if !fits || name.is_some() {
                return None;
            }
            name = Some(&data[at + 9..end]);
        }
        at = end;
    }
    Some(name)
}

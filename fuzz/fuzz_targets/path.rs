//! Paths and queries: an input is a path, up to the first `?`, and a query.
//!
//! The gateway's reading is compared with that of a plain decoder, in both directions: neither
//! accepts what the other refuses, and what is accepted survives being encoded in full.

#![no_main]

use domicile_fuzz::call::{Path, QueryError, single};
use domicile_fuzz::plain;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    read(path);
    looked_up(query, "chat-type");
    looked_up(query, "app_key");
});

fn read(path: &str) {
    let parsed = Path::parse(path);
    let plainly = plain::segments(path);
    let segments = parsed.as_ref().ok().map(Path::segments);
    assert_eq!(segments.is_some(), plainly.is_some(), "{parsed:?}");
    let (Some(segments), Some(plainly)) = (segments, plainly) else {
        return;
    };
    assert_eq!(segments, plainly);

    let encode = |segment: &String| format!("/{}", plain::percent_encoded(segment));
    let encoded: String = plainly.iter().map(encode).collect();
    let again = Path::parse(&encoded);
    assert_eq!(again.as_ref().map(Path::segments), Ok(segments));
}

fn looked_up(query: &str, name: &str) {
    let found = single(Some(query), name);
    // Without another value of that name, whatever comes after the second is not looked at.
    if found == Err(QueryError::Twice) {
        return assert!(query.matches('&').count() > 0);
    }
    match (found, plain::values(query, name)) {
        (Ok(None), Some(values)) => assert!(values.is_empty()),
        (Ok(Some(value)), Some(values)) => assert_eq!(values, [value]),
        (Err(_), None) => {}
        (found, values) => panic!("{found:?}, but {values:?}"),
    }
}

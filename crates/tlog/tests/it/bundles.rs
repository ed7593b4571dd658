//! Bundles of entries.

use proptest::prelude::*;
use tlog::bundle::{EntryTooLong, MAX_ENTRY, Truncated, append, entries};

#[test]
fn lengths_are_two_bytes_big_endian() {
    let mut bundle = Vec::new();
    append(&mut bundle, b"one").unwrap();
    append(&mut bundle, b"").unwrap();
    append(&mut bundle, &[7; 258]).unwrap();
    assert_eq!(&bundle[..9], b"\0\x03one\0\0\x01\x02");
    let read: Result<Vec<_>, _> = entries(&bundle).collect();
    assert_eq!(read.unwrap(), [&b"one"[..], b"", &[7; 258]]);
}

#[test]
fn an_entry_that_is_too_long_leaves_the_bundle_as_it_was() {
    let mut bundle = b"\0\x01a".to_vec();
    assert_eq!(
        append(&mut bundle, &vec![0; MAX_ENTRY + 1]),
        Err(EntryTooLong)
    );
    assert_eq!(bundle, b"\0\x01a");
    append(&mut bundle, &vec![0; MAX_ENTRY]).unwrap();
    assert_eq!(entries(&bundle).count(), 2);
}

#[test]
fn an_end_inside_an_entry_is_the_last_thing_read() {
    for cut in [b"\0\x01a\0".as_slice(), b"\0\x01a\0\x02b"] {
        let read: Vec<_> = entries(cut).collect();
        assert_eq!(read, [Ok(&b"a"[..]), Err(Truncated)]);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut bundle = Vec::new();
        for entry in &all {
            append(&mut bundle, entry).unwrap();
        }
        let read: Result<Vec<_>, _> = entries(&bundle).map(|entry| entry.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(read, Ok(all));
    }

    #[test]
    fn foreign_bytes_are_read_to_their_end_or_not_at_all(bytes: Vec<u8>) {
        let mut length = 0;
        for entry in entries(&bytes) {
            match entry {
                Ok(entry) => length += 2 + entry.len(),
                Err(Truncated) => return Ok(()),
            }
        }
        prop_assert_eq!(length, bytes.len());
    }
}

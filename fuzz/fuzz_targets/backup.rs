//! A backup's header, which anybody may have written, and its records, which are sealed but are
//! bounded all the same: an input is a byte that chooses what it is, then the bytes.
//!
//! Whatever comes, nothing panics; what is read is written the same.

#![no_main]

use domicile_fuzz::backup::{Header, Lock, Part, Record};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, bytes @ ..] = data else {
        return;
    };
    if choice % 2 == 0 {
        header(bytes);
    } else {
        records(bytes);
    }
});

fn header(bytes: &[u8]) {
    let mut rest = bytes;
    let Ok((header, read)) = Header::read(&mut rest) else {
        return;
    };
    assert_eq!([&read[..], rest].concat(), bytes);
    if let Lock::Passphrase { iterations, .. } = &header.lock {
        assert!((600_000..=10_000_000).contains(iterations));
    }
    if let Ok(written) = header.to_bytes() {
        let again = Header::read(&mut &written[..]).expect("a header that was written");
        assert_eq!(again, (header, written));
    }
}

fn records(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(record) = Record::read(&mut rest) {
        if let Record::File(Part::Audit(path), _) = &record {
            assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
        }
        let mut written = Vec::new();
        record.write(&mut written).expect("a record that was read");
        let again = Record::read(&mut &written[..]);
        assert!(again.is_ok());
    }
}

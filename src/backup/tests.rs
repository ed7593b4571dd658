use std::path::PathBuf;

use zeroize::Zeroizing;

use super::*;
use crate::registry::SystemRandomness;

fn recovery(byte: u8) -> Secret {
    Secret::Recovery {
        id: "recovery".to_owned(),
        key: Zeroizing::new([byte; 32]),
    }
}

fn about() -> About {
    About {
        region: "frankfurt".to_owned(),
        gateway: "g".to_owned(),
        created_at: "2026-11-23T19:00:00Z".to_owned(),
        chain: None,
    }
}

/// A backup of two files and `entries` entries of 1,000 bytes.
fn written(secret: &Secret, entries: usize) -> Vec<u8> {
    let mut writer = Writer::start(Vec::new(), about(), secret, &SystemRandomness).unwrap();
    writer.file(Part::SealKeys, b"seal".to_vec()).unwrap();
    let audit = Part::Audit(PathBuf::from("tile/0/000"));
    writer.file(audit, vec![7; 100_000]).unwrap();
    for n in 0..entries {
        writer.entry(&format!("k{n}"), vec![1; 1_000]).unwrap();
    }
    writer.finish().unwrap().2
}

/// How many records it has.
fn read(bytes: &[u8], secret: &Secret) -> Result<usize, BackupError> {
    let mut input = bytes;
    let (header, head) = Header::read(&mut input)?;
    let mut archive = Archive::open(input, (&header, &head), secret)?;
    let mut count = 0;
    while archive.read()?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[test]
fn a_backup_reads_back() {
    for entries in [0, 1, 200] {
        let bytes = written(&recovery(1), entries);
        assert_eq!(read(&bytes, &recovery(1)).unwrap(), entries + 2);
        assert!(!bytes.windows(4).any(|part| part == b"seal"));
    }
}

#[test]
fn a_passphrase_opens_what_it_closed() {
    let secret = |text: &str| Secret::Passphrase(Zeroizing::new(text.to_owned()));
    let bytes = written(&secret("correct horse"), 1);
    assert_eq!(read(&bytes, &secret("correct horse")).unwrap(), 3);
    let wrong = read(&bytes, &secret("correct horst"));
    assert!(matches!(wrong, Err(BackupError::Lock(LockError::Wrong))));
    let other = read(&bytes, &recovery(1));
    let needed = BackupError::Lock(LockError::NeedsPassphrase);
    assert_eq!(other.unwrap_err().to_string(), needed.to_string());
}

#[test]
fn another_recovery_key_opens_nothing() {
    let bytes = written(&recovery(1), 1);
    let wrong = read(&bytes, &recovery(2));
    assert!(matches!(wrong, Err(BackupError::Lock(LockError::Wrong))));
}

/// Control: header and text are bound together, and each chunk verifies before it is used.
#[test]
fn one_flipped_bit_anywhere_is_found() {
    let bytes = written(&recovery(1), 0);
    let ends = bytes.len() - 200..bytes.len();
    let within = (1_000..bytes.len()).step_by(997);
    for at in (0..1_000).chain(within).chain(ends) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert!(read(&altered, &recovery(1)).is_err(), "byte {at}");
    }
}

/// Control: the last chunk says that it is the last one.
#[test]
fn a_cut_is_found_wherever_it_is() {
    let bytes = written(&recovery(1), 200);
    let header = Header::read(&mut &bytes[..]).unwrap().1.len();
    let chunks = (1..4).map(|n| header + n * (seal::CHUNK + seal::TAG));
    let others = (0..bytes.len()).step_by(4_999);
    for end in chunks.chain(others).chain([bytes.len() - 1]) {
        assert!(read(&bytes[..end], &recovery(1)).is_err(), "{end} bytes");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(read(&longer, &recovery(1)).is_err());
}

/// Control: a chunk's number is in its nonce.
#[test]
fn chunks_cannot_be_swapped_or_left_out() {
    let bytes = written(&recovery(1), 200);
    let header = Header::read(&mut &bytes[..]).unwrap().1.len();
    let (head, text) = bytes.split_at(header);
    let chunks: Vec<&[u8]> = text.chunks(seal::CHUNK + seal::TAG).collect();
    assert!(chunks.len() > 3);
    let swapped = [chunks[1], chunks[0]].concat();
    let swapped = [head, &swapped, &chunks[2..].concat()].concat();
    assert_eq!(swapped.len(), bytes.len());
    assert!(read(&swapped, &recovery(1)).is_err());
    let without = [head, chunks[0], &chunks[2..].concat()].concat();
    assert!(read(&without, &recovery(1)).is_err());
}

/// Control: files go nowhere but to their places.
#[test]
fn no_file_leads_out_of_its_folder() {
    for path in ["../x", "/etc/x", "a//b", "a/./b", "", "a/..", "a\\b", "a b"] {
        let mut writer =
            Writer::start(Vec::new(), about(), &recovery(1), &SystemRandomness).unwrap();
        let refused = writer.file(Part::Audit(PathBuf::from(path)), Vec::new());
        assert!(refused.is_err(), "{path}");
        let mut raw = vec![2, 0];
        let name = format!("audit/{path}");
        raw.push(u8::try_from(name.len()).unwrap());
        raw.extend_from_slice(name.as_bytes());
        raw.extend_from_slice(&[0; 4]);
        let read = Record::read(&mut &raw[..]);
        assert!(matches!(read, Err(RecordError::UnknownPart)), "{path}");
    }
}

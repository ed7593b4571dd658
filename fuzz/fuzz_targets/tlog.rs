//! What an auditor reads from a folder that anybody may have written: an input is a byte that
//! chooses what it is, then the file.
//!
//! Whatever comes, nothing panics; what is read is written the same; a note is believed only if it
//! is the one that was signed.

#![no_main]

use std::sync::LazyLock;

use tlog::{Checkpoint, EntryProof, Hash, Note, Signer, Tile, VerifierKey, bundle};

const ORIGIN: &str = "domicile/frankfurt/x";

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    // The name is one, and any 32 bytes are a seed.
    Signer::from_seed(ORIGIN, &[7; 32]).expect("a signer")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, file @ ..] = data else {
        return;
    };
    match choice % 6 {
        0 => note(file),
        1 => checkpoint(file),
        2 => entries(file),
        3 => key(file),
        4 => path(file),
        _ => proof(file),
    }
});

fn note(file: &[u8]) {
    let keys = [SIGNER.verifier_key()];
    let Ok(note) = Note::open(file, &keys) else {
        return;
    };
    // Ed25519 signs the same text the same way; other keys' lines may stand beside.
    let signed = SIGNER.sign(note.text()).expect("a text that was signed");
    let line = signed.lines().last().expect("a signature");
    assert!(file.windows(line.len()).any(|part| part == line.as_bytes()));
}

fn checkpoint(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else {
        return;
    };
    if let Ok(head) = Checkpoint::parse(text) {
        let written = head.to_string();
        assert!(text.starts_with(&written));
        assert_eq!(Checkpoint::parse(&written), Ok(head));
    }
}

fn entries(file: &[u8]) {
    let (mut written, mut is_whole) = (Vec::new(), true);
    for entry in bundle::entries(file) {
        match entry {
            Ok(entry) => bundle::append(&mut written, entry).expect("its length fits"),
            Err(bundle::Truncated) => is_whole = false,
        }
    }
    assert!(file.starts_with(&written));
    assert_eq!(is_whole, written == file);
    if let Some(hashes) = Hash::split(file) {
        assert_eq!(Hash::join(&hashes), file);
    }
}

fn key(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else {
        return;
    };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
}

fn path(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else {
        return;
    };
    if let Some(tile) = Tile::parse(text) {
        assert_eq!(tile.path(), text);
        assert!(!text.contains("..") && !text.starts_with('/'));
    }
}

fn proof(file: &[u8]) {
    let Ok(text) = str::from_utf8(file) else {
        return;
    };
    if let Ok(proof) = EntryProof::parse(text) {
        assert_eq!(proof.to_string(), text);
        let _ = proof.verify(&[SIGNER.verifier_key()]);
    }
}

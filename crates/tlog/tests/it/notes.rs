//! Signed notes, against those of the specification (c2sp.org/signed-note) and of its first
//! implementation (the checksum database of Go).

use proptest::prelude::*;
use tlog::{KeyError, MAX_SIGNATURES, Note, NoteError, Signer, VerifierKey};

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// The seed in Peter's private key.
const PETER_SEED: &str = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> VerifierKey {
    VerifierKey::parse(text).unwrap()
}

fn open<'a>(note: &'a str, keys: &[VerifierKey]) -> Result<Note<'a>, NoteError> {
    Note::open(note.as_bytes(), keys)
}

#[test]
fn the_specifications_note_verifies() {
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let key = key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let keys = [key];
    let note = open(note, &keys).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.signer(), &keys[0]);
}

#[test]
fn a_note_is_signed_as_others_sign_it() {
    // Ed25519 signatures are the same whoever makes them.
    let seed = hex::decode(PETER_SEED).unwrap();
    let signer = Signer::from_seed("PeterNeumann", &seed.try_into().unwrap()).unwrap();
    assert_eq!(signer.verifier_key().to_string(), PETER);
    assert_eq!(signer.sign(TEXT).unwrap(), format!("{TEXT}\n{PETER_LINE}"));
}

#[test]
fn one_known_signature_is_enough_and_none_is_not() {
    let both = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}");
    for known in [PETER, ENOCH] {
        let note = open(&both, &[key(known)]);
        assert_eq!(note.unwrap().signer(), &key(known));
    }
    let error = open(&both, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the note is signed by PeterNeumann (c74f20a3), EnochRoot (af0cfe78), not by a key that is known here"
    );
}

#[test]
fn a_known_keys_bad_signature_spoils_the_note() {
    let swapped = PETER_LINE.replace("ZJku", "ZJkv");
    let note = format!("{TEXT}\n{ENOCH_LINE}{swapped}");
    let known = [key(ENOCH), key(PETER)];
    let bad = NoteError::BadSignature("PeterNeumann".to_owned());
    assert_eq!(open(&note, &known), Err(bad));
    assert!(open(&note, &known[..1]).is_ok());
}

#[test]
fn what_is_no_note_is_refused() {
    let known = [key(PETER)];
    for (note, error) in [
        (TEXT.to_owned(), NoteError::Shape),
        (format!("{TEXT}\n"), NoteError::Shape),
        (format!("{TEXT}{PETER_LINE}"), NoteError::Shape),
        (
            format!("{TEXT}\n{}", PETER_LINE.trim_end()),
            NoteError::Shape,
        ),
        (format!("{TEXT}\n{PETER_LINE}{TEXT}"), NoteError::Shape),
        (format!("{TEXT}\n{PETER_LINE}\n"), NoteError::Shape),
        (format!("\x01{TEXT}\n{PETER_LINE}"), NoteError::NotText),
        (format!("{TEXT}\r\n{PETER_LINE}"), NoteError::NotText),
        (format!("{TEXT}\n— Bad Name x08g\n"), NoteError::Shape),
        (format!("{TEXT}\n— a+b x08go/ZJ\n"), NoteError::Shape),
        (format!("{TEXT}\n—  x08go/ZJ\n"), NoteError::Shape),
        (
            format!("{TEXT}\n— PeterNeumann x08goA==\n"),
            NoteError::Shape,
        ),
        (
            format!("{TEXT}\n{}", PETER_LINE.replace("wJnAM=", "wJnAN=")),
            NoteError::Shape,
        ),
        (
            format!("{TEXT}\n{}", PETER_LINE.replace('—', "-")),
            NoteError::Shape,
        ),
    ] {
        assert_eq!(open(&note, &known), Err(error), "{note}");
    }
    let not_utf8 = [b"\xff", TEXT.as_bytes(), b"\n", PETER_LINE.as_bytes()].concat();
    assert_eq!(Note::open(&not_utf8, &known), Err(NoteError::NotText));
}

#[test]
fn notes_are_bounded() {
    let known = [key(PETER)];
    let signed = |times| format!("{TEXT}\n{}", PETER_LINE.repeat(times));
    assert!(open(&signed(MAX_SIGNATURES), &known).is_ok());
    let many = signed(MAX_SIGNATURES + 1);
    assert_eq!(open(&many, &known), Err(NoteError::TooManySignatures));
    let long = format!("{}\n{PETER_LINE}", TEXT.repeat(20_000));
    assert_eq!(open(&long, &known), Err(NoteError::TooLong));
}

#[test]
fn keys_are_read_whole_or_not_at_all() {
    for start in 0..PETER.len() {
        for end in start..=PETER.len() {
            let part = &PETER[start..end];
            assert!(part == PETER || VerifierKey::parse(part).is_err(), "{part}");
        }
    }
    for at in 0..PETER.len() {
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[at] += 1;
        let text = String::from_utf8(bytes).unwrap();
        assert!(VerifierKey::parse(&text).is_err(), "{text}");
    }
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    // Its base64 has bits too many, too.
    assert!(VerifierKey::parse(long).is_err());
    let other = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(VerifierKey::parse(other), Err(KeyError::Algorithm));
    let upper = PETER.replace("c74f20a3", "C74F20A3");
    assert_eq!(VerifierKey::parse(&upper), Err(KeyError::Id));
}

#[test]
fn names_are_those_of_the_specification() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b"] {
        assert_eq!(
            Signer::from_seed(name, &[7; 32]).err(),
            Some(KeyError::Name)
        );
    }
    let signer = Signer::from_seed("domicile/frankfurt/x", &[7; 32]).unwrap();
    assert_eq!(signer.sign("no newline"), Err(NoteError::Shape));
    assert_eq!(signer.sign("a\ttab\n"), Err(NoteError::NotText));
    let shown = format!("{signer:?}");
    assert_eq!(shown, "Signer(domicile/frankfurt/x, redacted)");
}

proptest! {
    #[test]
    fn what_is_signed_is_opened_and_nothing_else(
        text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,40}){0,4}\n",
        seed: [u8; 32],
        at in any::<prop::sample::Index>(),
        with: u8,
    ) {
        let signer = Signer::from_seed("example.com/log", &seed).unwrap();
        let keys = [signer.verifier_key()];
        prop_assert_eq!(&VerifierKey::parse(&keys[0].to_string()), &Ok(keys[0].clone()));
        let note = signer.sign(&text).unwrap();
        let opened = Note::open(note.as_bytes(), &keys).unwrap();
        prop_assert_eq!(opened.text(), &text);
        let mut changed = note.clone().into_bytes();
        *at.get_mut(&mut changed) = with;
        prop_assert!(changed == note.as_bytes() || Note::open(&changed, &keys).is_err());
    }
}

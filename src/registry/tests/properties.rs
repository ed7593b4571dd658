//! What holds for every seal and every pin.

use std::sync::Arc;

use proptest::prelude::*;

use super::kit::{Seals, catalogue, id, pin_key, region, seal_key, sign};
use crate::config::SealKey;
use crate::domain::{AppKey, ZoneId};
use crate::registry::names::{exact, id_hash, key_hash, pair};
use crate::registry::pin::{Found, Pin, Statement};
use crate::registry::seal::Subject;
use crate::registry::{Hash, PinKind, Randomness, SealError, SystemRandomness, sealed_key};

fn sealer(home: &str, keys: Vec<SealKey>) -> Seals {
    Seals::new(home, keys, Arc::new(SystemRandomness))
}

fn statement(key: &AppKey, time: u64) -> Statement {
    let id = id("abc");
    let hash = id_hash(&id);
    let sealed = sealed_key::seal(&SystemRandomness, &id, &hash, &region("frankfurt"), key);
    Statement {
        kind: PinKind::Id,
        hash,
        exact: exact(PinKind::Id, id.as_str()),
        region: region("frankfurt"),
        zone: ZoneId::parse("fra1").unwrap(),
        time,
        pair: pair(&id, key),
        sealed: sealed.unwrap(),
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens(text: Vec<u8>, revision: u64, name: [u8; 32]) {
        let hash = Hash::of_bytes(&name);
        let sealer = sealer("frankfurt", vec![seal_key("frankfurt")]);
        for subject in [Subject::Record(&hash), Subject::Account("owner")] {
            let sealed = sealer.seal(subject, revision, &text).unwrap();
            let opened = sealer.open(subject, &sealed).unwrap();
            prop_assert_eq!((opened.revision, &*opened.text), (revision, &text));
        }
    }

    #[test]
    fn a_flipped_bit_does_not_open(text: Vec<u8>, revision: u64, at: prop::sample::Index, bit in 0..8) {
        let hash = Hash::of_bytes(b"app");
        let sealer = sealer("frankfurt", vec![seal_key("frankfurt")]);
        let mut sealed = sealer.seal(Subject::Record(&hash), revision, &text).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1u8 << bit;
        prop_assert!(sealer.open(Subject::Record(&hash), &sealed).is_none());
    }

    #[test]
    fn a_cut_seal_does_not_open(text: Vec<u8>, at: prop::sample::Index) {
        let hash = Hash::of_bytes(b"app");
        let sealer = sealer("frankfurt", vec![seal_key("frankfurt")]);
        let sealed = sealer.seal(Subject::Record(&hash), 1, &text).unwrap();
        let cut = &sealed[..at.index(sealed.len())];
        prop_assert!(sealer.open(Subject::Record(&hash), cut).is_none());
    }

    #[test]
    fn foreign_bytes_are_no_seal(bytes: Vec<u8>) {
        let sealer = sealer("frankfurt", vec![seal_key("frankfurt")]);
        prop_assert!(sealer.open(Subject::Account("owner"), &bytes).is_none());
    }

    #[test]
    fn what_is_signed_verifies(org in "[A-Za-z0-9][A-Za-z0-9_-]{2,63}", time: u64) {
        let key = AppKey::new(&format!("x{}", &org[1..]), "app").unwrap();
        let said = statement(&key, time);
        let bytes = sign(&pin_key("frankfurt"), &said);
        let home = region("frankfurt");
        let found = Found { kind: PinKind::Id, hash: said.hash, region: &home };
        let pin = Pin::verify(&catalogue(), found, &bytes).unwrap();
        prop_assert_eq!(pin.says(), &said);
        let opened = sealed_key::open(&id("abc"), &said.hash, &home, &said.sealed);
        prop_assert_eq!(opened, Some(key));
        prop_assert_eq!(sealed_key::open(&id("ABC"), &said.hash, &home, &said.sealed), None);
        prop_assert_eq!(sealed_key::open(&id("abc"), &said.hash, &region("virginia"), &said.sealed), None);
    }

    /// A changed byte gives another pin or none: never one that says something else.
    #[test]
    fn a_flipped_bit_does_not_verify(at: prop::sample::Index, bit in 0..8) {
        let said = statement(&AppKey::parse("acme#chat").unwrap(), 1_800_000_000);
        let mut bytes = sign(&pin_key("frankfurt"), &said);
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        let home = region("frankfurt");
        let found = Found { kind: PinKind::Id, hash: said.hash, region: &home };
        if let Ok(pin) = Pin::verify(&catalogue(), found, &bytes) {
            prop_assert_eq!(pin.says(), &said);
        }
    }

    #[test]
    fn foreign_bytes_are_no_pin(bytes: Vec<u8>) {
        let home = region("frankfurt");
        let found = Found { kind: PinKind::Key, hash: Hash::of_bytes(b""), region: &home };
        prop_assert!(Pin::verify(&catalogue(), found, &bytes).is_err());
    }
}

/// P6: bound to App, kind, region and key.
#[test]
fn a_seal_is_for_one_place() {
    let (one, other) = (Hash::of_bytes(b"one"), Hash::of_bytes(b"other"));
    let home = sealer("frankfurt", vec![seal_key("frankfurt")]);
    let sealed = home.seal(Subject::Record(&one), 1, b"text").unwrap();
    assert!(home.open(Subject::Record(&other), &sealed).is_none());
    assert!(
        home.open(Subject::Account(&one.to_string()), &sealed)
            .is_none()
    );
    // The same key in another region's hands does not make it open there.
    let abroad = sealer("virginia", vec![seal_key("frankfurt")]);
    assert!(abroad.open(Subject::Record(&one), &sealed).is_none());
    let mut same_name = seal_key("virginia");
    same_name.id = seal_key("frankfurt").id;
    let other_key = sealer("frankfurt", vec![same_name]);
    assert!(other_key.open(Subject::Record(&one), &sealed).is_none());
}

#[test]
fn the_newest_key_seals_and_all_open() {
    let hash = Hash::of_bytes(b"app");
    let subject = Subject::Record(&hash);
    let before = sealer("frankfurt", vec![seal_key("old")]);
    let rotated = sealer("frankfurt", vec![seal_key("new"), seal_key("old")]);
    let after = sealer("frankfurt", vec![seal_key("new")]);
    let old = before.seal(subject, 1, b"text").unwrap();
    let new = rotated.seal(subject, 1, b"text").unwrap();
    assert!(rotated.open(subject, &old).is_some());
    assert!(after.open(subject, &new).is_some());
    assert!(before.open(subject, &new).is_none());
    assert!(after.open(subject, &old).is_none());
}

#[test]
fn the_bytes_are_laid_out_as_documented() {
    struct Counting;
    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::registry::NoRandomness> {
            bytes.iter_mut().zip(1..).for_each(|(b, n)| *b = n);
            Ok(())
        }
    }
    let keys = vec![seal_key("f")];
    let sealer = Seals::new("f", keys, Arc::new(Counting));
    let sealed = sealer.seal(Subject::Account("a"), 0x0102, b"text").unwrap();
    let mut wanted = vec![1, 6];
    wanted.extend_from_slice(b"f-seal");
    wanted.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 2]);
    wanted.extend(1..=32);
    wanted.extend(1..=12);
    assert_eq!(sealed[..wanted.len()], wanted);
    assert_eq!(sealed.len(), wanted.len() + 4 + 16);
}

#[test]
fn without_randomness_nothing_is_sealed() {
    struct None;
    impl Randomness for None {
        fn fill(&self, _: &mut [u8]) -> Result<(), crate::registry::NoRandomness> {
            Err(crate::registry::NoRandomness)
        }
    }
    let keys = vec![seal_key("f")];
    let sealer = Seals::new("f", keys, Arc::new(None));
    let refused = sealer.seal(Subject::Account("a"), 1, b"text");
    assert!(matches!(refused, Err(SealError::Randomness(_))));
}

#[test]
fn secrets_do_not_show_themselves() {
    let value = secrecy::SecretString::from("deadbeef");
    let certificate = crate::registry::Certificate {
        id: "c".to_owned(),
        role: crate::registry::CertRole::Primary,
        value,
        created_at: 0,
    };
    let shown = format!("{certificate:?}");
    assert!(!shown.contains("deadbeef"), "{shown}");
    let key = key_hash(&AppKey::parse("acme#chat").unwrap());
    assert!(!format!("{key:?}").contains("acme"));
}

//! The bytes of what is sealed and signed, against vectors that other code made
//! (`tests/crypto-interop/vectors.py`; `docs/crypto.md` is what both follow).

use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use super::kit::{Seals, region, sign};
use crate::config::{PinSigningKey, SealKey};
use crate::domain::{AppId, AppKey, ZoneId};
use crate::registry::names::{exact, id_hash, key_hash, pair};
use crate::registry::pin::Statement;
use crate::registry::seal::Subject;
use crate::registry::{NoRandomness, PinKind, Randomness, sealed_key};

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/crypto-interop/vectors.json"
));

/// 1, 2, 3 and so on, anew for each salt and nonce, as the vectors have them.
struct Counting;

impl Randomness for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        bytes.iter_mut().zip(1..).for_each(|(b, n)| *b = n);
        Ok(())
    }
}

struct Vector(Value);

impl Vector {
    fn of(name: &str) -> Self {
        let all: Value = serde_json::from_str(VECTORS).unwrap();
        Self(all[name].clone())
    }

    fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap()
    }

    fn bytes(&self, member: &str) -> Vec<u8> {
        hex::decode(self.text(member)).unwrap()
    }

    fn secret(&self, member: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.bytes(member).try_into().unwrap())
    }

    fn sealer(&self) -> Seals {
        let key = SealKey {
            id: self.text("key_id").to_owned(),
            key: self.secret("seal_key"),
        };
        Seals::new(self.text("region"), vec![key], Arc::new(Counting))
    }

    fn holds(&self, subject: Subject<'_>) {
        let (sealer, text) = (self.sealer(), self.text("text").as_bytes());
        let revision = self.0["revision"].as_u64().unwrap();
        let sealed = sealer.seal(subject, revision, text).unwrap();
        assert_eq!(hex::encode(&sealed), self.text("bytes"));
        let opened = sealer.open(subject, &sealed).unwrap();
        assert_eq!((opened.revision, opened.text.as_slice()), (revision, text));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(sealer.open(subject, &altered).is_none(), "byte {at}");
        }
    }
}

/// P6. Each byte counts: version, key id, revision, salt, nonce, text and tag.
#[test]
fn records_are_sealed_as_documented() {
    let vector = Vector::of("record");
    let hash = key_hash(&AppKey::parse("acme#chat").unwrap());
    assert_eq!(hash.to_string(), vector.text("name"));
    vector.holds(Subject::Record(&hash));
}

#[test]
fn accounts_are_sealed_as_documented() {
    let vector = Vector::of("account");
    vector.holds(Subject::Account(vector.text("name")));
}

#[test]
fn app_keys_are_sealed_as_documented() {
    let vector = Vector::of("sealed_app_key");
    let id = AppId::parse(vector.text("app_id")).unwrap();
    let key = AppKey::parse(vector.text("app_key")).unwrap();
    let (hash, home) = (id_hash(&id), region(vector.text("region")));
    let sealed = sealed_key::seal(&Counting, &id, &hash, &home, &key).unwrap();
    assert_eq!(hex::encode(&sealed), vector.text("bytes"));
    assert_eq!(sealed_key::open(&id, &hash, &home, &sealed), Some(key));
}

/// P2. Ed25519 is deterministic, so the stored bytes are too.
#[test]
fn pins_are_signed_as_documented() {
    let (vector, names) = (Vector::of("pin"), Vector::of("sealed_app_key"));
    let id = AppId::parse(names.text("app_id")).unwrap();
    let key = AppKey::parse(names.text("app_key")).unwrap();
    let signer = PinSigningKey {
        id: vector.text("key_id").to_owned(),
        seed: vector.secret("seed"),
    };
    let statement = Statement {
        kind: PinKind::Id,
        hash: id_hash(&id),
        exact: exact(PinKind::Id, id.as_str()),
        region: region(vector.text("region")),
        zone: ZoneId::parse(vector.text("zone")).unwrap(),
        time: vector.0["time"].as_u64().unwrap(),
        pair: pair(&id, &key),
        sealed: vector.bytes("sealed"),
    };
    let stored = sign(&signer, &statement);
    assert_eq!(String::from_utf8(stored).unwrap(), vector.text("stored"));
}

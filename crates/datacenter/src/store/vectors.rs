//! The bytes of what is sealed here, against vectors that other code made
//! (`tests/crypto-interop/vectors.py`; `docs/crypto.md` is what both follow).

use serde_json::Value;
use zeroize::Zeroizing;

use super::cipher::{Cipher, Keyspace};
use super::index::PLACE;
use super::key::Key;
use super::seal::{Keys, Seal};
use super::transaction::INDEX;
use crate::app_key::AppKey;
use crate::settings::{SealKey, SealKeys};

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/crypto-interop/vectors.json"
));

struct Vector(Value);

impl Vector {
    fn of(name: &str) -> Vector {
        let all: Value = serde_json::from_str(VECTORS).unwrap();
        Vector(all[name].clone())
    }

    fn bytes(&self, member: &str) -> Vec<u8> {
        hex::decode(self.0[member].as_str().unwrap()).unwrap()
    }

    fn keys(&self) -> Keys {
        let key = SealKey {
            id: "fra1".to_owned(),
            key: Zeroizing::new(self.bytes("key").try_into().unwrap()),
        };
        Keys::of(&SealKeys::new(vec![key]).unwrap())
    }

    fn cipher(&self) -> Seal {
        Seal::new(self.keys(), &self.bytes("index"))
    }

    /// Salt and nonce of the vector, and what they make of this.
    fn sealed(&self, name: &str, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let fresh = [self.bytes("salt"), self.bytes("nonce")].concat();
        let fresh = fresh.try_into().unwrap();
        self.keys().seal_by(fresh, name, place, plain).unwrap()
    }

    fn value(&self) -> &str {
        self.0["value"].as_str().unwrap()
    }
}

fn front() -> Key {
    Key::of(&AppKey::new("acme", "chat").unwrap())
}

#[test]
fn the_key_of_names_is_as_other_code_seals_it() {
    let vector = Vector::of("centre_name_key");
    let (text, bytes) = (vector.bytes("text"), vector.bytes("bytes"));
    assert_eq!(vector.sealed(INDEX, PLACE, &text), bytes);
    assert_eq!(vector.keys().open(INDEX, PLACE, &bytes).unwrap(), text);
}

#[test]
fn a_value_and_its_place_are_as_other_code_makes_them() {
    let vector = Vector::of("centre_value");
    let (cipher, keyspace) = (vector.cipher(), Keyspace::MessagesOneToOne);
    let key = front().part("ann").part("bob").id(7);
    let place = key.place(&cipher, keyspace);
    assert_eq!(place, vector.bytes("place"));
    let mut plain = Vec::new();
    key.write(&mut plain).unwrap();
    plain.extend_from_slice(vector.value().as_bytes());
    let bytes = vector.bytes("bytes");
    assert_eq!(vector.sealed(keyspace.table_name(), &place, &plain), bytes);
    assert_eq!(cipher.open(keyspace, &place, &bytes).unwrap(), plain);
}

#[test]
fn a_piece_of_a_file_is_as_other_code_makes_it() {
    let vector = Vector::of("centre_file");
    let (cipher, keyspace) = (vector.cipher(), Keyspace::Files);
    let file = front().part("01a209c7-8380-7008-9b86-4d73f66f6da1");
    let place = file.id(0).id(1).place(&cipher, keyspace);
    assert_eq!(place, vector.bytes("place"));
    let plain = vector.value().as_bytes();
    let bytes = vector.bytes("bytes");
    let (length, bytes) = bytes.split_at(4);
    let sealed = vector.sealed(keyspace.table_name(), &place, plain);
    assert_eq!(u32::try_from(sealed.len()).unwrap().to_be_bytes(), *length);
    assert_eq!(sealed, bytes);
    assert_eq!(cipher.open(keyspace, &place, bytes).unwrap(), plain);
}

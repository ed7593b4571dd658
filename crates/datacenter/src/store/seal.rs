//! The seal of a store: AES-256-GCM for values, HMAC-SHA256 for the names in keys.
//!
//! A sealed value is `version (1) | key's mark (4) | salt (16) | nonce (12) | ciphertext | tag (16)`. Its key
//! is HKDF-SHA256 of a key of the key file, over the keyspace, the App's tag and the salt: what seals
//! one App's channel opens nothing of another, and no key seals more than one value. Keyspace and place
//! are authenticated, so that a value that was moved does not open.

use aws_lc_rs::aead::{self, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac, rand};

use super::cipher::{Cipher, CipherError, KeyName, Keyspace};
use super::key::Key;
use crate::settings::{SealKey, SealKeys};

/// Seals under the newest key, opens under all, hides names under the store's own index key.
pub(crate) struct Seal {
    keys: Keys,
    index: hmac::Key,
}

/// The keys of the file, newest first.
pub(super) struct Keys(Vec<Root>);

struct Root {
    id: String,
    mark: [u8; MARK],
    secret: hkdf::Prk,
}

impl Seal {
    pub(super) fn new(keys: Keys, index: &[u8]) -> Seal {
        let index = hmac::Key::new(hmac::HMAC_SHA256, index);
        Seal { keys, index }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Seal {
        Seal::new(Keys::of(&SealKeys::for_tests(&[7])), &[9; 32])
    }
}

impl Cipher for Seal {
    fn seal(&self, keyspace: Keyspace, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        self.keys.seal(keyspace.table_name(), place, plain)
    }

    fn open(
        &self,
        keyspace: Keyspace,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        self.keys.open(keyspace.table_name(), place, sealed)
    }

    fn age(&self, sealed: &[u8]) -> Option<usize> {
        let (version, rest) = sealed.split_first()?;
        let mark = rest.get(..MARK).filter(|_| *version == VERSION)?;
        self.keys.0.iter().position(|root| root.mark == mark)
    }

    fn keys(&self) -> Vec<KeyName> {
        self.keys.names()
    }

    fn place(&self, keyspace: Keyspace, key: &Key) -> Vec<u8> {
        let mut place = Vec::new();
        for (whole, own, plain) in key.segments() {
            if plain {
                place.extend_from_slice(own);
            } else {
                place.extend_from_slice(&self.tag(keyspace, whole));
            }
        }
        place
    }
}

impl Seal {
    /// Stands for a name. It is over all that is in front, so the same name is another elsewhere.
    fn tag(&self, keyspace: Keyspace, whole: &[u8]) -> [u8; TAG] {
        let mut all = hmac::Context::with_key(&self.index);
        all.update(keyspace.table_name().as_bytes());
        all.update(&[0]);
        all.update(whole);
        let mut tag = [0; TAG];
        tag.iter_mut()
            .zip(all.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        tag
    }
}

impl Keys {
    pub(super) fn of(keys: &SealKeys) -> Keys {
        Keys(keys.iter().map(Root::of).collect())
    }

    pub(super) fn names(&self) -> Vec<KeyName> {
        let name = |root: &Root| KeyName {
            mark: root.mark.to_vec(),
            id: root.id.clone(),
        };
        self.0.iter().map(name).collect()
    }

    pub(super) fn seal(
        &self,
        name: &str,
        place: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let mut fresh = [0; FRESH];
        rand::fill(&mut fresh).map_err(|_| CipherError::Seal)?;
        self.seal_by(fresh, name, place, plain)
    }

    /// With this salt and nonce, which must never come again.
    pub(super) fn seal_by(
        &self,
        fresh: [u8; FRESH],
        name: &str,
        place: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let root = self.0.first().ok_or(CipherError::Seal)?;
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&root.mark);
        sealed.extend_from_slice(&fresh);
        let (salt, nonce) = fresh.split_at(SALT);
        let key = root.key(name, place, salt).ok_or(CipherError::Seal)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CipherError::Seal)?;
        let mut text = plain.to_vec();
        key.seal_in_place_append_tag(nonce, aad(name, place), &mut text)
            .map_err(|_| CipherError::Seal)?;
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    pub(super) fn open(
        &self,
        name: &str,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        self.try_open(name, place, sealed).ok_or(CipherError::Open)
    }

    fn try_open(&self, name: &str, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (head, text) = sealed.split_at_checked(HEAD)?;
        let (version, head) = head.split_first()?;
        let (mark, head) = head.split_at_checked(MARK)?;
        let (salt, nonce) = head.split_at_checked(SALT)?;
        if *version != VERSION {
            return None;
        }
        let root = self.0.iter().find(|root| root.mark == mark)?;
        let key = root.key(name, place, salt)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = key
            .open_in_place(nonce, aad(name, place), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

impl Root {
    fn of(key: &SealKey) -> Root {
        let (id, key) = (key.id.clone(), &*key.key);
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, LABEL).extract(key);
        let named = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), MARK_LABEL);
        let mut mark = [0; MARK];
        mark.iter_mut()
            .zip(named.as_ref())
            .for_each(|(to, from)| *to = *from);
        Root { id, mark, secret }
    }

    /// The key of one value. The place begins with the App's tag.
    fn key(&self, name: &str, place: &[u8], salt: &[u8]) -> Option<LessSafeKey> {
        let app = place.get(..TAG).unwrap_or(place);
        let info = [name.as_bytes(), &[0], app, salt];
        let key = self.secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

fn aad(name: &str, place: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([name.as_bytes(), &[0], place].concat())
}

const VERSION: u8 = 1;
/// Of a key: tells which of the file's keys a value was sealed with.
const MARK: usize = 4;
const SALT: usize = 16;
/// Of what stands for a name. 128 bits: 2^40 names of an App collide once in 2^49 stores.
const TAG: usize = 16;
/// Salt and nonce.
const FRESH: usize = SALT + aead::NONCE_LEN;
/// In front of the ciphertext.
const HEAD: usize = 1 + MARK + FRESH;
const LABEL: &[u8] = b"domicile-datacenter-v1";
const MARK_LABEL: &[u8] = b"domicile-datacenter-key-v1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_key::AppKey;

    fn keys(all: &[u8]) -> Keys {
        Keys::of(&SealKeys::for_tests(all))
    }

    #[test]
    fn the_newest_key_seals_and_all_open() {
        let old = keys(&[1]).seal("users", b"place", b"text").unwrap();
        let both = keys(&[2, 1]);
        assert_eq!(both.open("users", b"place", &old).unwrap(), b"text");
        let new = both.seal("users", b"place", b"text").unwrap();
        assert_eq!(keys(&[2]).open("users", b"place", &new).unwrap(), b"text");
        assert_eq!(
            keys(&[1]).open("users", b"place", &new),
            Err(CipherError::Open)
        );
    }

    /// Every byte of what is sealed counts, and so does where it is.
    #[test]
    fn what_was_changed_or_moved_does_not_open() {
        let keys = keys(&[1]);
        let sealed = keys.seal("users", b"place", b"text").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.open("users", b"place", &changed).is_err(), "{at}");
            assert!(keys.open("users", b"place", &sealed[..at]).is_err(), "{at}");
        }
        assert!(keys.open("users", b"elsewhere", &sealed).is_err());
        assert!(keys.open("groups", b"place", &sealed).is_err());
    }

    /// The key of one App's channel opens nothing of another: not only by what is authenticated.
    #[test]
    fn each_app_and_channel_has_keys_of_its_own() {
        let root = Root::of(SealKeys::for_tests(&[1]).iter().next().unwrap());
        let place = |first: u8| [first; TAG];
        let seals = |name: &str, place: &[u8]| {
            let key = root.key(name, place, &[0; SALT]).unwrap();
            let mut text = b"the same text".to_vec();
            let nonce = Nonce::assume_unique_for_key([0; aead::NONCE_LEN]);
            key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
                .unwrap();
            text
        };
        let one = seals("messages_group", &place(1));
        assert_eq!(one, seals("messages_group", &place(1)));
        assert_ne!(one, seals("messages_group", &place(2)));
        assert_ne!(one, seals("messages_room", &place(1)));
    }

    #[test]
    fn the_same_name_stands_as_another_elsewhere() {
        let seal = Seal::for_tests();
        let key = |app: &str| Key::of(&AppKey::new("o", app).unwrap()).end("bob");
        let place = |keyspace, app| seal.place(keyspace, &key(app))[TAG..].to_vec();
        let one = place(Keyspace::Users, "a");
        assert_eq!(one, place(Keyspace::Users, "a"));
        assert_ne!(one, place(Keyspace::Users, "b"));
        assert_ne!(one, place(Keyspace::Groups, "a"));
    }
}

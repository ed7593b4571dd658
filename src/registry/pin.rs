//! Pins: the signed, immutable statements of where an App lives (SPEC 7).
//!
//! An App has two, one under the hash of its App ID and one under the hash of its AppKey. In the
//! store a pin is JSON: `kind`, `hash`, `exact`, `region`, `zone`, `time` (unix seconds), `pair`,
//! `sealed` (base64, only in the App ID's pin), `key` (the signing key's id), `signature` (base64).
//!
//! The Ed25519 signature is over these parts, each with its length in front (u32, big-endian):
//! `domicile-pin-v1`, kind (`id` or `key`), hash, exact, region, zone, time, pair, sealed. Hashes
//! are 64 lower-case hexadecimal digits, the time is decimal, sealed is its bytes (empty in the
//! AppKey's pin).

use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::distrust::Distrust;
use super::keys::{KeyError, Keys, PublicPinKey};
use super::names::{Hash, PinKind, framed};
use crate::config::{Catalogue, PinKey};
use crate::domain::{RegionId, ZoneId};

/// A pin whose signature verifies, of the App that its place in the store names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(Statement);

/// What a pin says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub kind: PinKind,
    /// Of the folded name: where the pin stands.
    pub hash: Hash,
    /// Of the name as registered.
    pub exact: Hash,
    pub region: RegionId,
    pub zone: ZoneId,
    /// Unix seconds.
    pub time: u64,
    pub pair: Hash,
    /// In the App ID's pin: the sealed AppKey (`sealed_key.rs`).
    pub sealed: Vec<u8>,
}

/// Where a pin was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub kind: PinKind,
    pub hash: Hash,
    /// The region under whose prefix it stands.
    pub region: &'a RegionId,
}

/// Signs the pins of one region.
pub struct Signer {
    public: PublicPinKey,
    keys: Arc<dyn Keys>,
}

impl Signer {
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self {
            public: keys.pin_key(),
            keys,
        }
    }

    /// Whether `region`'s catalogue entry verifies what this signs.
    pub fn is_listed(&self, keys: &[PinKey]) -> bool {
        let PublicPinKey { id, key } = &self.public;
        keys.iter().any(|k| k.id == *id && k.key == *key)
    }

    /// The pin as it is stored.
    ///
    /// # Errors
    /// When whoever holds the key does not answer.
    pub async fn sign(&self, statement: &Statement) -> Result<Vec<u8>, KeyError> {
        let signature = self.keys.sign(&statement.signed_bytes()).await?;
        let raw = RawPin::new(statement, &self.public.id, &signature);
        // Texts and numbers only: writing them as JSON can't fail.
        Ok(serde_json::to_vec(&raw).unwrap_or_default())
    }
}

impl Pin {
    /// Reads a stored pin and verifies it for the place where it was found.
    ///
    /// # Errors
    /// When it isn't a pin of that place, or no key of its region signed it.
    pub fn verify(catalogue: &Catalogue, found: Found<'_>, value: &[u8]) -> Result<Self, Distrust> {
        let raw: RawPin = serde_json::from_slice(value).map_err(|_| Distrust::UnreadablePin)?;
        let (statement, signature) = raw.read()?;
        let stands_there = statement.kind == found.kind
            && statement.hash == found.hash
            && statement.region == *found.region;
        if !stands_there {
            return Err(Distrust::MisplacedPin);
        }
        let region = catalogue.region(found.region);
        let keys = region.map_or(&[][..], |r| &r.pin_keys);
        let key = keys.iter().filter(|k| k.id == raw.key);
        let key = key.into_iter().find(|k| verifies_at(k, statement.time));
        let key = UnparsedPublicKey::new(&ED25519, key.ok_or(Distrust::UnknownPinKey)?.key);
        let verified = key.verify(&statement.signed_bytes(), &signature);
        verified.map_err(|_| Distrust::BadSignature)?;
        Ok(Self(statement))
    }

    pub fn says(&self) -> &Statement {
        &self.0
    }
}

fn verifies_at(key: &PinKey, time: u64) -> bool {
    key.not_after.is_none_or(|end| time < end)
}

impl Statement {
    fn signed_bytes(&self) -> Vec<u8> {
        framed(&[
            b"domicile-pin-v1",
            self.kind.as_str().as_bytes(),
            self.hash.to_string().as_bytes(),
            self.exact.to_string().as_bytes(),
            self.region.as_str().as_bytes(),
            self.zone.as_str().as_bytes(),
            self.time.to_string().as_bytes(),
            self.pair.to_string().as_bytes(),
            &self.sealed,
        ])
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPin {
    kind: String,
    hash: String,
    exact: String,
    region: String,
    zone: String,
    time: u64,
    pair: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sealed: String,
    key: String,
    signature: String,
}

impl RawPin {
    fn new(statement: &Statement, key: &str, signature: &[u8]) -> Self {
        Self {
            kind: statement.kind.as_str().to_owned(),
            hash: statement.hash.to_string(),
            exact: statement.exact.to_string(),
            region: statement.region.to_string(),
            zone: statement.zone.to_string(),
            time: statement.time,
            pair: statement.pair.to_string(),
            sealed: BASE64_STANDARD.encode(&statement.sealed),
            key: key.to_owned(),
            signature: BASE64_STANDARD.encode(signature),
        }
    }

    fn read(&self) -> Result<(Statement, Vec<u8>), Distrust> {
        let read = || {
            let statement = Statement {
                kind: kind(&self.kind)?,
                hash: Hash::parse(&self.hash)?,
                exact: Hash::parse(&self.exact)?,
                region: RegionId::parse(&self.region).ok()?,
                zone: ZoneId::parse(&self.zone).ok()?,
                time: self.time,
                pair: Hash::parse(&self.pair)?,
                sealed: BASE64_STANDARD.decode(&self.sealed).ok()?,
            };
            Some((statement, BASE64_STANDARD.decode(&self.signature).ok()?))
        };
        read().ok_or(Distrust::UnreadablePin)
    }
}

fn kind(text: &str) -> Option<PinKind> {
    [PinKind::Id, PinKind::Key]
        .into_iter()
        .find(|k| k.as_str() == text)
}

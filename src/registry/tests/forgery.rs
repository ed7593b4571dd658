//! The table of what must not be believed.

use std::sync::Arc;

use super::kit::{Seals, id, key, pin_key, region, seal_key, sign};
use super::untrusted::{CHAT, Case, Scene};
use crate::config::PinSigningKey;
use crate::domain::ZoneId;
use crate::registry::names::{exact, id_hash, key_hash, pair};
use crate::registry::pin::Statement;
use crate::registry::record::Record;
use crate::registry::seal::Subject;
use crate::registry::{AppName, Distrust, Key, PinKind, SystemRandomness, sealed_key};

impl Scene {
    /// Genuine pins in wrong places, or missing.
    pub(super) async fn pin_cases(&self) -> Vec<Case> {
        let (by_id, by_key) = (AppName::Id(id("a1")), AppName::Key(key(CHAT)));
        let here = &self.frankfurt;
        let foreign = |hash| Key::pin(&region("virginia"), hash);
        let (id_bytes, key_bytes) = (self.value(&here.id).await, self.value(&here.key).await);
        let everywhere = |name| vec![("frankfurt", name), ("virginia", name), ("beijing", name)];
        vec![
            Case {
                name: "the App ID's pin is missing",
                edits: vec![(here.id.clone(), None)],
                asks: vec![("frankfurt", by_key)],
                reason: Distrust::LonePin,
            },
            Case {
                name: "the AppKey's pin is missing",
                edits: vec![(here.key.clone(), None)],
                asks: vec![("virginia", by_id), ("beijing", by_id)],
                reason: Distrust::LonePin,
            },
            Case {
                name: "the AppKey's pin is missing where the record is",
                edits: vec![(here.key.clone(), None)],
                asks: vec![("frankfurt", by_id), ("frankfurt", by_key)],
                reason: Distrust::NoPins,
            },
            Case {
                name: "the AppKey's pin stands under another region",
                edits: vec![
                    (here.key.clone(), None),
                    (foreign(&key_hash(&key(CHAT))), Some(key_bytes.clone())),
                ],
                asks: everywhere(by_key),
                reason: Distrust::MisplacedPin,
            },
            Case {
                name: "the App ID's pin stands under another region",
                edits: vec![
                    (here.id.clone(), None),
                    (foreign(&id_hash(&id("a1"))), Some(id_bytes.clone())),
                ],
                asks: everywhere(by_id),
                reason: Distrust::MisplacedPin,
            },
            Case {
                name: "another App's AppKey pin stands in its place",
                edits: vec![(here.key.clone(), Some(self.value(&self.other.key).await))],
                asks: everywhere(by_key),
                reason: Distrust::MisplacedPin,
            },
            Case {
                name: "the App ID's pin stands in the place of the AppKey's",
                edits: vec![(here.key.clone(), Some(id_bytes.clone()))],
                asks: everywhere(by_key),
                reason: Distrust::MisplacedPin,
            },
            Case {
                name: "the pin is no pin",
                edits: vec![(here.key.clone(), Some(b"{}".to_vec()))],
                asks: everywhere(by_key),
                reason: Distrust::UnreadablePin,
            },
            Case {
                name: "the zone in the pin was changed",
                edits: vec![(here.key.clone(), Some(replaced(&key_bytes, "fra1", "fra2")))],
                asks: everywhere(by_key),
                reason: Distrust::BadSignature,
            },
            Case {
                name: "the time in the pin was changed",
                edits: vec![(
                    here.id.clone(),
                    Some(replaced(&id_bytes, "1800000000", "1800000001")),
                )],
                asks: everywhere(by_id),
                reason: Distrust::BadSignature,
            },
        ]
    }

    /// Pins that a region's key holder signed.
    pub(super) fn forged_cases(&self) -> Vec<Case> {
        let (by_id, by_key) = (AppName::Id(id("a1")), AppName::Key(key(CHAT)));
        let here = &self.frankfurt;
        let everywhere = |name| vec![("frankfurt", name), ("virginia", name), ("beijing", name)];
        let unknown = PinSigningKey {
            id: "nobody".to_owned(),
            seed: pin_key("virginia").seed,
        };
        let borrowed = PinSigningKey {
            id: pin_key("frankfurt").id,
            seed: pin_key("virginia").seed,
        };
        let foreign_key = Key::pin(&region("virginia"), &key_hash(&key(CHAT)));
        let foreign_id = Key::pin(&region("virginia"), &id_hash(&id("a1")));
        let key_statement = || key_statement("frankfurt", "fra1");
        let id_statement = || id_statement("frankfurt", "fra1");
        let mut unsealed = id_statement();
        unsealed.sealed.truncate(20);
        let mut late = id_statement();
        late.time += 1;
        let mut other_pair = id_statement();
        other_pair.pair = pair(&id("a2"), &key(CHAT));
        let signed = |statement: &Statement| Some(sign(&pin_key("frankfurt"), statement));
        vec![
            Case {
                name: "a second region pins the AppKey",
                edits: vec![(
                    foreign_key.clone(),
                    Some(sign(
                        &pin_key("virginia"),
                        &self::key_statement("virginia", "va1"),
                    )),
                )],
                asks: everywhere(by_key),
                reason: Distrust::TwoPins,
            },
            Case {
                name: "a second region pins the App ID",
                edits: vec![(
                    foreign_id.clone(),
                    Some(sign(
                        &pin_key("virginia"),
                        &self::id_statement("virginia", "va1"),
                    )),
                )],
                asks: [everywhere(by_id), vec![("frankfurt", by_key)]].concat(),
                reason: Distrust::TwoPins,
            },
            Case {
                name: "the App ID is pinned by another region only",
                edits: vec![
                    (here.id.clone(), None),
                    (
                        foreign_id,
                        Some(sign(
                            &pin_key("virginia"),
                            &self::id_statement("virginia", "va1"),
                        )),
                    ),
                ],
                asks: [everywhere(by_id), vec![("frankfurt", by_key)]].concat(),
                reason: Distrust::UnequalPins,
            },
            Case {
                name: "the AppKey is pinned by another region only",
                edits: vec![
                    (here.key.clone(), None),
                    (
                        foreign_key.clone(),
                        Some(sign(
                            &pin_key("virginia"),
                            &self::key_statement("virginia", "va1"),
                        )),
                    ),
                ],
                asks: vec![("frankfurt", by_key), ("frankfurt", by_id)],
                reason: Distrust::NoPins,
            },
            Case {
                name: "the AppKey is pinned by a region that has no record",
                edits: vec![
                    (here.key.clone(), None),
                    (
                        foreign_key.clone(),
                        Some(sign(
                            &pin_key("virginia"),
                            &self::key_statement("virginia", "va1"),
                        )),
                    ),
                ],
                asks: vec![("virginia", by_key), ("virginia", by_id)],
                reason: Distrust::NoRecord,
            },
            Case {
                name: "an unknown key signed",
                edits: vec![(here.key.clone(), Some(sign(&unknown, &key_statement())))],
                asks: everywhere(by_key),
                reason: Distrust::UnknownPinKey,
            },
            Case {
                name: "another region's key signed under this one's name",
                edits: vec![(here.key.clone(), Some(sign(&borrowed, &key_statement())))],
                asks: everywhere(by_key),
                reason: Distrust::BadSignature,
            },
            Case {
                name: "another region's key signed under its own name",
                edits: vec![(
                    here.key.clone(),
                    Some(sign(&pin_key("virginia"), &key_statement())),
                )],
                asks: everywhere(by_key),
                reason: Distrust::UnknownPinKey,
            },
            Case {
                name: "the AppKey in the pin does not open",
                edits: vec![(here.id.clone(), signed(&unsealed))],
                asks: [everywhere(by_id), vec![("frankfurt", by_key)]].concat(),
                reason: Distrust::SealedKey,
            },
            Case {
                name: "the two pins were made at different times",
                edits: vec![(here.id.clone(), signed(&late))],
                asks: vec![("frankfurt", by_key), ("frankfurt", by_id)],
                reason: Distrust::UnequalPins,
            },
            Case {
                name: "the App ID's pin is of another pair",
                edits: vec![(here.id.clone(), signed(&other_pair))],
                asks: [everywhere(by_id), vec![("frankfurt", by_key)]].concat(),
                reason: Distrust::OtherPair,
            },
        ]
    }

    pub(super) async fn record_cases(&self) -> Vec<Case> {
        let names = [AppName::Id(id("a1")), AppName::Key(key(CHAT))];
        let asks = || names.map(|name| ("frankfurt", name)).to_vec();
        let place = &self.frankfurt.record;
        let bytes = self.value(place).await;
        let mut altered = bytes.clone();
        *altered.last_mut().unwrap() ^= 1;
        let mut older = bytes.clone();
        older[2 + seal_key("frankfurt").id.len() + 7] ^= 1;
        let case = |name, value, reason| Case {
            name,
            edits: vec![(place.clone(), value)],
            asks: asks(),
            reason,
        };
        let sealed = Distrust::SealedRecord;
        vec![
            case("the record is missing", None, Distrust::NoRecord),
            case("the record is empty", Some(Vec::new()), sealed),
            case("the record was altered", Some(altered), sealed),
            case("the record's revision was altered", Some(older), sealed),
            case(
                "the record is another App's",
                Some(self.value(&self.other.record).await),
                sealed,
            ),
            case(
                "the record is from another region",
                Some(self.value(&self.far.record).await),
                sealed,
            ),
            case(
                "the record is of another App ID",
                Some(resealed(&bytes, |record| record.app_id = id("a2"))),
                Distrust::OtherPair,
            ),
            case(
                "the record is of another AppKey",
                Some(resealed(&bytes, |record| {
                    record.app_key = key("acme#other");
                })),
                Distrust::OtherPair,
            ),
            case(
                "the record's two revisions differ",
                Some(resealed(&bytes, |record| record.revision = 9)),
                sealed,
            ),
        ]
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.contains(from));
    text.replace(from, to).into_bytes()
}

fn key_statement(home: &str, zone: &str) -> Statement {
    Statement {
        kind: PinKind::Key,
        hash: key_hash(&key(CHAT)),
        exact: exact(PinKind::Key, CHAT),
        region: region(home),
        zone: ZoneId::parse(zone).unwrap(),
        time: super::kit::NOW,
        pair: pair(&id("a1"), &key(CHAT)),
        sealed: Vec::new(),
    }
}

fn id_statement(home: &str, zone: &str) -> Statement {
    let (id, hash) = (id("a1"), id_hash(&id("a1")));
    let sealed = sealed_key::seal(&SystemRandomness, &id, &hash, &region(home), &key(CHAT));
    Statement {
        kind: PinKind::Id,
        hash,
        exact: exact(PinKind::Id, id.as_str()),
        sealed: sealed.unwrap(),
        ..key_statement(home, zone)
    }
}

/// The record, edited by somebody who has the seal key, under the same name and revision.
fn resealed(bytes: &[u8], edit: impl Fn(&mut Record)) -> Vec<u8> {
    let keys = vec![seal_key("frankfurt")];
    let sealer = Seals::new("frankfurt", keys, Arc::new(SystemRandomness));
    let hash = key_hash(&key(CHAT));
    let opened = sealer.open(Subject::Record(&hash), bytes).unwrap();
    let mut record = Record::from_json(&opened.text).unwrap();
    edit(&mut record);
    let sealed = sealer.seal(Subject::Record(&hash), opened.revision, &record.to_json());
    sealed.unwrap()
}

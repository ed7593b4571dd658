//! What the store says of an App, verified (SPEC 7, `registry_untrusted`).

use super::distrust::Distrust;
use super::health::Trust;
use super::names::{Hash, PinKind, exact, id_hash, key_hash, pair};
use super::pin::{Found, Pin};
use super::record::Record;
use super::seal::{Subject, Unopened};
use super::store::{Key, Unavailable};
use super::{Registry, sealed_key};
use crate::domain::{AppId, AppKey};

/// Why the store gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Distrust(#[from] Distrust),
}

/// A name of an App in the store.
pub(super) enum Named<T> {
    Free,
    /// Taken by a name that differs in upper and lower case.
    SpeltOtherwise,
    Taken(T),
}

/// What the store has under an AppKey.
pub(super) struct Verified {
    /// The AppKey's pin.
    pub(super) pin: Pin,
    /// If its home is here.
    pub(super) record: Option<Stored>,
}

/// A record, and the bytes that it was opened from.
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) bytes: Vec<u8>,
}

/// An App ID that was guessed, and what is in the places of its pin.
type Likely<'a> = (&'a AppId, Vec<Option<Vec<u8>>>);

impl Registry {
    /// Nothing new is believed while the store can't be reached or has lost commits.
    pub(super) async fn require_trust(&self) -> Result<(), Fault> {
        if self.facts.trust() == Trust::Unknown {
            self.checks.join((), || self.check()).await;
        }
        match self.facts.trust() {
            Trust::Trusted => Ok(()),
            Trust::Unknown => Err(Unavailable.into()),
            Trust::RolledBack(_) => Err(Distrust::RolledBack.into()),
        }
    }

    /// What the store has under an AppKey; at home with its record and its App ID's pin.
    ///
    /// `likely` is the App ID that it may have: its pin is read in the same step then. It decides
    /// nothing. If the record names another one, or there is no guess, that takes a second read.
    pub(super) async fn read_key(
        &self,
        key: &AppKey,
        likely: Option<&AppId>,
    ) -> Result<Named<Verified>, Fault> {
        let values = self.read(self.places(key, likely)).await?;
        self.named(key, likely, values).await
    }

    /// Where the store has what it says of an App.
    pub(super) fn places(&self, key: &AppKey, likely: Option<&AppId>) -> Vec<Key> {
        let hash = key_hash(key);
        let mut places = self.pin_keys(&hash);
        places.push(Key::app(&self.region, &hash));
        if let Some(id) = likely {
            places.extend(self.pin_keys(&id_hash(id)));
        }
        places
    }

    /// What these values of an App's places say.
    pub(super) async fn named(
        &self,
        key: &AppKey,
        likely: Option<&AppId>,
        mut values: Vec<Option<Vec<u8>>>,
    ) -> Result<Named<Verified>, Fault> {
        let hash = key_hash(key);
        let own = self.catalogue.regions.len() + 1;
        let likely = likely.map(|id| (id, values.split_off(own)));
        let bytes = values.pop().flatten();
        let pin = self.only_pin(PinKind::Key, hash, &values)?;
        let here = pin.as_ref().is_some_and(|p| p.says().region == self.region);
        match (pin, bytes) {
            (None, None) => Ok(Named::Free),
            (Some(_), None) if here => Err(Distrust::NoRecord.into()),
            (_, Some(_)) if !here => Err(Distrust::NoPins.into()),
            (Some(pin), bytes) => self.verified(pin, bytes, key, likely).await,
            (None, Some(_)) => Err(Distrust::NoPins.into()),
        }
    }

    /// What the store has under an App ID: its pin, and the AppKey that is sealed in it.
    pub(super) async fn read_id(&self, id: &AppId) -> Result<Named<(Pin, AppKey)>, Fault> {
        let values = self.read(self.pin_keys(&id_hash(id))).await?;
        Ok(self.id_pin(id, &values)?)
    }

    /// The same from the values of its pin's places.
    fn id_pin(
        &self,
        id: &AppId,
        values: &[Option<Vec<u8>>],
    ) -> Result<Named<(Pin, AppKey)>, Distrust> {
        let hash = id_hash(id);
        let Some(pin) = self.only_pin(PinKind::Id, hash, values)? else {
            return Ok(Named::Free);
        };
        if pin.says().exact != exact(PinKind::Id, id.as_str()) {
            return Ok(Named::SpeltOtherwise);
        }
        let key = sealed_key::open(id, &hash, &pin.says().region, &pin.says().sealed);
        let key = key.ok_or(Distrust::SealedKey)?;
        if pair(id, &key) != pin.says().pair {
            return Err(Distrust::OtherPair);
        }
        Ok(Named::Taken((pin, key)))
    }

    /// What the store has under the AppKey of an App ID, if both pins agree.
    pub(super) async fn read_by_id(&self, id: &AppId) -> Result<Option<(AppKey, Verified)>, Fault> {
        let Named::Taken((pin, key)) = self.read_id(id).await? else {
            return Ok(None);
        };
        // Both pins are written at once and for ever: after the one, the other must be there.
        let Named::Taken(verified) = self.read_key(&key, Some(id)).await? else {
            return Err(Distrust::LonePin.into());
        };
        agree(&pin, &verified.pin)?;
        Ok(Some((key, verified)))
    }

    /// The values of the keys, from a snapshot that has lost nothing of what was seen: the newest
    /// links are read with it. Between two regular comparisons nothing is believed of an older
    /// store, which would be remembered.
    pub(super) async fn read(&self, mut keys: Vec<Key>) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        let count = keys.len();
        let (links, wanted): (Vec<_>, Vec<_>) = self.anchor.links().into_iter().unzip();
        keys.extend(links);
        let values = self.store.read(keys).await;
        let mut values = values.inspect_err(|_| self.facts.away())?;
        if values.len() != count + wanted.len() {
            return Err(Unavailable.into());
        }
        let there = values.split_off(count);
        if there.into_iter().eq(wanted.into_iter().map(Some)) {
            return Ok(values);
        }
        self.verify().await;
        Err(Distrust::RolledBack.into())
    }

    /// The places of a name's pin: one in each region.
    pub(super) fn pin_keys(&self, hash: &Hash) -> Vec<Key> {
        let regions = self.catalogue.regions.iter();
        regions.map(|r| Key::pin(&r.id, hash)).collect()
    }

    fn only_pin(
        &self,
        kind: PinKind,
        hash: Hash,
        values: &[Option<Vec<u8>>],
    ) -> Result<Option<Pin>, Distrust> {
        let regions = self.catalogue.regions.iter().map(|r| &r.id);
        let mut there = regions
            .zip(values)
            .filter_map(|(region, value)| Some((region, value.as_ref()?)));
        let Some((region, value)) = there.next() else {
            return Ok(None);
        };
        if there.next().is_some() {
            return Err(Distrust::TwoPins);
        }
        let found = Found { kind, hash, region };
        Pin::verify(&self.catalogue, found, value).map(Some)
    }

    async fn verified(
        &self,
        pin: Pin,
        bytes: Option<Vec<u8>>,
        key: &AppKey,
        likely: Option<Likely<'_>>,
    ) -> Result<Named<Verified>, Fault> {
        if pin.says().exact != exact(PinKind::Key, key.as_str()) {
            return Ok(Named::SpeltOtherwise);
        }
        let record = match bytes {
            None => None,
            Some(bytes) => Some(self.open_record(&pin, bytes, key, likely).await?),
        };
        Ok(Named::Taken(Verified { pin, record }))
    }

    async fn open_record(
        &self,
        pin: &Pin,
        bytes: Vec<u8>,
        key: &AppKey,
        likely: Option<Likely<'_>>,
    ) -> Result<Stored, Fault> {
        let record = self.unseal(&pin.says().hash, &bytes).await?;
        if record.app_key != *key || pair(&record.app_id, key) != pin.says().pair {
            return Err(Distrust::OtherPair.into());
        }
        let named = match likely {
            Some((id, values)) if *id == record.app_id => self.id_pin(id, &values)?,
            _ => self.read_id(&record.app_id).await?,
        };
        let Named::Taken((id_pin, sealed)) = named else {
            return Err(Distrust::LonePin.into());
        };
        if sealed != *key {
            return Err(Distrust::OtherPair.into());
        }
        agree(&id_pin, pin)?;
        Ok(Stored { record, bytes })
    }

    /// Opens a record of this region.
    pub(super) async fn unseal(&self, hash: &Hash, bytes: &[u8]) -> Result<Record, Fault> {
        let opened = self.sealer.open(Subject::Record(hash), bytes).await;
        let opened = opened.map_err(|error| match error {
            Unopened::Untrue => Fault::from(Distrust::SealedRecord),
            Unopened::NoKeys => Fault::from(Unavailable),
        })?;
        let record = Record::from_json(&opened.text);
        let record = record.filter(|record| record.revision == opened.revision);
        record.ok_or_else(|| Distrust::SealedRecord.into())
    }
}

/// Both pins of an App say the same.
pub(super) fn agree(id: &Pin, key: &Pin) -> Result<(), Distrust> {
    let (id, key) = (id.says(), key.says());
    let same = id.region == key.region
        && id.zone == key.zone
        && id.time == key.time
        && id.pair == key.pair;
    if same {
        Ok(())
    } else {
        Err(Distrust::UnequalPins)
    }
}

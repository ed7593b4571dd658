//! What is believed of the store.

use crate::size::{HOSTILE, ID_OF, KEY_OF, REGIONS, Rules};
use crate::store::{App, Name, Pin, Record, Region, Store};

/// What one snapshot read by AppKey has given: the pins of all regions, and the region's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub pins: [Option<Pin>; REGIONS],
    pub record: Option<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distrust;

/// An App that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    Here(Record),
    Elsewhere(Region),
}

impl View {
    pub fn read(store: &Store, region: Region, app: App) -> Self {
        let key = KEY_OF[app];
        Self {
            pins: std::array::from_fn(|r| store.pins[r][key]),
            record: store.records[region][key],
        }
    }

    /// `None`: the name is free. At home the App ID's pin is read too, which comes later.
    pub fn verify(
        &self,
        later: &Store,
        region: Region,
        app: App,
        rules: &Rules,
    ) -> Result<Option<Found>, Distrust> {
        let pin = only_pin(&self.pins, KEY_OF[app], rules)?;
        let Some(pin) = pin else {
            return if self.record.is_some() {
                Err(Distrust)
            } else {
                Ok(None)
            };
        };
        if pin.home != region {
            let elsewhere = Ok(Some(Found::Elsewhere(pin.home)));
            return if self.record.is_some() {
                Err(Distrust)
            } else {
                elsewhere
            };
        }
        let record = self.record.ok_or(Distrust)?;
        let id = pin_of(later, ID_OF[app], rules)?.ok_or(Distrust)?;
        if (id.app, id.home) != (pin.app, pin.home) {
            return Err(Distrust);
        }
        Ok(Some(Found::Here(record)))
    }
}

/// The one pin of a name in the store now.
pub fn pin_of(store: &Store, name: Name, rules: &Rules) -> Result<Option<Pin>, Distrust> {
    let pins = std::array::from_fn(|r| store.pins[r][name]);
    only_pin(&pins, name, rules)
}

fn only_pin(
    pins: &[Option<Pin>; REGIONS],
    name: Name,
    rules: &Rules,
) -> Result<Option<Pin>, Distrust> {
    let mut there = pins
        .iter()
        .enumerate()
        .filter_map(|(r, pin)| Some((r, (*pin)?)));
    // Without the rule the last one wins, as in a map that is filled region by region.
    let first = if rules.two_pins {
        let first = there.next();
        if there.next().is_some() {
            return Err(Distrust);
        }
        first
    } else {
        there.next_back()
    };
    match first {
        Some((place, pin)) if rules.signature => {
            let right = pin.home == place && pin.signer == place && pin.name == name;
            if right { Ok(Some(pin)) } else { Err(Distrust) }
        }
        Some((_, pin)) => Ok(Some(pin)),
        None => Ok(None),
    }
}

/// Whether a region's key signed that the App lives there, somewhere in the store.
pub fn hostile_pin(store: &Store, app: App) -> bool {
    let names = [ID_OF[app], KEY_OF[app]];
    names
        .iter()
        .any(|name| store.pins[HOSTILE][*name].is_some())
}

//! One file of the catalogue.

use super::endpoint::{self, Endpoints};
use super::pin_key;
use super::{PinKey, Region};
use crate::config::read::{Document, Item, Place, Section, shown};
use crate::domain::{RegionId, ZoneId};

/// A file of the catalogue, and where in it stands what other files may not repeat.
pub(in crate::config) struct RegionFile {
    pub(in crate::config) document: Document,
    /// `None` when the file doesn't tell its region.
    pub(in crate::config) region: Option<Region>,
    pub(in crate::config) hosts: Vec<(Place, String)>,
    pub(in crate::config) zones: Vec<(Place, ZoneId)>,
    pub(in crate::config) pin_keys: Vec<(Place, PinKey)>,
}

#[derive(Default)]
struct Parts {
    id: Option<RegionId>,
    location: String,
    service_area: String,
    zones: Vec<(Place, ZoneId)>,
    endpoints: Endpoints,
    pin_keys: Vec<(Place, PinKey)>,
}

pub(super) fn read(document: Document) -> RegionFile {
    let parts = document.root().section(parts).unwrap_or_default();
    let hosts = parts.endpoints.hosts();
    let (zones, pin_keys) = (parts.zones.clone(), parts.pin_keys.clone());
    RegionFile {
        document,
        region: parts.assemble(),
        hosts,
        zones,
        pin_keys,
    }
}

impl Parts {
    fn assemble(self) -> Option<Region> {
        Some(Region {
            id: self.id?,
            location: self.location,
            service_area: self.service_area,
            zones: values(self.zones),
            rest: values(self.endpoints.rest),
            websocket: values(self.endpoints.websocket),
            msync: values(self.endpoints.msync),
            admin: values(self.endpoints.admin),
            pin_keys: values(self.pin_keys),
        })
    }
}

fn values<T>(placed: Vec<(Place, T)>) -> Vec<T> {
    placed.into_iter().map(|(_, value)| value).collect()
}

fn parts(s: &mut Section<'_>) -> Parts {
    Parts {
        id: id(s),
        location: location(s).unwrap_or_default(),
        service_area: service_area(s).unwrap_or_default(),
        zones: zones(s),
        endpoints: endpoint::read(s),
        pin_keys: pin_key::read(s),
    }
}

fn id(s: &mut Section<'_>) -> Option<RegionId> {
    let item = s.need("region", "a region's id, such as frankfurt")?;
    item.parse("a region's id, such as frankfurt", RegionId::parse)
}

fn location(s: &mut Section<'_>) -> Option<String> {
    let expected = "where the data centre is, such as Frankfurt, Germany";
    let item = s.need("location", expected)?;
    item.parse(expected, |text| {
        let fits = text.chars().count() <= 200 && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
            .ok_or("is not a short text on one line")
    })
}

fn service_area(s: &mut Section<'_>) -> Option<String> {
    let expected = "a service area, such as europe";
    let item = s.need("service_area", expected)?;
    // The grammar of names fits; the areas themselves are open.
    let area = item.parse(expected, RegionId::parse)?;
    Some(area.as_str().to_owned())
}

fn zones(s: &mut Section<'_>) -> Vec<(Place, ZoneId)> {
    let items = s.need_list("zones", "the region's zones, such as [fra1]");
    let mut zones = Vec::new();
    for item in &items {
        zones.extend(zone(item, &zones));
    }
    zones
}

fn zone(item: &Item<'_>, before: &[(Place, ZoneId)]) -> Option<(Place, ZoneId)> {
    let zone = item.parse("a zone's id, such as fra1", ZoneId::parse)?;
    if before.iter().any(|(_, other)| *other == zone) {
        let problem = format!("{} is here more than once", shown(zone.as_str()));
        return item.fault(problem, "each zone once");
    }
    Some((item.place().clone(), zone))
}

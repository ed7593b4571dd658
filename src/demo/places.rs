//! The demo's regions: what they are called and where they listen.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::domain::{RegionId, ZoneId};

/// One of the demo's regions.
#[derive(Debug, Clone)]
pub struct Place {
    /// 1 to 4.
    pub number: u8,
    pub region: RegionId,
    pub location: &'static str,
    pub service_area: &'static str,
    zones: &'static [&'static str],
    base: u16,
}

/// One of its zones, with a /24 of its own.
#[derive(Debug, Clone)]
pub struct Zone {
    pub id: ZoneId,
    region: u8,
    number: u8,
}

/// Where a zone's data centre listens, at this start.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub rest: SocketAddr,
    pub websocket: SocketAddr,
    pub msync: SocketAddr,
}

/// Ids, locations, service areas and zones, in the order of their numbers.
const PLACES: [(&str, &str, &str, &[&str]); 4] = [
    (
        "beijing",
        "Beijing, China",
        "mainland-china",
        &["bj1", "vip6"],
    ),
    ("singapore", "Singapore", "southeast-asia", &["sg1"]),
    ("frankfurt", "Frankfurt, Germany", "europe", &["fra1"]),
    ("virginia", "Virginia, United States", "us-east", &["va1"]),
];

/// The demo's regions on this base port.
pub fn places(base: u16) -> Vec<Place> {
    let place = |(number, (id, location, service_area, zones)): (u8, _)| {
        Some(Place {
            number,
            region: RegionId::parse(id).ok()?,
            location,
            service_area,
            zones,
            base,
        })
    };
    (1..).zip(PLACES).filter_map(place).collect()
}

/// Whether this machine answers on all of 127/8, as Linux does.
pub fn has_addresses() -> bool {
    TcpListener::bind((Ipv4Addr::new(127, 41, 1, 10), 0)).is_ok()
}

impl Place {
    pub fn zones(&self) -> impl Iterator<Item = Zone> + '_ {
        (1..).zip(self.zones).filter_map(|(number, id)| {
            Some(Zone {
                id: ZoneId::parse(id).ok()?,
                region: self.number,
                number,
            })
        })
    }

    pub fn https(&self) -> u16 {
        self.port(0)
    }

    pub fn msync(&self) -> u16 {
        self.port(10)
    }

    pub fn admin(&self) -> u16 {
        self.port(20)
    }

    pub fn ops(&self) -> u16 {
        self.port(30)
    }

    fn port(&self, offset: u16) -> u16 {
        self.base
            .saturating_add(offset)
            .saturating_add(self.number.into())
    }

    /// `frankfurt.localhost`
    pub fn name(&self) -> String {
        format!("{}.localhost", self.region)
    }
}

impl Zone {
    /// Where its data centre listens; the system picks the port.
    pub fn address(&self, guarded: bool) -> SocketAddr {
        SocketAddr::new(self.ip(guarded), 0)
    }

    pub fn ip(&self, guarded: bool) -> IpAddr {
        if guarded {
            Ipv4Addr::new(127, 40 + self.region, self.number, 10).into()
        } else {
            Ipv4Addr::LOCALHOST.into()
        }
    }

    /// The only addresses that its gateway may dial for it.
    pub fn egress(&self, guarded: bool) -> String {
        if guarded {
            format!("127.{}.{}.0/24", 40 + self.region, self.number)
        } else {
            "127.0.0.1/32".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_numbered_in_the_contracts_order() {
        let places = places(7400);
        let ports: Vec<_> = places
            .iter()
            .map(|p| (p.region.as_str(), p.https(), p.ops()))
            .collect();
        assert_eq!(ports[0], ("beijing", 7401, 7431));
        assert_eq!(ports[2], ("frankfurt", 7403, 7433));
        let zones: Vec<_> = places.iter().flat_map(Place::zones).collect();
        assert_eq!(zones.len(), 5);
        assert_eq!(zones[1].egress(true), "127.41.2.0/24");
        assert_eq!(zones[3].ip(true).to_string(), "127.43.1.10");
    }
}

//! Where everything is. Region n of the four has the prefix `10.(70+n).0.0/16`: its gateway in
//! `.0.0/24`, its data centre's zone k in `.k.0/24`.

use std::net::{Ipv4Addr, SocketAddr};

/// A region of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub region: &'static str,
    pub zones: &'static [&'static str],
    number: u8,
}

/// One of its zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    pub id: &'static str,
    region: u8,
    number: u8,
}

pub const PLACES: [Place; 4] = [
    Place::new(1, "beijing", &["bj1", "vip6"]),
    Place::new(2, "singapore", &["sg1"]),
    Place::new(3, "frankfurt", &["fra1"]),
    Place::new(4, "virginia", &["va1"]),
];

pub const CLIENTS: &str = "clients";
pub const ETCD: &str = "etcd";
pub const CLIENTS_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 10);
pub const ETCD_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 80, 0, 10);

pub fn place(region: &str) -> Place {
    let found = PLACES.into_iter().find(|p| p.region == region);
    found.unwrap()
}

impl Place {
    const fn new(number: u8, region: &'static str, zones: &'static [&'static str]) -> Self {
        Self {
            region,
            zones,
            number,
        }
    }

    /// The namespace of its gateway, and the router's link to it.
    pub fn gateway(self) -> String {
        format!("gateway-{}", self.number)
    }

    /// The namespace of its data centre, and the router's link to it.
    pub fn centre(self) -> String {
        format!("centre-{}", self.number)
    }

    pub fn gateway_address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 70 + self.number, 0, 10)
    }

    pub fn zones(self) -> impl Iterator<Item = Zone> {
        (1..).zip(self.zones).map(move |(number, id)| Zone {
            id,
            region: self.number,
            number,
        })
    }

    pub fn https(self) -> SocketAddr {
        (self.gateway_address(), 8443).into()
    }

    pub fn msync(self) -> SocketAddr {
        (self.gateway_address(), 6717).into()
    }

    pub fn admin(self) -> SocketAddr {
        (self.gateway_address(), 9443).into()
    }

    pub fn ops(self) -> SocketAddr {
        (self.gateway_address(), 9090).into()
    }

    /// `rest.frankfurt.test` and the like.
    pub fn name(self, service: &str) -> String {
        format!("{service}.{}.test", self.region)
    }

    pub fn names(self) -> [String; 4] {
        ["rest", "ws", "msync", "admin"].map(|service| self.name(service))
    }
}

impl Zone {
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 70 + self.region, self.number, 10)
    }

    /// Another machine of the zone.
    pub fn machine(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 70 + self.region, self.number, last)
    }

    /// Its addresses, which are its egress range.
    pub fn prefix(self) -> String {
        format!("10.{}.{}.0/24", 70 + self.region, self.number)
    }

    pub fn holds(self, address: Ipv4Addr) -> bool {
        address.octets()[..3] == [10, 70 + self.region, self.number]
    }
}

//! Where everything is. Region n of the four has the prefix `10.(70+n).0.0/16`: its gateway in
//! `.0.0/24`, its data centre's zone k in `.k.0/24`; and by IPv6 `fd00:(70+n)::/32` (these digits), with
//! `:0::/64` and `:k::/64`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A region of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

    /// Everything of the region.
    pub fn prefix(self) -> String {
        format!("10.{}.0.0/16", 70 + self.number)
    }

    pub fn gateway_address6(self) -> Ipv6Addr {
        address6(self.number, 0, HOST)
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

    pub fn address6(self) -> Ipv6Addr {
        address6(self.region, self.number, HOST)
    }

    pub fn machine6(self, last: u8) -> Ipv6Addr {
        address6(self.region, self.number, last)
    }

    /// Its addresses by IPv6, which are in its egress ranges, too.
    pub fn prefix6(self) -> String {
        format!("{}/64", address6(self.region, self.number, 0))
    }

    /// Its addresses, which are in its egress ranges.
    pub fn prefix(self) -> String {
        format!("10.{}.{}.0/24", 70 + self.region, self.number)
    }

    pub fn holds(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => v4.octets()[..3] == [10, 70 + self.region, self.number],
            IpAddr::V6(v6) => v6.segments()[..4] == self.address6().segments()[..4],
        }
    }
}

/// The last number of most addresses.
const HOST: u8 = 10;

/// `fd00:71:k::10` and the like: the digits are those of the IPv4 address.
fn address6(region: u8, zone: u8, last: u8) -> Ipv6Addr {
    let text = format!("fd00:{}:{zone}::{last}", 70 + region);
    text.parse().expect("an address")
}

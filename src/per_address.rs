//! Something that an address may do only so often in a minute: wrong admin keys, discovery.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::Clock;

/// What each address did in the current minute.
pub struct PerAddress {
    most: u32,
    clock: Arc<dyn Clock>,
    counts: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    /// Minutes since 1970.
    number: u64,
    counts: HashMap<IpAddr, u32>,
}

/// Addresses remembered. What finds no room shares one count.
const ADDRESSES: usize = 10_000;

impl PerAddress {
    /// `most` is how often in a minute.
    pub fn new(most: u32, clock: Arc<dyn Clock>) -> Self {
        Self {
            most,
            clock,
            counts: Mutex::default(),
        }
    }

    /// Counts once more. Beyond the limit, says for how many seconds to keep still.
    pub fn count(&self, from: IpAddr) -> Option<u64> {
        let now = self.clock.unix();
        let count = self.counts.lock().add(now / 60, network(from));
        (count > self.most).then(|| 60 - now % 60)
    }
}

impl Minute {
    fn add(&mut self, number: u64, address: IpAddr) -> u32 {
        if self.number != number {
            *self = Self {
                number,
                counts: HashMap::new(),
            };
        }
        let room = self.counts.len() < ADDRESSES || self.counts.contains_key(&address);
        let address = if room { address } else { EVERYBODY_ELSE };
        let count = self.counts.entry(address).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

const EVERYBODY_ELSE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Whoever has one IPv6 address has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ManualClock;

    const MOST: u32 = 60;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_slowed_down_by_itself_and_for_a_minute() {
        let clock = Arc::new(ManualClock::at(600));
        let counts = PerAddress::new(MOST, clock.clone());
        for _ in 0..MOST {
            assert_eq!(counts.count(address("10.0.0.1")), None);
        }
        clock.advance(Duration::from_secs(15));
        assert_eq!(counts.count(address("::ffff:10.0.0.1")), Some(45));
        assert_eq!(counts.count(address("10.0.0.2")), None);
        clock.advance(Duration::from_secs(45));
        assert_eq!(counts.count(address("10.0.0.1")), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let counts = PerAddress::new(MOST, Arc::new(ManualClock::at(600)));
        for host in 0..MOST {
            counts.count(address(&format!("2001:db8::{host:x}")));
        }
        assert!(counts.count(address("2001:db8::ffff")).is_some());
        assert!(counts.count(address("2001:db8:0:1::1")).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let counts = PerAddress::new(MOST, Arc::new(ManualClock::at(600)));
        for number in 0..20_000_u32 {
            counts.count(IpAddr::from(number.to_be_bytes()));
        }
        assert!(counts.counts.lock().counts.len() <= ADDRESSES + 1);
    }
}

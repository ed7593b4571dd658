//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::config::Limits;

/// Counts connections. Asked once a connection, never on the way of a request.
#[derive(Debug, Default)]
pub struct Admission {
    connections: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize, RandomState>>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub struct Place(Arc<Admission>);

/// A connection's place among those of its address.
#[derive(Debug)]
pub struct AddressPlace {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub fn connection(self: &Arc<Self>, limits: &Limits) -> Option<Place> {
        let place = Place(Arc::clone(self));
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        (before < limits.connections).then_some(place)
    }

    pub fn address(self: &Arc<Self>, address: IpAddr, limits: &Limits) -> Option<AddressPlace> {
        let address = address.to_canonical();
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(address).or_insert(0);
        if *count >= limits.connections_per_address {
            return None;
        }
        *count += 1;
        Some(AddressPlace {
            admission: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut by_address = self.admission.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_come_back() {
        let limits = &Limits {
            connections: 2,
            connections_per_address: 1,
            ..Limits::default()
        };
        let admission = Arc::new(Admission::default());
        let first = admission.connection(limits).unwrap();
        let _second = admission.connection(limits);
        assert!(admission.connection(limits).is_none());
        drop(first);
        assert!(admission.connection(limits).is_some());
        let v4: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let held = admission.address(v4, limits);
        assert!(
            admission.address(mapped, limits).is_none(),
            "the same address"
        );
        drop(held);
        assert!(admission.address(mapped, limits).is_some());
        assert!(admission.by_address.lock().is_empty());
    }
}

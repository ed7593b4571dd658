//! The answers used lately, for one core: bounded, and a hit costs next to no bookkeeping.
//!
//! What was used since the hand came by last stays, and the rest goes (the clock algorithm). It is kept in
//! parts, so that no request waits until all of a large one is moved as it grows.

use hashbrown::HashTable;

#[derive(Debug)]
pub struct Recent<T> {
    parts: Box<[Part<T>]>,
    /// That of a part.
    capacity: usize,
}

#[derive(Debug)]
struct Part<T> {
    /// Where in `slots` what has a hash is.
    places: HashTable<Place>,
    slots: Vec<Slot<T>>,
    hand: Place,
}

#[derive(Debug)]
struct Slot<T> {
    hash: u64,
    /// Since the hand came by.
    used: bool,
    value: T,
}

/// In a part.
type Place = u16;

/// How many a part holds at most.
const PART: usize = 4_096;

/// How many the hand passes at most for one that comes.
const STEPS: usize = 16;

impl<T> Recent<T> {
    pub fn new(capacity: usize) -> Self {
        let parts = capacity.div_ceil(PART).max(1);
        Self {
            parts: (0..parts).map(|_| Part::new()).collect(),
            capacity: capacity.div_ceil(parts).max(1),
        }
    }

    /// The one with this hash that `is` it, if `good` accepts it; one that it does not accept is forgotten.
    pub fn find(
        &mut self,
        hash: u64,
        is: impl Fn(&T) -> bool,
        good: impl Fn(&T) -> bool,
    ) -> Option<&T> {
        let part = self.part(hash)?;
        let place = part.place(hash, is)?;
        if !good(&part.slots.get(usize::from(place))?.value) {
            part.forget(place);
            return None;
        }
        let slot = part.slots.get_mut(usize::from(place))?;
        slot.used = true;
        Some(&slot.value)
    }

    /// In place of the one with this hash that `is` it, if there is one.
    pub fn insert(&mut self, hash: u64, is: impl Fn(&T) -> bool, value: T) {
        let capacity = self.capacity;
        if let Some(part) = self.part(hash) {
            part.insert(hash, is, value, capacity);
        }
    }

    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.slots.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// By bits that neither tell a part's places apart nor its tags.
    fn part(&mut self, hash: u64) -> Option<&mut Part<T>> {
        let fraction = (hash >> 16) & 0xffff_ffff;
        let number = (fraction * self.parts.len() as u64) >> 32;
        self.parts.get_mut(usize::try_from(number).ok()?)
    }
}

impl<T> Part<T> {
    const fn new() -> Self {
        Self {
            places: HashTable::new(),
            slots: Vec::new(),
            hand: 0,
        }
    }

    fn place(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<Place> {
        let is = |place: &Place| {
            let slot = self.slots.get(usize::from(*place));
            slot.is_some_and(|slot| slot.hash == hash && is(&slot.value))
        };
        self.places.find(hash, is).copied()
    }

    fn insert(&mut self, hash: u64, is: impl Fn(&T) -> bool, value: T, capacity: usize) {
        if let Some(place) = self.place(hash, is) {
            self.slots[usize::from(place)].value = value;
            return;
        }
        let slot = Slot {
            hash,
            used: false,
            value,
        };
        let place = match Place::try_from(self.slots.len()) {
            Ok(end) if self.slots.len() < capacity => {
                self.slots.push(slot);
                end
            }
            _ => {
                let place = self.pass();
                let gone = std::mem::replace(&mut self.slots[usize::from(place)], slot);
                self.unlink(gone.hash, place);
                place
            }
        };
        let slots = &self.slots;
        let hash_of = |place: &Place| slots[usize::from(*place)].hash;
        self.places.insert_unique(hash, place, hash_of);
    }

    /// The place of one that was not used since the hand came by last, or of where the hand gives up.
    fn pass(&mut self) -> Place {
        for _ in 0..STEPS {
            let place = self.step();
            let slot = &mut self.slots[usize::from(place)];
            if !std::mem::replace(&mut slot.used, false) {
                return place;
            }
        }
        self.step()
    }

    fn step(&mut self) -> Place {
        let place = self.hand;
        self.hand += 1;
        if usize::from(self.hand) >= self.slots.len() {
            self.hand = 0;
        }
        place
    }

    fn forget(&mut self, place: Place) {
        let gone = self.slots.swap_remove(usize::from(place));
        self.unlink(gone.hash, place);
        let last = self.slots.len();
        if let Some(moved) = self.slots.get(usize::from(place))
            && let Some(its) = self
                .places
                .find_mut(moved.hash, |its| usize::from(*its) == last)
        {
            *its = place;
        }
        if usize::from(self.hand) >= last {
            self.hand = 0;
        }
    }

    fn unlink(&mut self, hash: u64, place: Place) {
        if let Ok(found) = self.places.find_entry(hash, |its| *its == place) {
            found.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// All but the low bits are another's with each.
    fn hash(n: u64) -> u64 {
        n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn insert(recent: &mut Recent<u64>, n: u64) {
        recent.insert(hash(n), |other| *other == n, n);
    }

    fn has(recent: &mut Recent<u64>, n: u64) -> bool {
        recent
            .find(hash(n), |other| *other == n, |_| true)
            .is_some()
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(8);
        for n in 0..100 {
            insert(&mut recent, n);
            assert!(has(&mut recent, 0), "after {n}");
        }
        assert_eq!(recent.len(), 8);
        assert!(!has(&mut recent, 50));
    }

    #[test]
    fn no_more_is_kept_than_fits_also_when_all_of_it_is_used() {
        const CAPACITY: usize = 3 * PART + 1;
        let mut recent = Recent::new(CAPACITY);
        for n in 0..30_000 {
            insert(&mut recent, n);
            assert!(has(&mut recent, n));
            has(&mut recent, n / 2);
        }
        assert!(recent.len() <= CAPACITY + recent.parts.len(), "rounded up");
        assert!(recent.len() > CAPACITY * 9 / 10, "{}", recent.len());
    }

    #[test]
    fn all_that_fits_is_found() {
        let mut recent = Recent::new(100_000);
        for n in 0..50_000 {
            insert(&mut recent, n);
        }
        assert!((0..50_000).all(|n| has(&mut recent, n)));
        assert_eq!(recent.len(), 50_000);
    }

    #[test]
    fn what_is_not_good_is_forgotten() {
        let mut recent = Recent::new(4);
        insert(&mut recent, 1);
        assert_eq!(recent.find(hash(1), |_| true, |_| false), None);
        assert_eq!(recent.find(hash(1), |_| true, |_| true), None);
        assert!(recent.is_empty());
    }

    #[test]
    fn another_with_the_same_hash_is_not_it() {
        let mut recent = Recent::new(4);
        for n in [1, 2] {
            recent.insert(7, |other| *other == n, n);
        }
        for n in [1, 2] {
            assert_eq!(recent.find(7, |other| *other == n, |_| true), Some(&n));
        }
        assert_eq!(recent.find(7, |other| *other == 3, |_| true), None);
        recent.insert(7, |other| *other == 2, 2);
        assert_eq!(recent.len(), 2);
    }

    /// Whatever is put in, taken out and replaced: a value is found under its own hash or not at all.
    #[test]
    fn nothing_is_found_in_anothers_place() {
        let mut recent = Recent::new(64);
        let mut last: HashMap<u64, u64> = HashMap::new();
        let mut seed = 1;
        for round in 0..20_000 {
            seed = hash(seed ^ round);
            let key = seed % 100;
            let found = recent.find(hash(key), |(its, _)| *its == key, |(_, n)| n % 5 != 0);
            if let Some((its, n)) = found {
                assert_eq!((its, n), (&key, &last[&key]));
            }
            recent.insert(hash(key), |(its, _)| *its == key, (key, round));
            last.insert(key, round);
            assert!(recent.len() <= 64);
            let part = &recent.parts[0];
            assert_eq!(part.places.len(), part.slots.len());
        }
    }
}

//! The answers used lately, for one core: a bounded map whose hits cost no bookkeeping.
//!
//! Two generations: when the young one is full it becomes the old one, and what is asked for again
//! moves back. So at most twice the capacity is held, and the unused goes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    capacity: usize,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// `capacity` is that of a generation.
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            capacity,
        }
    }

    /// The value, if there is one and `good` accepts it; one that it does not accept is forgotten.
    pub fn find<Q>(&mut self, key: &Q, good: impl Fn(&V) -> bool) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(value) = self.young.get(key) {
            if good(value) {
                return Some(value.clone());
            }
            self.young.remove(key);
            return None;
        }
        let (key, value) = self.old.remove_entry(key)?;
        if !good(&value) {
            return None;
        }
        self.insert(key, value.clone());
        Some(value)
    }

    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(4);
        for n in 0..100 {
            recent.insert(n, n);
            assert_eq!(recent.find(&0, |_| true), Some(0), "after {n}");
        }
        assert!(recent.len() <= 8);
        assert_eq!(recent.find(&50, |_| true), None);
    }

    #[test]
    fn what_is_not_good_is_forgotten() {
        let mut recent = Recent::new(4);
        recent.insert("a", 1);
        assert_eq!(recent.find("a", |_| false), None);
        assert_eq!(recent.find("a", |_| true), None);
        assert!(recent.is_empty());
    }
}

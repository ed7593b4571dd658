//! Where in etcd the store's keys are: behind a prefix.

use super::wire::{Compare, Entry, Op, Range, RangeAnswer, Raw};
use crate::domain::RegionId;
use crate::registry::store::{Condition, Key};

#[derive(Debug, Clone)]
pub(super) struct Keyspace {
    /// With a slash at the end.
    prefix: String,
}

/// All keys that start with something, or the rest of them.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) key: Raw,
    pub(super) range_end: Raw,
}

impl Keyspace {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("{prefix}/"),
        }
    }

    pub(super) fn raw(&self, key: &Key) -> Raw {
        Raw(format!("{}{key}", self.prefix).into_bytes())
    }

    /// A key of the store; `None` for one that is not behind the prefix.
    pub(super) fn key(&self, raw: &Raw) -> Option<Key> {
        let text = std::str::from_utf8(&raw.0).ok()?;
        text.strip_prefix(&self.prefix).map(Key::from_text)
    }

    /// Everything behind the prefix.
    #[cfg(test)]
    pub(super) fn all(&self) -> Span {
        Span::from(self.prefix.clone().into_bytes())
    }

    /// All keys that start with this one.
    pub(super) fn below(&self, prefix: &Key) -> Span {
        Span::from(self.raw(prefix).0)
    }

    /// All keys that start with `prefix`, from behind `after`.
    pub(super) fn behind(&self, prefix: &Key, after: &Key) -> Span {
        let mut span = self.below(prefix);
        let mut key = self.raw(after);
        // The next key after a key is itself and a zero byte.
        key.0.push(0);
        span.key = key.max(span.key);
        span
    }

    /// A region's links from number `n` on.
    pub(super) fn links_from(&self, region: &RegionId, n: u64) -> Span {
        Span {
            key: self.raw(&Key::link(region, n)),
            ..self.below(&Key::links(region))
        }
    }

    pub(super) fn compare(&self, condition: &Condition) -> Compare {
        let key = self.raw(condition.key());
        match condition {
            Condition::Absent(_) => Compare::absent(key),
            Condition::Equals(_, value) => Compare::equals(key, Raw(value.clone())),
        }
    }

    /// Entries as the store has them.
    pub(super) fn entries(&self, answer: RangeAnswer) -> Vec<(Key, Vec<u8>)> {
        let entry = |Entry { key, value, .. }| Some((self.key(&key)?, value.0));
        answer.kvs.into_iter().filter_map(entry).collect()
    }
}

impl Span {
    fn from(prefix: Vec<u8>) -> Self {
        let mut range_end = prefix.clone();
        // Keys are ASCII, so that the last byte has a successor.
        if let Some(last) = range_end.last_mut() {
            *last = last.saturating_add(1);
        }
        Self {
            key: Raw(prefix),
            range_end: Raw(range_end),
        }
    }

    pub(super) fn range(self, limit: usize) -> Range {
        Range {
            key: self.key,
            range_end: Some(self.range_end),
            limit: super::wire::Number::of(limit),
            ..Range::default()
        }
    }

    pub(super) fn read(self, limit: usize) -> Op {
        Op::Range(self.range(limit))
    }

    pub(super) fn nothing(self) -> Compare {
        Compare::empty(self.key, self.range_end)
    }
}

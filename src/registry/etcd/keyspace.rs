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

/// All keys that start with something, a part at a time.
///
/// etcd looks at everything up to the end of a range, however little of it is asked for: a page of
/// 64 out of a million would cost a million. Names are hashes, which are spread evenly. So a range
/// goes one on in the fourth hexadecimal digit; where that gives too little, the next one goes one
/// on in the third, and so on, until everything is left. Names of another kind come in the same
/// order, in larger parts.
pub(super) struct Windows {
    whole: Span,
    /// How much of a key is the same in all.
    base: usize,
    from: Raw,
    digits: usize,
}

/// 65,536 parts: with ten million names about 150 in each.
const DIGITS: usize = 4;

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

    /// Whether what is there may be remembered: links and the list of regions are read again each
    /// second.
    pub(super) fn is_remembered(&self, raw: &Raw) -> bool {
        let key = raw.0.strip_prefix(self.prefix.as_bytes());
        key.is_none_or(|key| key != b"regions" && !key.starts_with(b"chain/"))
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
    pub(super) fn windows(&self, prefix: &Key, after: Option<&Key>) -> Windows {
        let whole = self.below(prefix);
        let after = after.map(|after| behind(&self.raw(after)));
        Windows {
            base: whole.key.0.len(),
            from: after.unwrap_or_default().max(whole.key.clone()),
            digits: DIGITS,
            whole,
        }
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

/// The next key after a key is itself and a zero byte.
fn behind(key: &Raw) -> Raw {
    let mut next = key.clone();
    next.0.push(0);
    next
}

impl Windows {
    /// What is to be read now.
    pub(super) fn span(&self) -> Span {
        Span {
            key: self.from.clone(),
            range_end: self.end(),
        }
    }

    fn end(&self) -> Raw {
        if self.digits == 0 {
            return self.whole.range_end.clone();
        }
        let mut end = self.from.0.clone();
        if end.len() < self.base + self.digits {
            end.resize(self.base + self.digits, b'0');
        }
        for at in (self.base..self.base + self.digits).rev() {
            end[at] = match end[at] {
                // And one on in the digit before.
                b'f' => b'0',
                b'9' => b'a',
                other => other.saturating_add(1),
            };
            if end[at] != b'0' {
                return Raw(end).min(self.whole.range_end.clone());
            }
        }
        self.whole.range_end.clone()
    }

    /// A page of it ended at this key, and there is more.
    pub(super) fn goes_on_behind(&mut self, last: &Raw) {
        self.from = behind(last);
    }

    /// There was no more in it. Whether there is anything behind it.
    pub(super) fn goes_on(&mut self) -> bool {
        self.from = self.end();
        self.digits = self.digits.saturating_sub(1);
        self.from < self.whole.range_end
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PREFIX: &str = "apps/frankfurt/";

    /// Pages as `Etcd::entries` reads them, and the most that etcd looked at for one.
    fn read(names: &BTreeSet<Vec<u8>>, after: Option<&Key>, limit: usize) -> (Vec<Vec<u8>>, usize) {
        let keys = Keyspace::new("/domicile");
        let mut windows = keys.windows(&Key::from_text(PREFIX), after);
        let (mut found, mut looked_at) = (Vec::new(), 0);
        while found.len() < limit {
            let span = windows.span();
            let there: Vec<_> = names.range(span.key.0..span.range_end.0).collect();
            looked_at += there.len();
            let wanted = limit - found.len();
            found.extend(there.iter().take(wanted).map(|name| name.to_vec()));
            if there.len() < wanted && !windows.goes_on() {
                break;
            }
            if there.len() >= wanted {
                windows.goes_on_behind(&Raw(there[wanted - 1].clone()));
            }
        }
        (found, looked_at)
    }

    fn raw(name: &str) -> Vec<u8> {
        Keyspace::new("/domicile").raw(&Key::from_text(name)).0
    }

    #[test]
    fn every_key_of_the_prefix_is_read_once_and_in_order() {
        let inside = [
            "", "!", "0", "0000", "00001", "0001", "00ff", "00g", "0a", "9", "99999", "a", "f",
            "ffff", "ffff0", "ffffffff", "g", "z", "zz", "~", "\u{7f}",
        ];
        let outside = [
            "apps/frankfurs/zz",
            "apps/frankfurt",
            "apps/frankfurt0",
            "apps/g",
        ];
        let mut names: BTreeSet<_> = inside
            .iter()
            .map(|n| raw(&format!("{PREFIX}{n}")))
            .collect();
        let expected: Vec<_> = names.iter().cloned().collect();
        names.extend(outside.map(raw));
        for limit in 1..=expected.len() + 1 {
            assert_eq!(
                read(&names, None, limit).0,
                expected[..limit.min(expected.len())]
            );
        }
        for (n, last) in inside.iter().enumerate() {
            let after = Key::from_text(&format!("{PREFIX}{last}"));
            assert_eq!(
                read(&names, Some(&after), 100).0,
                expected[n + 1..],
                "{last}"
            );
        }
    }

    /// Control: the end of each window.
    #[test]
    fn a_page_does_not_cost_what_is_behind_it() {
        let hash = |n: u32| {
            hex::encode(aws_lc_rs::digest::digest(
                &aws_lc_rs::digest::SHA256,
                &n.to_be_bytes(),
            ))
        };
        let name = |n| format!("{PREFIX}{}", hash(n));
        let names: BTreeSet<_> = (0..100_000).map(|n| raw(&name(n))).collect();
        for n in 0..200 {
            let after = Key::from_text(&name(n));
            let (page, looked_at) = read(&names, Some(&after), 64);
            let is_end = page.len() < 64;
            assert!(is_end || looked_at < 1_000, "{looked_at}");
        }
        let all = read(&names, None, usize::MAX).0;
        assert_eq!(all.len(), 100_000);
    }
}

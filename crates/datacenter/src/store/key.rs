//! Keys. Each begins with its App, length in front, so that no range ever crosses Apps.

use std::ops::Range;

use crate::app_key::AppKey;

/// A key, or the front of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub(crate) fn of(app: &AppKey) -> Key {
        Key(Vec::new()).part(&app.to_string())
    }

    /// A key as it stands in the store.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Key {
        Key(bytes.to_vec())
    }

    /// Adds a text with its length in front, so that no text runs into the next.
    pub(crate) fn part(mut self, text: &str) -> Key {
        self.0.extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds the last text of a key: keys that differ only here sort as their texts do.
    pub(crate) fn end(mut self, text: &str) -> Key {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds the id of a message: keys that differ only here sort by time, then by id.
    pub(crate) fn id(mut self, id: u64) -> Key {
        self.0.extend_from_slice(&id.to_be_bytes());
        self
    }

    /// The range of all keys that begin with this one.
    pub(crate) fn below(&self) -> Range<Vec<u8>> {
        self.0.clone()..after_all(&self.0)
    }

    /// As [`Key::below`], only what sorts behind `text`.
    pub(crate) fn below_after(&self, text: &str) -> Range<Vec<u8>> {
        let mut start = self.clone().end(text).0;
        start.push(0);
        start..after_all(&self.0)
    }

    /// As [`Key::below`], only the ids of the range.
    pub(crate) fn below_ids(&self, ids: Range<u64>) -> Range<Vec<u8>> {
        self.clone().id(ids.start).0..self.clone().id(ids.end).0
    }

    /// What follows behind `front`; nothing when this does not begin with it.
    pub(crate) fn behind(&self, front: &Key) -> Option<&[u8]> {
        self.0.strip_prefix(front.0.as_slice())
    }

    /// The id that it ends with.
    pub(crate) fn last_id(&self) -> Option<u64> {
        self.0.last_chunk().copied().map(u64::from_be_bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The first key behind all that begin with `front`. Not empty: a front begins with a length.
fn after_all(front: &[u8]) -> Vec<u8> {
    let mut end = front.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(org: &str, app: &str) -> AppKey {
        AppKey::new(org, app).unwrap()
    }

    #[test]
    fn ranges_never_cross_apps() {
        let inside = Key::of(&app("o", "a")).below();
        assert!(inside.contains(&Key::of(&app("o", "a")).end("bob").0));
        for (o, a) in [("o", "ab"), ("o", "b"), ("oo", "a"), ("a", "a")] {
            assert!(
                !inside.contains(&Key::of(&app(o, a)).end("bob").0),
                "{o} {a}"
            );
        }
    }

    #[test]
    fn parts_never_run_into_each_other() {
        let front = Key::of(&app("o", "a"));
        assert_ne!(
            front.clone().part("ab").part("c"),
            front.clone().part("a").part("bc")
        );
        assert!(
            !front
                .clone()
                .part("a")
                .below()
                .contains(&front.part("ab").0)
        );
    }

    #[test]
    fn ids_and_ends_bound_a_range() {
        let front = Key::of(&app("o", "a"));
        let range = front.below_ids(5..8);
        assert!(range.contains(&front.clone().id(5).0) && !range.contains(&front.clone().id(8).0));
        let after = front.below_after("bob");
        assert!(
            !after.contains(&front.clone().end("bob").0) && after.contains(&front.end("boba").0)
        );
    }

    #[test]
    fn a_front_that_ends_in_the_highest_byte_has_an_end() {
        assert_eq!(after_all(&[1, 255, 255]), [2]);
    }
}

//! Keys. Each begins with its App, length in front, so that no range ever crosses Apps.
//!
//! A key is made of names in clear. How it stands in the store is the cipher's matter: it may hide the
//! parts that are names, and must keep what is plain (ids) in its order.

use std::ops::Range;

use super::cipher::{Cipher, Keyspace};
use crate::app_key::AppKey;

/// A key, or the front of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// As it was found in the store, where what it says does not open.
    stored: bool,
}

/// A part of a key: where it ends, and whether it may be read from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) end: usize,
    pub(crate) plain: bool,
}

/// A range of keys.
#[derive(Clone, Debug)]
pub(crate) enum Span {
    Keys {
        front: Key,
        from: Edge,
        to: Edge,
    },
    /// As it is in the store.
    Stored(Range<Vec<u8>>),
}

/// One end of a range.
#[derive(Clone, Debug)]
pub(crate) enum Edge {
    /// As far as the front goes.
    Open,
    At(Key),
    Behind(Key),
}

impl Key {
    pub(crate) fn of(app: &AppKey) -> Key {
        Key::default().part(&app.to_string())
    }

    /// A key as it stands in the store, of which no more is known.
    pub(super) fn stored(bytes: &[u8]) -> Key {
        Key {
            bytes: bytes.to_vec(),
            segments: Vec::new(),
            stored: true,
        }
    }

    /// Adds a text with its length in front, so that no text runs into the next.
    pub(crate) fn part(mut self, text: &str) -> Key {
        let length = (text.len() as u64).to_be_bytes();
        self.bytes.extend_from_slice(&length);
        self.add(text.as_bytes(), false)
    }

    /// Adds the last text of a key, a name.
    pub(crate) fn end(self, text: &str) -> Key {
        self.add(text.as_bytes(), false)
    }

    /// Adds a last text that names nobody and nothing: keys that differ only here sort as their texts do.
    pub(crate) fn plain(self, text: &str) -> Key {
        self.add(text.as_bytes(), true)
    }

    /// Adds the id of a message: keys that differ only here sort by time, then by id.
    pub(crate) fn id(self, id: u64) -> Key {
        self.add(&id.to_be_bytes(), true)
    }

    fn add(mut self, bytes: &[u8], plain: bool) -> Key {
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        self.segments.push(Segment { end, plain });
        self
    }

    /// All keys that begin with this one.
    pub(crate) fn below(&self) -> Span {
        self.span(Edge::Open, Edge::Open)
    }

    /// As [`Key::below`], only what comes behind the name `text`; all for an empty one.
    pub(crate) fn below_after(&self, text: &str) -> Span {
        self.after(text, Key::end)
    }

    /// As [`Key::below_after`], for texts that are plain.
    pub(crate) fn below_after_plain(&self, text: &str) -> Span {
        self.after(text, Key::plain)
    }

    /// As [`Key::below`], only the ids of the range.
    pub(crate) fn below_ids(&self, ids: Range<u64>) -> Span {
        let edge = |id| Edge::At(self.clone().id(id));
        self.span(edge(ids.start), edge(ids.end))
    }

    /// As [`Key::below`], only what is in front of the plain `text`.
    pub(crate) fn below_until_plain(&self, text: &str) -> Span {
        self.span(Edge::Open, Edge::At(self.clone().plain(text)))
    }

    fn after(&self, text: &str, last: fn(Key, &str) -> Key) -> Span {
        let from = match text {
            "" => Edge::Open,
            text => Edge::Behind(last(self.clone(), text)),
        };
        self.span(from, Edge::Open)
    }

    fn span(&self, from: Edge, to: Edge) -> Span {
        let front = self.clone();
        Span::Keys { front, from, to }
    }

    /// What follows behind `front`; nothing when this does not begin with it.
    pub(crate) fn behind(&self, front: &Key) -> Option<&[u8]> {
        self.bytes.strip_prefix(front.bytes.as_slice())
    }

    /// The text that it begins with.
    pub(crate) fn first_part(&self) -> Option<&str> {
        let segment = self.segments.first()?;
        let text = self.bytes.get(size_of::<u64>()..segment.end)?;
        std::str::from_utf8(text).ok()
    }

    /// The id that it ends with.
    pub(crate) fn last_id(&self) -> Option<u64> {
        self.bytes.last_chunk().copied().map(u64::from_be_bytes)
    }

    /// What it ends with.
    pub(crate) fn last<const N: usize>(&self) -> Option<&[u8; N]> {
        self.bytes.last_chunk()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its parts, each with all that is in front of it.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        let mut start = 0;
        self.segments.iter().map(move |segment| {
            let own = self.bytes.get(start..segment.end).unwrap_or_default();
            let whole = self.bytes.get(..segment.end).unwrap_or_default();
            start = segment.end;
            (whole, own, segment.plain)
        })
    }

    /// How it stands in the store.
    pub(super) fn place(&self, cipher: &dyn Cipher, keyspace: Keyspace) -> Vec<u8> {
        if self.stored {
            self.bytes.clone()
        } else {
            cipher.place(keyspace, self)
        }
    }

    /// Puts it in front of a value, so that it is known again when the value opens.
    pub(super) fn write(&self, to: &mut Vec<u8>) -> Option<()> {
        to.push(u8::try_from(self.segments.len()).ok()?);
        for segment in &self.segments {
            to.push(u8::from(segment.plain));
            to.extend_from_slice(&u16::try_from(segment.end).ok()?.to_be_bytes());
        }
        to.extend_from_slice(&self.bytes);
        Some(())
    }

    /// Takes off what [`Key::write`] put there.
    pub(super) fn read(from: &[u8]) -> Option<(Key, &[u8])> {
        let (count, mut rest) = from.split_first()?;
        let mut segments = Vec::new();
        for _ in 0..*count {
            let ([plain, high, low], behind) = rest.split_first_chunk()?;
            let end = usize::from(u16::from_be_bytes([*high, *low]));
            let plain = *plain == 1;
            segments.push(Segment { end, plain });
            rest = behind;
        }
        let end = segments.last().map_or(0, |last| last.end);
        let (bytes, rest) = rest.split_at_checked(end)?;
        let bytes = bytes.to_vec();
        Some((
            Key {
                bytes,
                segments,
                stored: false,
            },
            rest,
        ))
    }
}

impl Span {
    /// A whole keyspace, of all Apps.
    pub(crate) fn all() -> Span {
        Span::Stored(Vec::new()..vec![u8::MAX; 64])
    }

    pub(super) fn places(&self, cipher: &dyn Cipher, keyspace: Keyspace) -> Range<Vec<u8>> {
        let (front, from, to) = match self {
            Span::Stored(range) => return range.clone(),
            Span::Keys { front, from, to } => (front.place(cipher, keyspace), from, to),
        };
        let start = edge(from, cipher, keyspace).unwrap_or_else(|| front.clone());
        let end = edge(to, cipher, keyspace).unwrap_or_else(|| after_all(&front));
        start..end
    }
}

fn edge(edge: &Edge, cipher: &dyn Cipher, keyspace: Keyspace) -> Option<Vec<u8>> {
    match edge {
        Edge::Open => None,
        Edge::At(key) => Some(key.place(cipher, keyspace)),
        Edge::Behind(key) => {
            let mut place = key.place(cipher, keyspace);
            place.push(0);
            Some(place)
        }
    }
}

/// The first key behind all that begin with `front`. Not empty: a front begins with a length or a tag.
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
    use super::super::cipher::Clear;
    use super::super::seal::Seal;
    use super::*;

    fn app(org: &str, app: &str) -> AppKey {
        AppKey::new(org, app).unwrap()
    }

    fn ciphers() -> [Box<dyn Cipher>; 2] {
        [Box::new(Clear), Box::new(Seal::for_tests())]
    }

    fn contains(cipher: &dyn Cipher, span: &Span, key: &Key) -> bool {
        let place = key.place(cipher, Keyspace::Users);
        span.places(cipher, Keyspace::Users).contains(&place)
    }

    #[test]
    fn ranges_never_cross_apps() {
        let inside = Key::of(&app("o", "a")).below();
        for cipher in &ciphers() {
            let is_in = |key: &Key| contains(&**cipher, &inside, key);
            assert!(is_in(&Key::of(&app("o", "a")).end("bob")));
            for (o, a) in [("o", "ab"), ("o", "b"), ("oo", "a"), ("a", "a")] {
                assert!(!is_in(&Key::of(&app(o, a)).end("bob")), "{o} {a}");
            }
        }
    }

    #[test]
    fn parts_never_run_into_each_other() {
        let front = Key::of(&app("o", "a"));
        assert_ne!(
            front.clone().part("ab").part("c"),
            front.clone().part("a").part("bc")
        );
        let below = front.clone().part("a").below();
        for cipher in &ciphers() {
            assert!(!contains(&**cipher, &below, &front.clone().part("ab")));
        }
    }

    #[test]
    fn ids_and_ends_bound_a_range() {
        let front = Key::of(&app("o", "a"));
        let range = front.below_ids(5..8);
        let after = front.below_after_plain("bob");
        for cipher in &ciphers() {
            let is_in = |span: &Span, key: Key| contains(&**cipher, span, &key);
            assert!(is_in(&range, front.clone().id(5)) && !is_in(&range, front.clone().id(8)));
            assert!(!is_in(&after, front.clone().plain("bob")));
            assert!(is_in(&after, front.clone().plain("boba")));
            assert!(!is_in(&front.below_after("bob"), front.clone().end("bob")));
            assert!(is_in(&front.below_after(""), front.clone().end("bob")));
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = Key::of(&app("o", "a")).part("ann").id(7);
        let mut bytes = Vec::new();
        key.write(&mut bytes).unwrap();
        let whole = bytes.len();
        bytes.extend_from_slice(b"rest");
        assert_eq!(Key::read(&bytes), Some((key, &b"rest"[..])));
        assert_eq!(Key::read(&bytes[..whole - 1]), None);
    }

    #[test]
    fn a_front_that_ends_in_the_highest_byte_has_an_end() {
        assert_eq!(after_all(&[1, 255, 255]), [2]);
    }
}

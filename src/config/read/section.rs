//! A mapping whose fields are taken by name.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::Document;
use super::item::{Item, shown};
use super::node::Node;
use super::place::Place;
use super::values::closest;

pub(in crate::config) struct Section<'a> {
    document: &'a Document,
    place: Place,
    entries: &'a [(String, Node)],
    /// The fields asked for so far: all that this section may have.
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(document: &'a Document, place: Place, entries: &'a [(String, Node)]) -> Self {
        Self {
            document,
            place,
            entries,
            known: Vec::new(),
        }
    }

    pub(in crate::config) fn document(&self) -> &'a Document {
        self.document
    }

    /// The place of a field, whether it is there or not.
    pub(in crate::config) fn place(&self, name: &str) -> Place {
        self.place.key(name)
    }

    /// A field that may be left out.
    pub(in crate::config) fn take(&mut self, name: &'static str) -> Option<Item<'a>> {
        self.known.push(name);
        let (_, node) = self.entries.iter().find(|(key, _)| key == name)?;
        Some(Item::new(self.document, node, self.place(name)))
    }

    /// A field that must be there; a fault when it isn't.
    pub(in crate::config) fn need(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Option<Item<'a>> {
        let item = self.take(name);
        if item.is_none() {
            self.document
                .fault(&self.place(name), "is missing", expected);
        }
        item
    }

    pub(in crate::config) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.take(name)
            .and_then(|item| item.flag())
            .unwrap_or(default)
    }

    pub(in crate::config) fn count(
        &mut self,
        name: &'static str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> usize {
        let item = self.take(name);
        item.and_then(|item| item.count(range)).unwrap_or(default)
    }

    /// A size in bytes.
    pub(in crate::config) fn size(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let item = self.take(name);
        item.and_then(|item| item.size(range)).unwrap_or(default)
    }

    pub(in crate::config) fn duration(
        &mut self,
        name: &'static str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let item = self.take(name);
        item.and_then(|item| item.duration(range))
            .unwrap_or(default)
    }

    /// Events a second; `None` for no limit.
    pub(in crate::config) fn rate(
        &mut self,
        name: &'static str,
        default: Option<NonZeroU32>,
    ) -> Option<NonZeroU32> {
        let item = self.take(name);
        item.and_then(|item| item.rate()).unwrap_or(default)
    }

    pub(in crate::config) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
        default: T,
    ) -> T {
        let item = self.take(name);
        item.and_then(|item| item.choice(choices))
            .unwrap_or(default)
    }

    /// A path; a relative one starts from `base`.
    pub(in crate::config) fn path(&mut self, name: &'static str, base: &Path) -> Option<PathBuf> {
        self.take(name).and_then(|item| item.path(base))
    }

    /// A path that must be there.
    pub(in crate::config) fn need_path(
        &mut self,
        name: &'static str,
        base: &Path,
    ) -> Option<PathBuf> {
        let item = self.need(name, "a path");
        item.and_then(|item| item.path(base))
    }

    /// The items of a list that may be left out.
    pub(in crate::config) fn list(&mut self, name: &'static str) -> Vec<Item<'a>> {
        let item = self.take(name);
        item.and_then(|item| item.list()).unwrap_or_default()
    }

    /// The items of a list that must have some.
    pub(in crate::config) fn need_list(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Vec<Item<'a>> {
        let item = self.need(name, expected);
        let list = item.as_ref().and_then(Item::list).unwrap_or_default();
        if let Some(item) = item.filter(Item::is_empty_list) {
            item.fault::<()>("is empty", expected);
        }
        list
    }

    /// Complains about the fields that nobody took.
    pub(super) fn end(&self) {
        for (i, (key, _)) in self.entries.iter().enumerate() {
            let before = self.entries[..i].iter().filter(|(k, _)| k == key).count();
            if before > 0 {
                twice(self.document, &self.place, key, before);
            } else if !self.known.contains(&key.as_str()) {
                self.unknown(key);
            }
        }
    }

    fn unknown(&self, key: &str) {
        let expected = match closest(key, &self.known) {
            Some(known) => format!("{known:?}"),
            None => format!("one of {}", self.known.join(", ")),
        };
        let problem = format!("unknown field {}", shown(key));
        self.document.fault(&self.place(key), problem, expected);
    }
}

/// A key that is there again: `before` is how often it came before.
pub(super) fn twice(document: &Document, place: &Place, key: &str, before: usize) {
    let problem = format!("the field {} is here more than once", shown(key));
    document.fault_at_nth(
        &place.key(key),
        before,
        problem,
        "each field once".to_owned(),
    );
}

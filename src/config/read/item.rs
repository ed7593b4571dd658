//! A value in a document, read as the kind that its field takes.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::Document;
use super::node::Node;
use super::place::Place;
use super::section::{Section, twice};
use super::values::{self, ValueError};

pub(in crate::config) struct Item<'a> {
    document: &'a Document,
    node: &'a Node,
    place: Place,
}

/// Each reading gives `None` after it noted a fault.
impl<'a> Item<'a> {
    pub(super) const fn new(document: &'a Document, node: &'a Node, place: Place) -> Self {
        Self {
            document,
            node,
            place,
        }
    }

    pub(in crate::config) const fn place(&self) -> &Place {
        &self.place
    }

    pub(in crate::config) fn document(&self) -> &'a Document {
        self.document
    }

    /// Notes a fault of this value.
    pub(in crate::config) fn fault<T>(
        &self,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Option<T> {
        self.document.fault(&self.place, problem, expected);
        None
    }

    fn unfit<T>(&self, expected: impl Into<String>) -> Option<T> {
        self.fault(format!("is {}", self.node.kind()), expected)
    }

    pub(in crate::config) fn text(&self, expected: &str) -> Option<&'a str> {
        match self.node {
            Node::Text(text) if text.is_empty() => self.fault("is empty", expected),
            Node::Text(text) => Some(text),
            Node::Integer(_) | Node::Fraction(_) | Node::Flag(_) => {
                self.unfit(format!("{expected}, as a text in quotes"))
            }
            Node::Empty | Node::List(_) | Node::Mapping(_) | Node::Tagged => self.unfit(expected),
        }
    }

    /// A text read by `parse`, whose error tells what is wrong.
    pub(in crate::config) fn parse<T, E: Display>(
        &self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.text(expected)?) {
            Ok(value) => Some(value),
            Err(error) => self.fault(error.to_string(), expected),
        }
    }

    pub(in crate::config) fn flag(&self) -> Option<bool> {
        match self.node {
            Node::Flag(flag) => Some(*flag),
            _ => self.unfit("true or false"),
        }
    }

    /// A whole number inside `range`.
    pub(in crate::config) fn count(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let Node::Integer(number) = self.node else {
            return self.unfit(expected());
        };
        let number = usize::try_from(*number).ok().filter(|n| range.contains(n));
        number.or_else(|| self.fault("is out of range", expected()))
    }

    /// A number from 0 to 1.
    pub(in crate::config) fn ratio(&self) -> Option<f64> {
        let expected = "a number from 0 to 1, such as 0.01";
        let number = match self.node {
            Node::Integer(0) => 0.0,
            Node::Integer(1) => 1.0,
            Node::Fraction(number) => *number,
            Node::Integer(_) => f64::NAN,
            _ => return self.unfit(expected),
        };
        let inside = (0.0..=1.0).contains(&number);
        inside
            .then_some(number)
            .or_else(|| self.fault("is out of range", expected))
    }

    pub(in crate::config) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.measure(&range, values::duration, values::show_duration)
    }

    /// A size in bytes.
    pub(in crate::config) fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        self.measure(&range, values::size, values::show_size)
    }

    fn measure<T: PartialOrd + Copy>(
        &self,
        range: &RangeInclusive<T>,
        parse: fn(&str) -> Result<T, ValueError>,
        show: fn(T) -> String,
    ) -> Option<T> {
        let expected = format!("{} to {}", show(*range.start()), show(*range.end()));
        if matches!(self.node, Node::Integer(_) | Node::Fraction(_)) {
            return self.fault("has no unit", expected);
        }
        let value = self.parse(&expected, parse)?;
        if range.contains(&value) {
            return Some(value);
        }
        self.fault(
            format!("{} is out of range", self.text(&expected)?),
            expected,
        )
    }

    /// Events a second; `Some(None)` for `none`.
    pub(in crate::config) fn rate(&self) -> Option<Option<NonZeroU32>> {
        if matches!(self.node, Node::Integer(_) | Node::Fraction(_)) {
            return self.fault("has no unit", RATE);
        }
        self.parse(RATE, values::rate)
    }

    pub(in crate::config) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let expected = names.join(" or ");
        let text = self.text(&expected)?;
        let chosen = choices.iter().find(|(name, _)| *name == text);
        match chosen {
            Some((_, value)) => Some(*value),
            None => self.fault(format!("is {}", shown(text)), expected),
        }
    }

    /// A path; a relative one starts from `base`.
    pub(in crate::config) fn path(&self, base: &Path) -> Option<PathBuf> {
        Some(base.join(self.text("a path")?))
    }

    pub(in crate::config) fn list(&self) -> Option<Vec<Self>> {
        let Node::List(items) = self.node else {
            return self.unfit("a list");
        };
        let items = items.iter().enumerate();
        Some(
            items
                .map(|(i, node)| self.inner(node, self.place.index(i)))
                .collect(),
        )
    }

    pub(in crate::config) fn is_empty_list(&self) -> bool {
        matches!(self.node, Node::List(items) if items.is_empty())
    }

    /// A mapping with fixed fields. What `read` takes none of is a fault.
    pub(in crate::config) fn section<T>(
        &self,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let entries = self.entries()?;
        let mut section = Section::new(self.document, self.place.clone(), entries);
        let value = read(&mut section);
        section.end();
        Some(value)
    }

    /// A mapping with keys of the user's own, each once.
    pub(in crate::config) fn members(&self) -> Option<Vec<(&'a str, Self)>> {
        let mut members: Vec<(&str, Self)> = Vec::new();
        let entries = self.entries()?;
        for (i, (key, node)) in entries.iter().enumerate() {
            match entries[..i].iter().filter(|(k, _)| k == key).count() {
                0 => members.push((key, self.inner(node, self.place.key(key)))),
                before => twice(self.document, &self.place, key, before),
            }
        }
        Some(members)
    }

    fn entries(&self) -> Option<&'a [(String, Node)]> {
        match self.node {
            Node::Mapping(entries) => Some(entries),
            _ => self.unfit("a section with fields"),
        }
    }

    fn inner(&self, node: &'a Node, place: Place) -> Self {
        Self::new(self.document, node, place)
    }
}

const RATE: &str = "none, or 1/s to 1000000/s";

/// A text of the file inside a message: quoted, escaped, and not too long.
pub(in crate::config) fn shown(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

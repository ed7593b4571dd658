//! The line of a place in a text.
//!
//! The YAML parser tells lines only with its errors. So the text is walked once more, to the place,
//! and stopped there with an error: its location is the parser's own, whatever the style of the text.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::place::{Place, Step};

/// The line (from 1) of the key or list item at `place`; of the nearest section around it when the
/// text has no such key. `nth` counts keys of the same name in one section, from 0.
pub(super) fn line_of(text: &str, place: &Place, nth: usize) -> Option<usize> {
    if !has_plain_lines(text) {
        return None;
    }
    let steps = place.steps();
    exact(text, steps, nth).or_else(|| {
        let around = (1..steps.len()).rev();
        around
            .map(|length| &steps[..length])
            .find_map(|steps| exact(text, steps, 0))
    })
}

/// Whether YAML and text editors agree on what a line is: YAML 1.1 breaks lines in more places.
pub(super) fn has_plain_lines(text: &str) -> bool {
    let lone_return = text.replace("\r\n", "").contains('\r');
    !lone_return && !text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

fn exact(text: &str, steps: &[Step], nth: usize) -> Option<usize> {
    if steps.is_empty() {
        return None;
    }
    let found = Cell::new(false);
    let walk = Walk {
        steps,
        nth,
        found: &found,
    };
    let error = walk
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    let location = error.location().filter(|_| found.get())?;
    Some(location.line())
}

/// A value on the way: the steps that are left.
#[derive(Clone, Copy)]
struct Walk<'a> {
    steps: &'a [Step],
    nth: usize,
    found: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            self.found.set(true);
            // Takes no value of any kind: an error here, at the mark of this value.
            return deserializer.deserialize_any(Stop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((Step::Index(index), rest)) = self.steps.split_first() else {
            return Err(not_here());
        };
        for _ in 0..*index {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Walk {
            steps: rest,
            ..self
        })?;
        Err(not_here())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((Step::Key(name), rest)) = self.steps.split_first() else {
            return Err(not_here());
        };
        let mut skip = self.nth;
        loop {
            let last = rest.is_empty() && skip == 0;
            let key = Key {
                name,
                found: last.then_some(self.found),
            };
            match entries.next_key_seed(key)? {
                None => return Err(not_here()),
                Some(true) if !rest.is_empty() => {
                    return entries.next_value_seed(Walk {
                        steps: rest,
                        ..self
                    });
                }
                Some(matches) => skip -= usize::from(matches),
            }
            entries.next_value::<IgnoredAny>()?;
        }
    }
}

/// A key: does it have this name? With `found`, the key itself is the place looked for.
struct Key<'a> {
    name: &'a str,
    found: Option<&'a Cell<bool>>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<bool, E> {
        let Some(found) = self.found.filter(|_| key == self.name) else {
            return Ok(key == self.name);
        };
        found.set(true);
        Err(not_here())
    }
}

struct Stop;

impl Visitor<'_> for Stop {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

fn not_here<E: de::Error>() -> E {
    E::custom("stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
region: frankfurt
listen:

  https: \"0.0.0.0:8443\" # trailing
  text: |
    zones:
      fra1: not a key
zones:
  fra1:
    egress:
      - \"10.71.0.0/16\"
      -
        deep: 1
    upstreams: {rest: [a,
      b], msync: [c]}
  fra1: {}
";

    fn line(place: &Place) -> Option<usize> {
        line_of(TEXT, place, 0)
    }

    #[test]
    fn keys_and_items_have_the_lines_that_a_reader_counts() {
        let zone = Place::of(&["zones", "fra1"]);
        assert_eq!(line(&Place::of(&["region"])), Some(2));
        assert_eq!(line(&Place::of(&["listen", "https"])), Some(5));
        assert_eq!(line(&zone), Some(10));
        assert_eq!(line(&zone.key("egress").index(0)), Some(12));
        assert_eq!(line(&zone.key("egress").index(1).key("deep")), Some(14));
        assert_eq!(line(&zone.key("upstreams").key("rest").index(1)), Some(16));
        assert_eq!(line_of(TEXT, &zone, 1), Some(17));
    }

    #[test]
    fn what_is_missing_has_the_line_of_the_section_around_it() {
        assert_eq!(line(&Place::of(&["listen", "ops"])), Some(3));
        assert_eq!(
            line(&Place::of(&["zones", "fra1", "egress"]).index(9)),
            Some(11)
        );
        assert_eq!(line(&Place::of(&["absent"])), None);
        assert_eq!(line(&Place::default()), None);
    }

    #[test]
    fn there_are_no_lines_where_yaml_and_editors_count_differently() {
        let place = Place::of(&["b"]);
        assert_eq!(line_of("a: 1\r\nb: 2\r\n", &place, 0), Some(2));
        assert_eq!(line_of("# \u{2028}\na: 1\nb: 2\n", &place, 0), None);
        assert_eq!(line_of("a: 1\rb: 2\n", &place, 0), None);
    }
}

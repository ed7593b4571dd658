//! Durations, sizes and rates with their units; names that were mistyped.

use std::num::NonZeroU32;
use std::time::Duration;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("is not a whole number and a unit")]
    Shape,
    #[error("has no unit")]
    NoUnit,
    #[error("has a unit other than ms, s, m, h and d")]
    DurationUnit,
    #[error("has a unit other than B, KiB, MiB and GiB")]
    SizeUnit,
    #[error("is neither none nor a rate a second")]
    Rate,
    #[error("is out of range")]
    Range,
}

const DURATIONS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// `24h`, `5s`, `500ms`, `180d`.
pub(super) fn duration(text: &str) -> Result<Duration, ValueError> {
    let millis = measure(text, &DURATIONS, ValueError::DurationUnit)?;
    Ok(Duration::from_millis(millis))
}

/// `32KiB`, `10MiB`: in bytes.
pub(super) fn size(text: &str) -> Result<u64, ValueError> {
    measure(text, &SIZES, ValueError::SizeUnit)
}

fn measure(text: &str, units: &[(&str, u64)], other: ValueError) -> Result<u64, ValueError> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or(ValueError::NoUnit)?;
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() || unit.starts_with('.') {
        return Err(ValueError::Shape);
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or(other)?;
    let number: u64 = digits.parse().map_err(|_| ValueError::Range)?;
    number.checked_mul(*factor).ok_or(ValueError::Range)
}

/// `none`, or `100/s`; at most a million.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, ValueError> {
    if text == "none" {
        return Ok(None);
    }
    let digits = text.strip_suffix("/s").ok_or(ValueError::Rate)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ValueError::Rate);
    }
    let number: u32 = digits.parse().map_err(|_| ValueError::Range)?;
    let rate = NonZeroU32::new(number).filter(|rate| rate.get() <= 1_000_000);
    rate.map(Some).ok_or(ValueError::Range)
}

pub(super) fn show_duration(duration: Duration) -> String {
    show(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        &DURATIONS,
        "s",
    )
}

pub(super) fn show_size(size: u64) -> String {
    show(size, &SIZES, "B")
}

/// In the largest unit that leaves a whole number.
fn show(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    let whole = |(_, factor): &&(&str, u64)| value > 0 && value.is_multiple_of(*factor);
    match units.iter().find(whole) {
        Some((name, factor)) => format!("{}{name}", value / factor),
        None => format!("{value}{zero}"),
    }
}

/// The known name that was probably meant.
pub(super) fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // No known name is this long, so nothing is close; and distances cost the product of the lengths.
    if name.len() > 64 {
        return None;
    }
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let near = distances.filter(|(distance, known)| *distance <= 1.max(known.len() / 3));
    near.min().map(|(_, known)| known)
}

/// How many insertions, deletions and replacements of characters lead from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_carry_units() {
        for (text, millis) in [
            ("24h", 86_400_000),
            ("5s", 5000),
            ("500ms", 500),
            ("180d", 15_552_000_000),
            ("2m", 120_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, error) in [
            ("24", ValueError::NoUnit),
            ("", ValueError::NoUnit),
            ("h", ValueError::Shape),
            ("-5s", ValueError::Shape),
            ("1.5h", ValueError::Shape),
            ("5 s", ValueError::DurationUnit),
            ("1h30m", ValueError::DurationUnit),
            ("5S", ValueError::DurationUnit),
            ("99999999999999999999s", ValueError::Range),
            ("18446744073709551615d", ValueError::Range),
        ] {
            assert_eq!(duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn sizes_carry_units() {
        for (text, bytes) in [
            ("32KiB", 32_768),
            ("10MiB", 10_485_760),
            ("1GiB", 1 << 30),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, error) in [
            ("32", ValueError::NoUnit),
            ("32KB", ValueError::SizeUnit),
            ("32k", ValueError::SizeUnit),
            ("KiB", ValueError::Shape),
            ("17179869184GiB", ValueError::Range),
        ] {
            assert_eq!(size(text), Err(error), "{text}");
        }
    }

    #[test]
    fn rates_are_a_second() {
        assert_eq!(rate("none"), Ok(None));
        assert_eq!(rate("100/s"), Ok(NonZeroU32::new(100)));
        for (text, error) in [
            ("0/s", ValueError::Range),
            ("1000001/s", ValueError::Range),
            ("99999999999/s", ValueError::Range),
            ("+1/s", ValueError::Rate),
            ("/s", ValueError::Rate),
            ("100/m", ValueError::Rate),
            ("None", ValueError::Rate),
        ] {
            assert_eq!(rate(text), Err(error), "{text}");
        }
    }

    #[test]
    fn typos_find_the_field_that_was_meant() {
        let known = ["egress", "upstreams", "channels", "tls"];
        assert_eq!(closest("egres", &known), Some("egress"));
        assert_eq!(closest("upstrems", &known), Some("upstreams"));
        assert_eq!(closest("tsl", &known), None);
        assert_eq!(closest("tl", &known), Some("tls"));
        assert_eq!(closest("colour", &known), None);
        assert_eq!(closest(&"x".repeat(10_000), &known), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(millis in 0u64..10_000_000_000) {
            let value = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(value)), Ok(value));
            prop_assert_eq!(size(&show_size(millis)), Ok(millis));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = (duration(&text), size(&text), rate(&text), closest(&text, &["a", "é"]));
        }
    }
}

//! Lengths of time on the command line.

use std::time::Duration;

/// Reads `90`, `90s`, `30m`, `24h` or `1d` as seconds.
///
/// # Errors
/// When it is something else, or too long to count.
pub fn seconds(text: &str) -> Result<u64, &'static str> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| EXPECTED)?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(EXPECTED),
    };
    number.checked_mul(unit).ok_or(EXPECTED)
}

/// The same as a span.
///
/// # Errors
/// As [`seconds`].
pub fn span(text: &str) -> Result<Duration, &'static str> {
    seconds(text).map(Duration::from_secs)
}

const EXPECTED: &str = "a length of time is a number and s, m, h or d, such as 24h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        for (text, expected) in [
            ("90", 90),
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("1d", 86_400),
        ] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in [
            "",
            "h",
            "1.5h",
            "-1h",
            "24 h",
            "1w",
            "99999999999999999999h",
            "９h",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}

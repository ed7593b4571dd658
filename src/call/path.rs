//! A request's path as its segments, each percent-decoded once (RFC 3986 section 3.3).

use std::borrow::Cow;

/// The decoded segments of a path that can be read in one way only.
#[derive(Debug, PartialEq, Eq)]
pub struct Path<'a> {
    segments: Vec<Cow<'a, str>>,
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path must start with '/'")]
    Relative,
    #[error("the path has an empty segment")]
    EmptySegment,
    #[error("the path has a dot segment")]
    DotSegment,
    #[error("the path has a character that can be read in two ways")]
    Ambiguous,
    #[error("the path has a broken percent-encoding")]
    Encoding,
    #[error("the path does not decode to UTF-8")]
    NotUtf8,
    #[error("the path has too many segments")]
    TooManySegments,
}

/// More segments than any route has, by far.
const MAX_SEGMENTS: usize = 32;

impl<'a> Path<'a> {
    /// # Errors
    /// When a data centre could read the path in another way: empty and dot segments, a decoded
    /// `/`, `\`, `;`, NUL or control character, broken encodings, bytes outside ASCII.
    pub fn parse(text: &'a str) -> Result<Self, PathError> {
        let rest = text.strip_prefix('/').ok_or(PathError::Relative)?;
        let mut segments = Vec::with_capacity(8);
        if is_plain(rest) {
            each(rest, |raw| {
                check_plain(raw)?;
                segments.push(Cow::Borrowed(raw));
                Ok(())
            })?;
        } else {
            each(rest, |raw| {
                segments.push(segment(raw)?);
                Ok(())
            })?;
        }
        Ok(Self { segments })
    }

    pub fn segments(&self) -> &[Cow<'a, str>] {
        &self.segments
    }
}

/// Takes each segment, as it stands in the path.
fn each<'a>(
    rest: &'a str,
    mut take: impl FnMut(&'a str) -> Result<(), PathError>,
) -> Result<(), PathError> {
    let mut left = Some(rest);
    for _ in 0..MAX_SEGMENTS {
        let Some(rest) = left else {
            return Ok(());
        };
        let raw;
        (raw, left) = first(rest);
        take(raw)?;
    }
    match left {
        None => Ok(()),
        Some(_) => Err(PathError::TooManySegments),
    }
}

/// The first segment, and what follows its `/` if there is one.
fn first(rest: &str) -> (&str, Option<&str>) {
    match rest.bytes().position(|b| b == b'/') {
        Some(end) => (&rest[..end], Some(&rest[end + 1..])),
        None => (rest, None),
    }
}

/// Whether nothing in a path is encoded or ambiguous, as in nearly all. It looks at all bytes, so
/// that the compiler can take many at a step.
fn is_plain(path: &str) -> bool {
    let odd = |b: u8| !b.is_ascii() | is_ambiguous_byte(b) | (b == b'%');
    path.bytes().fold(0, |seen, b| seen | u8::from(odd(b))) == 0
}

/// A segment of a plain path.
fn check_plain(raw: &str) -> Result<(), PathError> {
    match raw {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::DotSegment),
        _ => Ok(()),
    }
}

fn segment(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.is_ascii() {
        return Err(PathError::Ambiguous);
    }
    let decoded = decode(raw)?;
    let ambiguous = match &decoded {
        Cow::Borrowed(text) => text.bytes().any(is_ambiguous_byte),
        Cow::Owned(text) => text.chars().any(is_ambiguous),
    };
    match &*decoded {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::DotSegment),
        _ if ambiguous => Err(PathError::Ambiguous),
        _ => Ok(decoded),
    }
}

/// Decodes percent-encodings, once.
pub(super) fn decode(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.as_bytes().contains(&b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let high = rest.next().and_then(hex).ok_or(PathError::Encoding)?;
            let low = rest.next().and_then(hex).ok_or(PathError::Encoding)?;
            high << 4 | low
        } else {
            byte
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
    Ok(Cow::Owned(text))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

/// The same of a segment that was not decoded, and so is ASCII.
fn is_ambiguous_byte(byte: u8) -> bool {
    matches!(byte, b'\\' | b';') || byte.is_ascii_control()
}

fn is_ambiguous(c: char) -> bool {
    matches!(c, '/' | '\\' | ';') || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<String>, PathError> {
        let path = Path::parse(text)?;
        Ok(path.segments().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn segments_are_decoded_once() {
        for (text, segments) in [
            ("/a/b", vec!["a", "b"]),
            ("/%61/b", vec!["a", "b"]),
            ("/a/%2541", vec!["a", "%41"]),
            ("/a/%E7%94%A8", vec!["a", "用"]),
            ("/a/%e7%94%a8", vec!["a", "用"]),
            ("/a/b+c", vec!["a", "b+c"]),
            ("/a/b%20c", vec!["a", "b c"]),
            ("/a/...", vec!["a", "..."]),
            ("/a/b:c@d!$&'()*,=~", vec!["a", "b:c@d!$&'()*,=~"]),
        ] {
            assert_eq!(
                parsed(text).as_deref(),
                Ok(&segments.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (text, why) in [
            ("", PathError::Relative),
            ("a/b", PathError::Relative),
            ("*", PathError::Relative),
            ("/", PathError::EmptySegment),
            ("/a/", PathError::EmptySegment),
            ("//a", PathError::EmptySegment),
            ("/a//b", PathError::EmptySegment),
            ("/a/./b", PathError::DotSegment),
            ("/a/../b", PathError::DotSegment),
            ("/a/%2e%2e/b", PathError::DotSegment),
            ("/a/.%2E", PathError::DotSegment),
            ("/a/b%2Fc", PathError::Ambiguous),
            ("/a/b\\c", PathError::Ambiguous),
            ("/a/b%5cc", PathError::Ambiguous),
            ("/a/b;c", PathError::Ambiguous),
            ("/a/b%3Bc", PathError::Ambiguous),
            ("/a/b%00", PathError::Ambiguous),
            ("/a/b%0d%0a", PathError::Ambiguous),
            ("/a/b%7f", PathError::Ambiguous),
            ("/a/b%C2%85", PathError::Ambiguous),
            ("/a/用", PathError::Ambiguous),
            ("/a/%", PathError::Encoding),
            ("/a/%4", PathError::Encoding),
            ("/a/%zz", PathError::Encoding),
            ("/a/%+1", PathError::Encoding),
            ("/a/%ff", PathError::NotUtf8),
            ("/a/%c0%af", PathError::NotUtf8),
            ("/a/%ed%a0%80", PathError::NotUtf8),
        ] {
            assert_eq!(parsed(text), Err(why), "{text}");
        }
        assert_eq!(parsed(&"/a".repeat(33)), Err(PathError::TooManySegments));
    }
}

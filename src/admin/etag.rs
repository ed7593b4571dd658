//! Revisions as entity tags (RFC 9110, section 8.8.3 and 13.1.1).

use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue};

use super::refusal::Refusal;

/// What a caller takes to be the App's revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Not said.
    Absent,
    /// `*`.
    Any,
    /// One of these. Weak tags and tags that are no revision match nothing, and are left out.
    OneOf(Vec<u64>),
}

impl IfMatch {
    /// # Errors
    /// When the header is there and is not `*` or a list of quoted tags.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut tags = Vec::new();
        let mut values = headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self::Absent);
        }
        for value in values {
            let text = value.to_str().map_err(|_| fault())?;
            if text.trim() == "*" {
                return Ok(Self::Any);
            }
            for tag in text.split(',') {
                tags.extend(revision(tag.trim())?);
            }
        }
        Ok(Self::OneOf(tags))
    }

    /// As [`IfMatch::expect`], where the caller must say what it takes the revision to be.
    ///
    /// # Errors
    /// When it does not say, or is wrong.
    pub fn demand(&self, current: u64) -> Result<u64, Refusal> {
        match self {
            Self::Absent => Err(Refusal::PreconditionRequired),
            Self::Any => Ok(current),
            Self::OneOf(revisions) if revisions.contains(&current) => Ok(current),
            Self::OneOf(_) => Err(Refusal::Stale),
        }
    }

    /// The revision to ask for, given the one that the App has now.
    ///
    /// # Errors
    /// When the caller takes it to be another.
    pub fn expect(&self, current: u64) -> Result<Option<u64>, Refusal> {
        match self {
            Self::Absent | Self::Any => Ok(None),
            Self::OneOf(revisions) if revisions.contains(&current) => Ok(Some(current)),
            Self::OneOf(_) => Err(Refusal::Stale),
        }
    }
}

/// The tag of a revision: `"7"`.
pub fn etag(revision: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{revision}\"")).ok()
}

fn revision(tag: &str) -> Result<Option<u64>, Refusal> {
    let (weak, tag) = match tag.strip_prefix("W/") {
        Some(rest) => (true, rest),
        None => (false, tag),
    };
    let inner = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let inner = inner.filter(|text| !text.contains('"')).ok_or_else(fault)?;
    Ok(inner.parse().ok().filter(|_| !weak))
}

fn fault() -> Refusal {
    Refusal::field(
        "If-Match",
        "must be a quoted revision such as \"7\", a list of them, or *",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<IfMatch, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_static(text));
        IfMatch::read(&headers)
    }

    #[test]
    fn a_revision_matches_itself_only() {
        assert_eq!(read("\"7\"").unwrap().expect(7), Ok(Some(7)));
        assert_eq!(read("\"6\", \"7\"").unwrap().expect(7), Ok(Some(7)));
        assert_eq!(read("\"6\"").unwrap().expect(7), Err(Refusal::Stale));
        assert_eq!(read("W/\"7\"").unwrap().expect(7), Err(Refusal::Stale));
        assert_eq!(read("\"seven\"").unwrap().expect(7), Err(Refusal::Stale));
    }

    #[test]
    fn nothing_and_a_star_match_everything() {
        assert_eq!(read("*").unwrap(), IfMatch::Any);
        assert_eq!(
            IfMatch::read(&HeaderMap::new()).unwrap().expect(7),
            Ok(None)
        );
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in ["7", "\"7", "", "\"7\" \"8\""] {
            assert!(matches!(read(text), Err(Refusal::Invalid(_))), "{text}");
        }
    }
}

//! Query parameters that the gateway itself reads.

use std::borrow::Cow;

use super::path::{PathError, decode};

/// Why a query is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("a query parameter that must be single occurs twice")]
    Twice,
    #[error("the query has a broken encoding")]
    Encoding(#[from] PathError),
}

/// The value of a parameter, names and values decoded once, `+` read as a space.
///
/// # Errors
/// When the parameter occurs twice, in whatever spelling, or something does not decode.
pub fn single<'a>(query: Option<&'a str>, name: &str) -> Result<Option<Cow<'a, str>>, QueryError> {
    let mut found = None;
    for pair in query.unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if form_decode(key)? != name {
            continue;
        }
        if found.replace(form_decode(value)?).is_some() {
            return Err(QueryError::Twice);
        }
    }
    Ok(found)
}

fn form_decode(text: &str) -> Result<Cow<'_, str>, PathError> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return decode(&spaced).map(|t| Cow::Owned(t.into_owned()));
    }
    decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_in_any_spelling_and_only_once() {
        let value = |query| single(Some(query), "chat-type").map(|v| v.map(Cow::into_owned));
        assert_eq!(value("a=b&chat-type=chat"), Ok(Some("chat".into())));
        assert_eq!(value("chat%2Dtype=a+b%21"), Ok(Some("a b!".into())));
        assert_eq!(value("chat-type"), Ok(Some(String::new())));
        assert_eq!(value("a=b"), Ok(None));
        assert_eq!(value("chat-type=a&chat%2dtype=a"), Err(QueryError::Twice));
        assert!(value("chat-type=%f").is_err());
        assert_eq!(single(None, "x"), Ok(None));
    }
}

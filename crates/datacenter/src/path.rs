//! From the raw request target to an App and a resource. Deliberately simple and on its own: what the
//! gateway decided is compared with what comes out here.

use crate::app_key::AppKey;

/// What a request target names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) app: AppKey,
    /// The decoded segments behind the App; may be empty.
    pub(crate) resource: Vec<String>,
}

/// Why a target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the request target is not a path")]
    NotAPath,
    #[error("a path segment is empty")]
    Empty,
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Escape,
    #[error("a path segment is not UTF-8")]
    Encoding,
    #[error("a path segment is '.' or '..', or has a character that may not be in one")]
    Forbidden,
    #[error("the path does not begin with an organisation and an App")]
    App,
}

/// Reads `/{org}/{app}/…` or `/api/sdk/v1/{org}/{app}/…`.
pub(crate) fn parse(raw: &str) -> Result<Target, PathError> {
    let path = raw.strip_prefix('/').ok_or(PathError::NotAPath)?;
    let segments = path
        .split('/')
        .map(segment)
        .collect::<Result<Vec<_>, _>>()?;
    let own = match segments.as_slice() {
        [api, sdk, v1, rest @ ..] if api == "api" && sdk == "sdk" && v1 == "v1" => rest,
        all => all,
    };
    let [org, app, resource @ ..] = own else {
        return Err(PathError::App);
    };
    Ok(Target {
        app: AppKey::new(org, app).ok_or(PathError::App)?,
        resource: resource.to_vec(),
    })
}

/// The decoded pairs of a query or of a form, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Result<Query, PathError> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(pair);
        pairs.collect::<Result<_, _>>().map(Query)
    }

    /// The first value of a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}

fn pair(raw: &str) -> Result<(String, String), PathError> {
    let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
    let plain = |text: &str| decode(&text.replace('+', " "));
    Ok((plain(name)?, plain(value)?))
}

fn segment(raw: &str) -> Result<String, PathError> {
    let text = decode(raw)?;
    match text.as_str() {
        "" => Err(PathError::Empty),
        "." | ".." => Err(PathError::Forbidden),
        _ if text.bytes().any(is_forbidden) => Err(PathError::Forbidden),
        _ => Ok(text),
    }
}

/// Bytes that may not stand in a decoded segment.
pub(crate) fn is_forbidden(byte: u8) -> bool {
    byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b';')
}

/// Undoes percent-encoding, once.
fn decode(raw: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Err(PathError::Escape);
        };
        bytes.push(hex(*high)? << 4 | hex(*low)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| PathError::Encoding)
}

fn hex(digit: u8) -> Result<u8, PathError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(PathError::Escape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> (String, Vec<String>) {
        let target = parse(raw).unwrap();
        (target.app.to_string(), target.resource)
    }

    #[test]
    fn an_app_and_its_resource_are_found() {
        assert_eq!(
            parsed("/o/a/users/bob"),
            ("o#a".into(), vec!["users".into(), "bob".into()])
        );
        assert_eq!(
            parsed("/api/sdk/v1/o/a/users"),
            ("o#a".into(), vec!["users".into()])
        );
        assert_eq!(parsed("/%61pi/sdk/v1/%6f/a"), ("o#a".into(), vec![]));
    }

    #[test]
    fn segments_are_decoded_exactly_once() {
        assert_eq!(parsed("/o/a/users/b%6Fb%2541").1, ["users", "bob%41"]);
        assert_eq!(parsed("/o/a/users/a+b%20c").1, ["users", "a+b c"]);
        assert_eq!(parsed("/o/a/users/%E7%94%A8").1, ["users", "用"]);
    }

    #[test]
    fn ambiguous_segments_are_refused() {
        for (raw, why) in [
            ("*", PathError::NotAPath),
            ("", PathError::NotAPath),
            ("/o/a/users/", PathError::Empty),
            ("/o//a", PathError::Empty),
            ("/o/a/%", PathError::Escape),
            ("/o/a/%4", PathError::Escape),
            ("/o/a/%+1", PathError::Escape),
            ("/o/a/%ff", PathError::Encoding),
            ("/o/a/%2e%2E", PathError::Forbidden),
            ("/o/a/.", PathError::Forbidden),
            ("/o/a/x%2Fy", PathError::Forbidden),
            ("/o/a/x%5cy", PathError::Forbidden),
            ("/o/a/x;y", PathError::Forbidden),
            ("/o/a/x%00", PathError::Forbidden),
            ("/o/a/x%0a", PathError::Forbidden),
            ("/o/a/x%7f", PathError::Forbidden),
        ] {
            assert_eq!(parse(raw), Err(why), "{raw}");
        }
    }

    #[test]
    fn a_path_without_an_app_is_refused() {
        for raw in [
            "/o",
            "/api/sdk/v1/o",
            "/api/sdk/v2/o",
            "/management/token",
            "/o%23x/a",
            "/-o/a",
        ] {
            assert_eq!(parse(raw), Err(PathError::App), "{raw}");
        }
    }

    #[test]
    fn queries_are_pairs() {
        let query = Query::parse("limit=5&&cursor=a%26b+c&limit=6&flag").unwrap();
        assert_eq!(query.value("limit"), Some("5"));
        assert_eq!(query.value("cursor"), Some("a&b c"));
        assert_eq!(query.value("flag"), Some(""));
        assert_eq!(query.value("none"), None);
        assert_eq!(Query::parse("a=%zz"), Err(PathError::Escape));
    }
}

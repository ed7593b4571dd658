//! How a REST call presents itself at the gate.

use bytes::{Bytes, BytesMut};
use http::header;
use http_body::Body;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::gate::{Credentialed, Demand, Grant, GrantError, Presented};
use crate::call::{Call, CallBody, Need, X_APP_ID};

/// The largest log-in body that is read, in bytes.
const GRANT_LIMIT: usize = 4 * 1024;

/// How long a log-in body may take.
const GRANT_TIME: std::time::Duration = std::time::Duration::from_secs(10);

impl Credentialed for Box<Call> {
    fn presented(&self) -> Presented<'_> {
        match self.bearer() {
            None => Presented::Nothing,
            Some(None) => Presented::NotBearer,
            Some(Some(token)) => Presented::Bearer(token),
        }
    }

    fn declared_app_id(&self) -> Option<&[u8]> {
        self.field(&X_APP_ID).map(http::HeaderValue::as_bytes)
    }

    fn demand(&self) -> Demand<'_> {
        match self.asked.matched.need {
            Need::Grant | Need::Any => Demand::Any,
            Need::App => Demand::App,
            // Without a user in the path nobody's token is the user's own.
            Need::SelfUser => match self.asked.matched.user.as_deref() {
                Some(user) => Demand::SelfUser(user),
                None => Demand::App,
            },
        }
    }

    fn asks_for_grant(&self) -> bool {
        self.asked.matched.need == Need::Grant
    }

    async fn read_grant(&mut self) -> Result<Grant, GrantError> {
        if self.head.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(GrantError::Unreadable);
        }
        let bytes = match &mut self.body {
            CallBody::Unread(body) => in_time(read(body)).await?,
            CallBody::Coming(body) => in_time(read(body)).await?,
            CallBody::Read(bytes) if bytes.len() > GRANT_LIMIT => {
                return Err(GrantError::TooLarge);
            }
            CallBody::Read(bytes) => bytes.clone(),
        };
        let grant = grant(&bytes)?;
        self.body = CallBody::Read(bytes);
        Ok(grant)
    }
}

async fn in_time(
    reading: impl Future<Output = Result<Bytes, GrantError>>,
) -> Result<Bytes, GrantError> {
    let read = tokio::time::timeout(GRANT_TIME, reading).await;
    read.unwrap_or(Err(GrantError::TooSlow))
}

async fn read<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Bytes, GrantError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| GrantError::Unreadable)?;
        if let Ok(data) = frame.into_data() {
            if read.len() + data.len() > GRANT_LIMIT {
                return Err(GrantError::TooLarge);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}

fn grant(body: &[u8]) -> Result<Grant, GrantError> {
    let body: GrantBody = serde_json::from_slice(body).map_err(|_| GrantError::Unreadable)?;
    match body.grant_type.as_deref() {
        Some("agora") => Ok(Grant::Token),
        _ => Ok(Grant::Other),
    }
}

/// The one member that counts. `grant_type` in any case, twice, is ambiguous.
struct GrantBody {
    grant_type: Option<String>,
}

impl<'de> Deserialize<'de> for GrantBody {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GrantVisitor)
    }
}

struct GrantVisitor;

impl<'de> Visitor<'de> for GrantVisitor {
    type Value = GrantBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object with one grant_type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GrantBody, A::Error> {
        let mut found: Option<Option<String>> = None;
        while let Some(key) = map.next_key::<String>()? {
            if !key.eq_ignore_ascii_case("grant_type") {
                map.next_value::<de::IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<serde_json::Value>()?;
            let text = value.as_str().filter(|_| key == "grant_type");
            if found.replace(text.map(ToOwned::to_owned)).is_some() {
                return Err(de::Error::duplicate_field("grant_type"));
            }
        }
        let grant_type = found.flatten();
        Ok(GrantBody { grant_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_grant_is_the_token_grant() {
        for (body, expected) in [
            (r#"{"grant_type":"agora"}"#, Ok(Grant::Token)),
            (
                r#" {"x":{"grant_type":"y"},"grant\u005ftype":"agora"} "#,
                Ok(Grant::Token),
            ),
            (r#"{"grant_type":"password"}"#, Ok(Grant::Other)),
            (r#"{"grant_type":"AGORA"}"#, Ok(Grant::Other)),
            (r#"{"Grant_Type":"agora"}"#, Ok(Grant::Other)),
            (r#"{"grant_type":["agora"]}"#, Ok(Grant::Other)),
            (r#"{}"#, Ok(Grant::Other)),
            (
                r#"{"grant_type":"agora","grant_type":"agora"}"#,
                Err(GrantError::Unreadable),
            ),
            (
                r#"{"grant_type":"agora","GRANT_TYPE":"password"}"#,
                Err(GrantError::Unreadable),
            ),
            (r#"["grant_type","agora"]"#, Err(GrantError::Unreadable)),
            (r#""agora""#, Err(GrantError::Unreadable)),
            (r#"{"grant_type":"agora"} x"#, Err(GrantError::Unreadable)),
            (r#"{"grant_type":"agora""#, Err(GrantError::Unreadable)),
            ("", Err(GrantError::Unreadable)),
            ("grant_type=agora", Err(GrantError::Unreadable)),
        ] {
            assert_eq!(grant(body.as_bytes()), expected, "{body}");
        }
    }
}

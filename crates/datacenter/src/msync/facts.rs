//! What a gateway says about a session before it begins.

use http::HeaderMap;
use serde::Deserialize;

/// The facts of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) zone: String,
    /// How long the App's messages are kept.
    pub(crate) retention_days: u64,
    pub(crate) request_id: String,
}

/// A gateway says too little, or the session belongs elsewhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactsError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the number of days that messages are kept is none")]
    Retention,
    #[error("the preamble is not the JSON that it should be: {0:?}")]
    Preamble(serde_json::error::Category),
    #[error("the session is of another zone")]
    OtherZone,
}

/// The first message over TCP.
#[derive(Deserialize)]
pub(crate) struct Preamble {
    app_id: String,
    zone: String,
    channel: String,
    retention_days: u64,
    request_id: String,
    /// Only with a shared secret.
    pub(crate) gateway_secret: Option<String>,
}

impl Facts {
    /// From the headers of a WebSocket upgrade.
    pub(crate) fn of_headers(headers: &HeaderMap, zone: &str) -> Result<Facts, FactsError> {
        let text = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.filter(|value| !value.is_empty());
            value.ok_or(FactsError::Missing(name))
        };
        text("domicile-app-id")?;
        text("domicile-channel")?;
        let days = text("domicile-retention-days")?.parse();
        let facts = Facts {
            zone: text("domicile-zone")?.to_owned(),
            retention_days: days.map_err(|_| FactsError::Retention)?,
            request_id: text("domicile-request-id")?.to_owned(),
        };
        facts.of_zone(zone)
    }

    fn of_zone(self, zone: &str) -> Result<Facts, FactsError> {
        if self.zone == zone {
            Ok(self)
        } else {
            Err(FactsError::OtherZone)
        }
    }
}

impl Preamble {
    pub(crate) fn read(bytes: &[u8]) -> Result<Preamble, FactsError> {
        let preamble: Preamble =
            serde_json::from_slice(bytes).map_err(|e| FactsError::Preamble(e.classify()))?;
        match preamble {
            Preamble { ref app_id, .. } if app_id.is_empty() => Err(FactsError::Missing("app_id")),
            Preamble { ref channel, .. } if channel.is_empty() => {
                Err(FactsError::Missing("channel"))
            }
            Preamble { ref request_id, .. } if request_id.is_empty() => {
                Err(FactsError::Missing("request_id"))
            }
            preamble => Ok(preamble),
        }
    }

    pub(crate) fn facts(self, zone: &str) -> Result<Facts, FactsError> {
        let facts = Facts {
            zone: self.zone,
            retention_days: self.retention_days,
            request_id: self.request_id,
        };
        facts.of_zone(zone)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_preamble_is_whole_and_of_this_zone() {
        let whole = json!({
            "app_id": "970ca35de60c44645bbae8a215061b33", "zone": "fra1", "channel": "general",
            "retention_days": 7, "request_id": "0af7651916cd43dd8448eb211c80319c",
            "forwarded_for": "192.0.2.1", "traceparent": "00-…",
        });
        let read = |value: &serde_json::Value| {
            Preamble::read(value.to_string().as_bytes()).and_then(|preamble| preamble.facts("fra1"))
        };
        assert_eq!(read(&whole).unwrap().retention_days, 7);
        for member in ["app_id", "zone", "channel", "retention_days", "request_id"] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(member);
            assert!(read(&less).is_err(), "{member}");
        }
        let mut elsewhere = whole;
        elsewhere["zone"] = json!("fra2");
        assert!(matches!(read(&elsewhere), Err(FactsError::OtherZone)));
    }

    #[test]
    fn headers_are_whole_and_of_this_zone() {
        let all = [
            ("domicile-app-id", "970ca35de60c44645bbae8a215061b33"),
            ("domicile-channel", "general"),
            ("domicile-zone", "fra1"),
            ("domicile-retention-days", "7"),
            ("domicile-request-id", "0af7651916cd43dd8448eb211c80319c"),
        ];
        let headers = |left_out: &str| -> HeaderMap {
            let kept = all.iter().filter(|(name, _)| *name != left_out);
            kept.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect()
        };
        assert!(Facts::of_headers(&headers(""), "fra1").is_ok());
        assert!(Facts::of_headers(&headers(""), "fra2").is_err());
        for (name, _) in all {
            assert!(Facts::of_headers(&headers(name), "fra1").is_err(), "{name}");
        }
    }
}

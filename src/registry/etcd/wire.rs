//! The words of etcd's JSON gateway (etcd's `rpc.proto`, in proto3's JSON mapping): bytes are
//! base64, 64-bit numbers are strings, and whatever is zero, false or empty is left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Keys and values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Raw(pub(super) Vec<u8>);

/// Revisions and counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(pub(super) i64);

#[derive(Debug, Serialize)]
pub(super) struct Transaction {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<Op>,
    pub(super) failure: Vec<Op>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Compare {
    target: &'static str,
    result: &'static str,
    key: Raw,
    #[serde(skip_serializing_if = "Option::is_none")]
    range_end: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_revision: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Raw>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) enum Op {
    #[serde(rename = "request_range")]
    Range(Range),
    #[serde(rename = "request_put")]
    Put { key: Raw, value: Raw },
    #[cfg(test)]
    #[serde(rename = "request_delete_range")]
    Delete { key: Raw },
}

/// Entries from `key` up to, but not with, `range_end`; without it the one entry of `key`.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Range {
    pub(super) key: Raw,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) range_end: Option<Raw>,
    #[serde(skip_serializing_if = "Number::is_zero")]
    pub(super) limit: Number,
    /// The state to read; zero: the newest.
    #[serde(skip_serializing_if = "Number::is_zero")]
    pub(super) revision: Number,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) count_only: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Create {
    pub(super) create_request: WatchRange,
}

#[derive(Debug, Serialize)]
pub(super) struct WatchRange {
    pub(super) key: Raw,
    pub(super) range_end: Option<Raw>,
    pub(super) watch_id: Number,
    /// The first revision whose news are to come.
    pub(super) start_revision: Number,
    /// An empty answer now and then, which tells that all up to its revision was said.
    pub(super) progress_notify: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TransactionAnswer {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    pub(super) responses: Vec<OpAnswer>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct OpAnswer {
    #[serde(default)]
    pub(super) response_range: Option<RangeAnswer>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RangeAnswer {
    #[serde(default)]
    pub(super) header: Header,
    #[serde(default)]
    pub(super) kvs: Vec<Entry>,
    /// How many there are, whatever the limit.
    #[serde(default)]
    pub(super) count: Number,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) revision: Number,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) key: Raw,
    #[serde(default)]
    pub(super) value: Raw,
    #[serde(default)]
    pub(super) mod_revision: Number,
}

/// A line of a watch.
#[derive(Debug, Deserialize)]
pub(super) struct WatchLine {
    #[serde(default)]
    pub(super) result: Option<WatchAnswer>,
    #[serde(default)]
    pub(super) error: Option<Refusal>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WatchAnswer {
    #[serde(default)]
    pub(super) header: Header,
    #[serde(default)]
    pub(super) watch_id: Number,
    #[serde(default)]
    pub(super) created: bool,
    #[serde(default)]
    pub(super) canceled: bool,
    #[serde(default)]
    pub(super) cancel_reason: String,
    #[serde(default)]
    pub(super) compact_revision: Number,
    #[serde(default)]
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) kv: Entry,
}

/// What etcd says instead of an answer. `code` is gRPC's.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default, alias = "grpc_code")]
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

impl Compare {
    pub(super) fn absent(key: Raw) -> Self {
        Self {
            target: "CREATE",
            result: "EQUAL",
            key,
            range_end: None,
            create_revision: Some(Number(0)),
            value: None,
        }
    }

    /// Nothing is there from `key` up to `range_end`.
    pub(super) fn empty(key: Raw, range_end: Raw) -> Self {
        Self {
            range_end: Some(range_end),
            ..Self::absent(key)
        }
    }

    pub(super) const fn equals(key: Raw, value: Raw) -> Self {
        Self {
            target: "VALUE",
            result: "EQUAL",
            key,
            range_end: None,
            create_revision: None,
            value: Some(value),
        }
    }
}

impl Op {
    pub(super) fn get(key: Raw) -> Self {
        Self::Range(Range {
            key,
            ..Range::default()
        })
    }
}

impl OpAnswer {
    /// The value of the one entry that was asked for.
    pub(super) fn value(self, key: &Raw) -> Option<Vec<u8>> {
        let kvs = self.response_range.unwrap_or_default().kvs;
        let entry = kvs.into_iter().find(|entry| entry.key == *key)?;
        Some(entry.value.0)
    }
}

impl Number {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
    const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    pub(super) fn of(n: usize) -> Self {
        Self(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let bytes = STANDARD.decode(text.as_bytes());
        bytes.map(Self).map_err(|_| Error::custom("no base64"))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NumberText)
    }
}

/// A string of digits, or a number as other gateways write it.
struct NumberText;

impl Visitor<'_> for NumberText {
    type Value = Number;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a 64-bit number, as a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(|_| E::custom("no number"))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Number, E> {
        Ok(Number(n))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Number, E> {
        i64::try_from(n)
            .map(Number)
            .map_err(|_| E::custom("too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_zero() {
        let answer: TransactionAnswer = serde_json::from_str(
            r#"{"header":{"cluster_id":"3249525912006437190","revision":"2","raft_term":"2"},
                "responses":[{"response_range":{"header":{"revision":"2"},
                "kvs":[{"key":"L2QveQ==","create_revision":"2","mod_revision":"2","value":"MQ=="}],
                "count":"1"}},{"response_put":{"header":{"revision":"2"}}},{"response_range":{}}]}"#,
        )
        .unwrap();
        assert!(!answer.succeeded);
        assert_eq!(answer.header.revision, Number(2));
        let mut values = answer.responses.into_iter();
        let key = Raw(b"/d/y".to_vec());
        assert_eq!(values.next().unwrap().value(&key), Some(b"1".to_vec()));
        assert_eq!(values.next().unwrap().value(&key), None);
        assert_eq!(values.next().unwrap().value(&key), None);
    }

    #[test]
    fn a_transaction_is_written_as_the_gateway_reads_it() {
        let key = || Raw(b"a".to_vec());
        let transaction = Transaction {
            compare: vec![
                Compare::empty(key(), Raw(b"b".to_vec())),
                Compare::equals(key(), Raw(b"1".to_vec())),
            ],
            success: vec![Op::Put {
                key: key(),
                value: Raw(Vec::new()),
            }],
            failure: vec![Op::get(key())],
        };
        let written = serde_json::to_string(&transaction).unwrap();
        let wanted = concat!(
            r#"{"compare":[{"target":"CREATE","result":"EQUAL","key":"YQ==","range_end":"Yg==","create_revision":"0"},"#,
            r#"{"target":"VALUE","result":"EQUAL","key":"YQ==","value":"MQ=="}],"#,
            r#""success":[{"request_put":{"key":"YQ==","value":""}}],"#,
            r#""failure":[{"request_range":{"key":"YQ=="}}]}"#,
        );
        assert_eq!(written, wanted);
    }

    #[test]
    fn refusals_of_a_call_and_of_a_stream_are_read() {
        let call: Refusal =
            serde_json::from_str(r#"{"error":"no","message":"no","code":9}"#).unwrap();
        let line: WatchLine =
            serde_json::from_str(r#"{"error":{"grpc_code":14,"http_code":503,"message":"x"}}"#)
                .unwrap();
        assert_eq!((call.code, line.error.unwrap().code), (9, 14));
    }
}

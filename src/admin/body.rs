//! JSON objects from outside, read field by field so that each fault names its field.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::refusal::{FieldFault, Refusal};

/// The fields of a JSON object. Reading takes a field; what is left in the end is unknown.
#[derive(Debug, Default)]
pub struct Fields {
    left: Vec<(String, Value)>,
    faults: Vec<FieldFault>,
}

/// Bytes of a body.
const LIMIT: usize = 64 * 1024;

/// How long a body may take to arrive.
const TIME: Duration = Duration::from_secs(10);

impl Fields {
    /// A field that must be there, read by `parse`.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.optional(field, parse);
        if value.is_none() {
            // It is told only when nothing else is wrong with the field.
            self.fault(field, "is missing");
        }
        value
    }

    /// A text field that may be left out; `null` counts as left out.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(field)? {
            Value::String(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(error) => {
                    self.fault(field, &error.to_string());
                    None
                }
            },
            _ => {
                self.fault(field, "must be a text");
                None
            }
        }
    }

    /// A whole number that may be left out.
    pub fn optional_number(&mut self, field: &str) -> Option<u64> {
        let number = self.take(field)?.as_u64();
        if number.is_none() {
            self.fault(field, "must be a whole number, 0 or more");
        }
        number
    }

    /// A number of a range that may be left out.
    pub fn optional_within(&mut self, field: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.optional_number(field)?;
        if range.contains(&number) {
            return Some(number);
        }
        let (least, most) = range.into_inner();
        self.fault(field, &format!("must be from {least} to {most}"));
        None
    }

    /// Yes or no; no when it is left out.
    pub fn flag(&mut self, field: &str) -> bool {
        match self.take(field) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.fault(field, "must be true or false");
                false
            }
        }
    }

    /// A list of texts, each read by `parse`; empty when it is left out.
    pub fn list<T, E: fmt::Display>(
        &mut self,
        field: &str,
        most: usize,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let items = match self.take_raw(field) {
            None => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= most => items,
            Some(_) => {
                self.fault(field, &format!("must be a list of at most {most} texts"));
                return Vec::new();
            }
        };
        let mut read = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let parsed = item.as_str().ok_or_else(|| "must be a text".to_owned());
            match parsed.and_then(|text| parse(text).map_err(|error| error.to_string())) {
                Ok(value) => read.push(value),
                Err(error) => self.fault(&format!("{field}[{position}]"), &error),
            }
        }
        read
    }

    /// An object inside, read by `read`; `None` when it is left out.
    pub fn object<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let Value::Object(members) = self.take(field)? else {
            self.fault(field, "must be an object");
            return None;
        };
        let left = members.into_iter().collect();
        let faults = Vec::new();
        let mut inner = Self { left, faults };
        let value = read(&mut inner);
        inner.note_unknown();
        for fault in inner.faults {
            self.fault(&format!("{field}.{}", fault.field), &fault.message);
        }
        Some(value)
    }

    /// Whether a field is there, in whatever case its name is written.
    pub fn mentions(&self, field: &str) -> bool {
        self.left
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(field))
    }

    /// Whether something is wrong with a field, or with an item of it.
    pub fn is_faulty(&self, field: &str) -> bool {
        let item = format!("{field}[");
        let mut faults = self.faults.iter();
        faults.any(|fault| fault.field == field || fault.field.starts_with(&item))
    }

    /// Notes what is wrong with a field. The first fault of a field is the one that is told.
    pub fn fault(&mut self, field: &str, message: &str) {
        if self.faults.iter().any(|fault| fault.field == field) {
            return;
        }
        self.faults.push(FieldFault {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }

    /// # Errors
    /// When a field was missing, wrong, unknown or there twice.
    pub fn finish(mut self) -> Result<(), Refusal> {
        self.note_unknown();
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Invalid(self.faults))
        }
    }

    fn note_unknown(&mut self) {
        for (field, _) in std::mem::take(&mut self.left) {
            self.fault(&field, "is not a field of this request, or is there twice");
        }
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.take_raw(field).filter(|value| !value.is_null())
    }

    fn take_raw(&mut self, field: &str) -> Option<Value> {
        let place = self.left.iter().position(|(name, _)| name == field)?;
        Some(self.left.remove(place).1)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        if !may_be_json(&head.headers) {
            return Err(Refusal::MediaType);
        }
        parse(&read(body).await?)
    }
}

/// No content type passes as well; another one does not.
fn may_be_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json")
}

async fn read(body: Body) -> Result<bytes::Bytes, Refusal> {
    let bytes = tokio::time::timeout(TIME, to_bytes(body, LIMIT)).await;
    bytes
        .map_err(|_| Refusal::TooSlow)?
        .map_err(|_| Refusal::TooLarge)
}

fn parse(bytes: &[u8]) -> Result<Fields, Refusal> {
    if let Ok(Object(left)) = serde_json::from_slice(bytes) {
        let faults = Vec::new();
        return Ok(Fields { left, faults });
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Ok(_) => Err(Refusal::field("", "the body must be a JSON object")),
        Err(_) => Err(Refusal::NotJson),
    }
}

/// A JSON object with every member that is written, also one that is there twice.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RegionId;

    fn faults(text: &str) -> Vec<(String, String)> {
        let mut fields = parse(text.as_bytes()).unwrap();
        fields.required("region", RegionId::parse);
        fields.optional_number("ttl");
        let Err(Refusal::Invalid(faults)) = fields.finish() else {
            return Vec::new();
        };
        let pair = |fault: FieldFault| (fault.field, fault.message);
        faults.into_iter().map(pair).collect()
    }

    fn fields_at_fault(text: &str) -> Vec<String> {
        faults(text).into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn every_fault_names_its_field() {
        assert!(faults(r#"{"region": "frankfurt", "ttl": 60}"#).is_empty());
        assert!(faults(r#"{"region": "frankfurt", "ttl": null}"#).is_empty());
        assert_eq!(fields_at_fault("{}"), ["region"]);
        assert_eq!(fields_at_fault(r#"{"region": null}"#), ["region"]);
        assert_eq!(
            fields_at_fault(r#"{"region": "Frankfurt", "ttl": -1}"#),
            ["region", "ttl"]
        );
        assert_eq!(
            fields_at_fault(r#"{"region": 3, "ttl": "60"}"#),
            ["region", "ttl"]
        );
        assert_eq!(
            fields_at_fault(r#"{"region": "frankfurt", "Region": "x"}"#),
            ["Region"]
        );
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused() {
        let text = r#"{"region": "frankfurt", "region": "virginia"}"#;
        assert_eq!(fields_at_fault(text), ["region"]);
    }

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json() {
        assert_eq!(parse(b"{").err(), Some(Refusal::NotJson));
        assert_eq!(parse(b"").err(), Some(Refusal::NotJson));
        assert_eq!(parse(b"\xff").err(), Some(Refusal::NotJson));
        assert!(matches!(parse(b"[1]"), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn only_json_may_be_sent() {
        for (text, right) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, text.parse().unwrap());
            assert_eq!(may_be_json(&headers), right, "{text}");
        }
    }
}

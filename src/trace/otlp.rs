//! Finished requests as OTLP has them: names by OpenTelemetry's semantic conventions where there are any,
//! `domicile.*` where there are none.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::Source;
use crate::domain::{Code, ZoneId};
use crate::observe::{Finished, Upstream};

pub struct Encoder {
    resource: Resource,
    zones: Vec<ZoneId>,
}

/// What a server span of a failure is: the gateway's or the data centre's fault, by HTTP's classes.
const FAULTS: u16 = 500;

impl Encoder {
    pub fn new(source: &Source) -> Self {
        let attributes = vec![
            text("service.name", "domicile"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", &source.gateway_id),
            text("domicile.region", source.region.as_str()),
        ];
        Self {
            resource: Resource {
                attributes,
                ..Resource::default()
            },
            zones: source.zones.clone(),
        }
    }

    /// The body of a request to the collector.
    pub fn request(&self, batch: &[Finished]) -> Bytes {
        let spans = batch.iter().flat_map(|finished| self.spans_of(finished));
        let scope = InstrumentationScope {
            name: "domicile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans: spans.collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        request.encode_to_vec().into()
    }

    fn spans_of(&self, finished: &Finished) -> impl Iterator<Item = Span> {
        let upstream = finished.upstream.map(|u| self.client_span(finished, u));
        std::iter::once(self.server_span(finished)).chain(upstream)
    }

    fn server_span(&self, f: &Finished) -> Span {
        let mut attributes = vec![
            text("http.request.method", f.method),
            text("http.route", f.route),
            text("domicile.request_id", f.id.as_str()),
            text("domicile.plane", f.plane.as_str()),
            text("domicile.channel", f.channel.as_str()),
            number("domicile.decision_us", micros(f.decision)),
            flag("domicile.complete", f.complete),
        ];
        attributes.extend(self.zone(f));
        attributes.extend(f.app.map(|app| text("domicile.app_id", app.as_str())));
        attributes.extend(f.code.map(|code| text("domicile.code", code.as_str())));
        attributes.extend(f.code.map(|code| text("error.type", code.as_str())));
        if f.status != 0 {
            attributes.push(number("http.response.status_code", f.status.into()));
        }
        Span {
            parent_span_id: f.parent.map(|digits| id(&digits)).unwrap_or_default(),
            kind: SpanKind::Server.into(),
            attributes,
            status: failed(f.status >= FAULTS, f.code),
            ..span(f, &f.span, (Duration::ZERO, f.took))
        }
    }

    fn client_span(&self, f: &Finished, upstream: Upstream) -> Span {
        let mut attributes = vec![
            text("http.request.method", f.method),
            text("domicile.channel", f.channel.as_str()),
        ];
        attributes.extend(self.zone(f));
        let failure = f.code.filter(|_| !upstream.answered);
        attributes.extend(failure.map(|code| text("error.type", code.as_str())));
        let until = upstream.from + upstream.took;
        Span {
            name: "upstream".to_owned(),
            parent_span_id: id(&f.span),
            kind: SpanKind::Client.into(),
            attributes,
            status: failed(!upstream.answered, failure),
            ..span(f, &upstream.span, (upstream.from, until))
        }
    }

    /// Position 0 is none.
    fn zone(&self, f: &Finished) -> Option<KeyValue> {
        let zone = self.zones.get(f.zone.checked_sub(1)?)?;
        Some(text("domicile.zone", zone.as_str()))
    }
}

/// Both times from the request's beginning.
fn span(f: &Finished, own: &[u8; 16], (from, until): (Duration, Duration)) -> Span {
    let began = Duration::from_millis(f.began);
    Span {
        trace_id: id(&f.trace),
        span_id: id(own),
        name: format!("{} {}", f.method, f.route).trim_end().to_owned(),
        start_time_unix_nano: nanos(began + from),
        end_time_unix_nano: nanos(began + until),
        // W3C's flags: what is told is sampled.
        flags: 1,
        ..Span::default()
    }
}

fn failed(is_failure: bool, code: Option<Code>) -> Option<Status> {
    is_failure.then(|| Status {
        message: code.map(Code::as_str).unwrap_or_default().to_owned(),
        code: StatusCode::Error.into(),
    })
}

/// The bytes of an id's hexadecimal digits.
fn id(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'0') & 15,
    };
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, any_value::Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    pair(key, any_value::Value::IntValue(value))
}

fn flag(key: &str, value: bool) -> KeyValue {
    pair(key, any_value::Value::BoolValue(value))
}

fn pair(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

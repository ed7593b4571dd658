//! The head of a request as the data centre gets it: made anew, with what only the gateway may say.

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Version};

use super::bind::{Home, Permit};
use super::filter::References;
use super::headers::Stripping;
use super::sending::Framing;
use crate::observe::{RequestId, TraceContext};
use crate::registry::Seen;

pub(super) const APP_ID: HeaderName = HeaderName::from_static("domicile-app-id");
pub(super) const CHANNEL: HeaderName = HeaderName::from_static("domicile-channel");
pub(super) const ZONE: HeaderName = HeaderName::from_static("domicile-zone");
const RETENTION: HeaderName = HeaderName::from_static("domicile-retention-days");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("domicile-request-id");
pub(super) const SECRET: HeaderName = HeaderName::from_static("domicile-gateway-secret");
pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// About what a head takes.
const SIZE: usize = 1024;

/// A head is written once, into one piece.
pub(super) struct Head(Vec<u8>);

impl Head {
    /// The request line (RFC 9112 section 3) and `Host`, which comes first (section 3.2). Also says where the
    /// authority is.
    pub fn begin(head: &Parts, authority: &HeaderValue) -> (Self, Range<usize>) {
        let mut out = Vec::with_capacity(SIZE);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        for part in [head.method.as_str(), " ", path, " HTTP/1.1\r\nhost: "] {
            out.extend_from_slice(part.as_bytes());
        }
        let start = out.len();
        out.extend_from_slice(authority.as_bytes());
        let host = start..out.len();
        out.extend_from_slice(b"\r\n");
        (Self(out), host)
    }

    /// The client's own fields, without what may not reach the data centre. `trusted`: the peer's
    /// forwarding fields are believed.
    pub fn carry(&mut self, head: &Parts, trusted: bool) {
        let stripping = Stripping::of_requests(&head.headers, trusted);
        for (name, value) in &head.headers {
            if *name == header::HOST || stripping.takes(name) {
                continue;
            }
            if *name == header::COOKIE && head.version == Version::HTTP_2 {
                self.cookie(&head.headers, value);
            } else {
                self.field(name, value.as_bytes());
            }
        }
    }

    /// HTTP/2 may split a Cookie (RFC 9113 section 8.2.3); HTTP/1 may not. All go with the first.
    fn cookie(&mut self, fields: &HeaderMap, value: &HeaderValue) {
        let crumbs = fields.get_all(header::COOKIE);
        if !crumbs
            .iter()
            .next()
            .is_some_and(|first| std::ptr::eq(first, value))
        {
            return;
        }
        let crumbs: Vec<&[u8]> = crumbs.iter().map(HeaderValue::as_bytes).collect();
        self.field(&header::COOKIE, &crumbs.join(&b"; "[..]));
    }

    /// The state of the trace that goes on (W3C Trace Context section 3.3).
    pub fn trace_state(&mut self, head: &Parts) {
        if let Some(state) = head.headers.get(TRACESTATE) {
            self.field(&TRACESTATE, state.as_bytes());
        }
    }

    pub fn field(&mut self, name: &HeaderName, value: &[u8]) {
        for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
    }

    /// How long the body is (RFC 9110 section 8.6: said of nothing only where something was to be expected),
    /// and the head's end.
    pub fn end(mut self, method: &Method, framing: Framing) -> Vec<u8> {
        let expects = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        match framing {
            Framing::Chunked => self.field(&header::TRANSFER_ENCODING, b"chunked"),
            Framing::Exact(0) if !expects => {}
            Framing::Exact(length) => {
                let mut digits = itoa::Buffer::new();
                self.field(&header::CONTENT_LENGTH, digits.format(length).as_bytes());
            }
        }
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// What the data centre is told of a call, and may believe.
#[derive(Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub permit: &'a Permit,
    pub address: &'a HeaderValue,
    pub id: RequestId,
    pub trace: TraceContext,
    pub references: &'a References,
}

impl Stamp<'_> {
    pub fn each(&self, mut put: impl FnMut(&HeaderName, &[u8])) {
        of_app(self.permit.seen(), &mut put);
        of_home(self.permit.home(), &mut put);
        self.of_call(put);
    }

    /// The same, written. What is the same for all calls is made once.
    pub fn write(&self, out: &mut Head) {
        let (seen, home) = (self.permit.seen(), self.permit.home());
        let app = seen.lines.get_or_init(|| lines(|put| of_app(seen, put)));
        let zone = home.lines.get_or_init(|| lines(|put| of_home(home, put)));
        out.0.extend_from_slice(app);
        out.0.extend_from_slice(zone);
        self.of_call(|name, value| out.field(name, value));
    }

    fn of_call(&self, mut put: impl FnMut(&HeaderName, &[u8])) {
        put(&CHANNEL, self.permit.channel.as_str().as_bytes());
        put(&REQUEST_ID, self.id.digits());
        put(&FORWARDED_FOR, self.address.as_bytes());
        put(&FORWARDED_HOST, self.references.authority().as_bytes());
        put(&TRACEPARENT, &self.trace.traceparent());
    }
}

type Put<'a> = &'a mut dyn FnMut(&HeaderName, &[u8]);

fn of_app(seen: &Seen, put: Put<'_>) {
    let app = seen.app();
    put(&APP_ID, app.app_id.as_bytes());
    put(&RETENTION, app.retention_days.to_string().as_bytes());
}

fn of_home(home: &Home, put: Put<'_>) {
    put(&ZONE, home.header.as_bytes());
    if let Some(secret) = &home.gateway_secret {
        put(&SECRET, secret.as_bytes());
    }
    put(&FORWARDED_PROTO, b"https");
}

fn lines(write: impl FnOnce(Put<'_>)) -> Box<[u8]> {
    let mut out = Head(Vec::new());
    write(&mut |name, value| out.field(name, value));
    out.0.into()
}

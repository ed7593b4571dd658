//! The request as the data centre gets it: made anew, with what only the gateway may say.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri, Version};
use http_body::Body;

use super::bind::{Bound, Channelled, Permit};
use super::body::{Flow, Outgoing};
use super::filter::References;
use super::headers;
use crate::call::{Call, CallBody, Size};
use crate::config::Limits;
use crate::domain::Channel;
use crate::observe::{RequestId, TraceContext};
use crate::pace::Pacer;

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

/// A request ready to be sent, and its place in the channel.
pub struct Outbound {
    pub(super) request: Unsent,
    /// For a body that streams.
    pub(super) flow: Option<Arc<Flow>>,
    pub(super) permit: Permit,
}

/// A request of which nothing was sent. It becomes whole only when it is: each move of one costs.
pub(super) enum Unsent {
    New(Box<Call>, Outgoing),
    /// Handed back by a connection that had closed.
    Back(Box<Request<Outgoing>>),
}

impl Unsent {
    /// The request to an upstream of this authority.
    pub(super) fn to(self, authority: &HeaderValue) -> Request<Outgoing> {
        let mut request = match self {
            Self::New(call, body) => Request::from_parts(call.head, body),
            Self::Back(request) => *request,
        };
        // In place of the client's own.
        let host = authority.clone();
        request.headers_mut().insert(header::HOST, host);
        request
    }
}

impl Channelled for Box<Call> {
    fn channel(&self) -> Channel {
        self.asked.matched.channel
    }

    fn size(&self, limits: &Limits) -> (Option<u64>, u64) {
        let announced = match &self.body {
            CallBody::Unread(body) => body.size_hint().exact(),
            CallBody::Read(bytes) => Some(bytes.len() as u64),
        };
        (announced, self.limit(limits))
    }
}

impl Call {
    fn limit(&self, limits: &Limits) -> u64 {
        match self.asked.matched.size {
            Size::Body => limits.body,
            Size::File => limits.file,
        }
    }
}

impl Bound<Box<Call>> {
    /// Cleans the headers, stamps the gateway's own, and makes the body count itself.
    pub fn prepare(self, references: &References, limits: &Limits, pacer: &Arc<Pacer>) -> Outbound {
        let Self {
            mut call, permit, ..
        } = self;
        let limit = call.limit(limits);
        let body = std::mem::replace(&mut call.body, CallBody::Read(Bytes::new()));
        let (body, flow) = outgoing(body, limit, limits, pacer);
        let Call {
            head,
            peer,
            id,
            trace,
            ..
        } = &mut *call;
        let state = trace.continues.then(|| head.headers.remove(TRACESTATE));
        headers::clean_request(&mut head.headers, peer.trusted);
        if let Some(state) = state.flatten() {
            head.headers.insert(TRACESTATE, state);
        }
        join_cookies(&mut head.headers, head.version);
        let said = (*id, *trace);
        stamp(&mut head.headers, &permit, &peer.address, said, references);
        frame(&mut head.headers, &body);
        origin_form(&mut head.uri);
        head.version = Version::HTTP_11;
        // What hyper noted of the client's connection.
        head.extensions.clear();
        Outbound {
            request: Unsent::New(call, body),
            flow,
            permit,
        }
    }
}

fn outgoing(
    body: CallBody,
    limit: u64,
    limits: &Limits,
    pacer: &Arc<Pacer>,
) -> (Outgoing, Option<Arc<Flow>>) {
    match body {
        CallBody::Read(bytes) => (Outgoing::read(bytes), None),
        CallBody::Unread(body) if body.is_end_stream() => (Outgoing::nothing(), None),
        CallBody::Unread(body) => {
            let deadline = pacer.deadline();
            let flow = Arc::new(Flow::new(deadline, limits.body_idle, limits.first_byte));
            let streaming = Outgoing::streaming(body, limit, Arc::clone(&flow));
            (streaming, Some(flow))
        }
    }
}

/// A body of unknown length goes in chunks. hyper leaves out that of a GET or a HEAD unless told so.
fn frame(headers: &mut HeaderMap, body: &Outgoing) {
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        let chunked = HeaderValue::from_static("chunked");
        headers.insert(header::TRANSFER_ENCODING, chunked);
    }
}

/// Path and query alone (RFC 9112 section 3.2.1).
fn origin_form(uri: &mut Uri) {
    if uri.authority().is_some() {
        let path = std::mem::take(uri).into_parts().path_and_query;
        *uri = path.map_or_else(Uri::default, Uri::from);
    }
}

/// HTTP/2 may split a Cookie (RFC 9113 section 8.2.3); HTTP/1 may not.
fn join_cookies(headers: &mut HeaderMap, version: Version) {
    if version != Version::HTTP_2 || headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// What the data centre is told, and may believe.
pub(super) fn stamp(
    headers: &mut HeaderMap,
    permit: &Permit,
    address: &HeaderValue,
    (id, trace): (RequestId, TraceContext),
    references: &References,
) {
    let (seen, home) = (permit.seen(), permit.home());
    headers.reserve(STAMPS);
    headers.insert(APP_ID, seen.app_id.clone());
    headers.insert(CHANNEL, HeaderValue::from_static(permit.channel.as_str()));
    headers.insert(ZONE, home.header.clone());
    headers.insert(RETENTION, seen.retention_days.clone());
    let (trace, id) = identified(id, &trace);
    headers.insert(REQUEST_ID, id);
    if let Some(secret) = &home.gateway_secret {
        headers.insert(SECRET, secret.clone());
    }
    headers.append(FORWARDED_FOR, address.clone());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(FORWARDED_HOST, references.authority().clone());
    headers.insert(TRACEPARENT, trace);
}

/// About as many fields as are stamped, so that the map grows once.
const STAMPS: usize = 12;

/// W3C Trace Context, version 00, and the request id: of the same bytes where it is the trace id.
pub(super) fn identified(id: RequestId, trace: &TraceContext) -> (HeaderValue, HeaderValue) {
    let text = Bytes::copy_from_slice(&trace.traceparent());
    let id = if trace.continues {
        Bytes::copy_from_slice(id.digits())
    } else {
        text.slice(3..35)
    };
    (value(text), value(id))
}

/// The callers' texts are visible ASCII, which any header value may be.
fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static(""))
}

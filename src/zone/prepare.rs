//! From a bound call to a request that is ready to be sent.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http_body::Body;
use http1::Heads;

use super::bind::{Bound, Channelled, Permit};
use super::body::{Flow, Outgoing};
use super::filter::References;
use super::head::{Head, Stamp};
use super::pool::Pool;
use super::sending::Sending;
use crate::call::{Call, CallBody, Size};
use crate::config::Limits;
use crate::domain::Channel;
use crate::pace::Pacer;

/// A request ready to be sent, and its place in the channel.
pub struct Outbound {
    pub(super) sending: Sending,
    pub(super) heads: Heads,
    /// For a body that streams.
    pub(super) flow: Option<Arc<Flow>>,
    /// Where it goes first; `None` when no upstream is well.
    pub(super) first: Option<Arc<Pool>>,
    pub(super) permit: Permit,
}

impl Channelled for Box<Call> {
    fn channel(&self) -> Channel {
        self.asked.matched.channel
    }

    fn size(&self, limits: &Limits) -> (Option<u64>, u64) {
        let announced = match &self.body {
            CallBody::Unread(body) => body.size_hint().exact(),
            CallBody::Coming(body) => Some(body.left()),
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
    /// Writes the head, with the gateway's own fields in place of what only it may say, and makes
    /// the body count itself.
    pub fn prepare(self, references: &References, limits: &Limits, pacer: &Arc<Pacer>) -> Outbound {
        let Self {
            mut call, permit, ..
        } = self;
        let limit = call.limit(limits);
        let body = std::mem::replace(&mut call.body, CallBody::Read(Bytes::new()));
        let (body, flow) = outgoing(body, limit, limits, pacer);
        let first = permit.choose(None).cloned();
        let nowhere = HeaderValue::from_static("");
        let authority = first.as_ref().map_or(&nowhere, |p| &p.target.authority);
        let Call {
            head,
            peer,
            id,
            trace,
            ..
        } = &*call;
        let (mut written, host) = Head::begin(head, authority);
        written.carry(head, peer.trusted);
        if trace.continues {
            written.trace_state(head);
        }
        let stamp = Stamp {
            permit: &permit,
            address: &peer.address,
            id: *id,
            trace: *trace,
            references,
        };
        stamp.write(&mut written);
        let written = written.end(&head.method, body.framing());
        Outbound {
            sending: Sending::new(written, host, body),
            heads: Heads::to(&head.method),
            flow,
            first,
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
            let flow = flow(limits, pacer);
            let streaming = Outgoing::streaming(body, limit, Arc::clone(&flow));
            (streaming, Some(flow))
        }
        CallBody::Coming(body) => {
            let flow = flow(limits, pacer);
            (Outgoing::coming(body, Arc::clone(&flow)), Some(flow))
        }
    }
}

fn flow(limits: &Limits, pacer: &Arc<Pacer>) -> Arc<Flow> {
    let deadline = pacer.deadline();
    Arc::new(Flow::new(deadline, limits.body_idle, limits.first_byte))
}

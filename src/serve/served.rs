//! An answer's body on its way to its client; while it lives, its connection is busy.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::life::{Busy, Offer};
use crate::gateway::Reply;

pub struct Served {
    reply: Reply,
    /// What is left of a large piece of the reply.
    rest: Bytes,
    offer: Option<Offer>,
    busy: Busy,
}

/// The most that is offered at once on HTTP/2, in bytes: the size of its frames. A client that takes
/// so much within the time for it is slow, but not stuck.
const PIECE: usize = 16 * 1024;

impl Served {
    pub const fn new(reply: Reply, busy: Busy) -> Self {
        Self {
            reply,
            rest: Bytes::new(),
            offer: None,
            busy,
        }
    }

    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, <Reply as Body>::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        let frame = match ready!(Pin::new(&mut self.reply).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(data) if self.busy.life().is_http2() => {
                self.rest = data;
                self.piece()
            }
            Ok(data) => Frame::data(data),
            Err(trailers) => trailers,
        })))
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let size = self.rest.len().min(PIECE);
        Frame::data(self.rest.split_to(size))
    }
}

impl Body for Served {
    type Data = Bytes;
    type Error = <Reply as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        this.offer = None;
        let polled = this.poll_piece(cx);
        if matches!(polled, Poll::Ready(Some(Ok(_)))) && !this.is_end_stream() {
            this.offer = this.busy.life().offer();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.reply.size_hint(), self.rest.len() as u64);
        match hint.exact() {
            Some(exact) => hint.set_exact(exact + rest),
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}

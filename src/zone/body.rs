//! Bodies on their way, in both directions. They stream; nothing is kept whole.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http1::{Length, Piece};

use super::bind::Permit;
use super::headers;
use super::pool::{Connection, Lease};
use super::sending::Framing;
use crate::call::{Coming, CutOff, Part, Unread};
use crate::pace::Deadline;

/// A request's body on its way to the data centre.
pub struct Outgoing(Source);

enum Source {
    Nothing,
    Read(Option<Bytes>),
    Streaming {
        body: Unread,
        /// What may still come, in bytes.
        left: u64,
        flow: Arc<Flow>,
    },
    /// Of a length that was looked at when its channel was entered.
    Coming {
        body: Coming,
        flow: Arc<Flow>,
    },
}

/// How far a streaming upload has come, for whoever waits for its answer.
#[derive(Debug)]
pub struct Flow {
    pub deadline: Deadline,
    state: AtomicU8,
    idle: Duration,
    first_byte: Duration,
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Upload {
    /// The data centre is to take what came.
    Passing = 0,
    /// The client is to send more.
    AwaitingClient,
    Done,
    TooLarge,
    ClientGone,
}

/// Why an upload ended early. The data centre sees its connection close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's body was cut short")]
pub struct CutShort;

impl Outgoing {
    pub const fn nothing() -> Self {
        Self(Source::Nothing)
    }

    pub const fn read(bytes: Bytes) -> Self {
        Self(Source::Read(Some(bytes)))
    }

    pub const fn coming(body: Coming, flow: Arc<Flow>) -> Self {
        Self(Source::Coming { body, flow })
    }

    pub const fn streaming(body: Unread, limit: u64, flow: Arc<Flow>) -> Self {
        Self(Source::Streaming {
            body,
            left: limit,
            flow,
        })
    }
}

impl Flow {
    pub fn new(deadline: Deadline, idle: Duration, first_byte: Duration) -> Self {
        Self {
            deadline,
            state: AtomicU8::new(Upload::Passing as u8),
            idle,
            first_byte,
        }
    }

    pub fn state(&self) -> Upload {
        match self.state.load(Ordering::Relaxed) {
            0 => Upload::Passing,
            1 => Upload::AwaitingClient,
            2 => Upload::Done,
            3 => Upload::TooLarge,
            _ => Upload::ClientGone,
        }
    }

    /// A connection is there to take it.
    pub fn begin(&self) {
        match self.state() {
            // All of it was taken for a try before this one.
            Upload::Done => self.deadline.set(self.first_byte),
            _ => self.enter(Upload::Passing),
        }
    }

    fn enter(&self, state: Upload) {
        let before = self.state.swap(state as u8, Ordering::Relaxed);
        match state {
            Upload::Passing => self.deadline.set(self.idle),
            Upload::AwaitingClient if before != state as u8 => self.deadline.set(self.idle),
            Upload::Done if before != state as u8 => self.deadline.set(self.first_byte),
            Upload::AwaitingClient | Upload::Done | Upload::TooLarge | Upload::ClientGone => {}
        }
    }
}

impl Outgoing {
    /// How its length is told to the data centre. A body of unknown length goes in chunks.
    pub fn framing(&self) -> Framing {
        let length = match &self.0 {
            Source::Nothing => Some(0),
            Source::Read(bytes) => Some(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Source::Streaming { body, .. } => body.size_hint().exact(),
            Source::Coming { body, .. } => Some(body.left()),
        };
        length.map_or(Framing::Chunked, Framing::Exact)
    }

    /// Whether nothing more comes of it.
    pub fn is_over(&self) -> bool {
        match &self.0 {
            Source::Nothing => true,
            Source::Read(bytes) => bytes.is_none(),
            Source::Streaming { body, .. } => body.is_end_stream(),
            Source::Coming { body, .. } => body.is_end_stream(),
        }
    }

    /// With `piped` it may be in the kernel's hands.
    pub fn poll_piece(
        &mut self,
        piped: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Part, CutShort>>> {
        match &mut self.0 {
            Source::Nothing => Poll::Ready(None),
            Source::Read(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Part::Bytes(bytes)))),
            Source::Streaming { body, left, flow } => {
                let polled = poll_upload(body, left, flow, cx);
                polled.map(|piece| piece.map(|bytes| bytes.map(Part::Bytes)))
            }
            Source::Coming { body, flow } => poll_coming(body, flow, piped, cx),
        }
    }
}

fn poll_coming(
    body: &mut Coming,
    flow: &Flow,
    piped: bool,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Part, CutShort>>> {
    let Poll::Ready(part) = body.poll_part(piped, cx) else {
        flow.enter(Upload::AwaitingClient);
        return Poll::Pending;
    };
    flow.enter(match &part {
        Some(Err(CutOff)) => Upload::ClientGone,
        Some(Ok(_)) if !body.is_end_stream() => Upload::Passing,
        Some(Ok(_)) | None => Upload::Done,
    });
    Poll::Ready(part.map(|part| part.map_err(|CutOff| CutShort)))
}

fn poll_upload(
    body: &mut Unread,
    left: &mut u64,
    flow: &Flow,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, CutShort>>> {
    loop {
        let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
            flow.enter(Upload::AwaitingClient);
            return Poll::Pending;
        };
        let Some(frame) = frame else {
            flow.enter(Upload::Done);
            return Poll::Ready(None);
        };
        let Ok(frame) = frame else {
            flow.enter(Upload::ClientGone);
            return Poll::Ready(Some(Err(CutShort)));
        };
        // A client's trailers go no further: nothing in them was looked at.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = data.len() as u64;
        let Some(rest) = left.checked_sub(size) else {
            flow.enter(Upload::TooLarge);
            return Poll::Ready(Some(Err(CutShort)));
        };
        *left = rest;
        let done = body.is_end_stream();
        flow.enter(if done { Upload::Done } else { Upload::Passing });
        return Poll::Ready(Some(Ok(data)));
    }
}

/// A data centre's body on its way to the client. Holds the call's place in its channel, and the
/// connection until it can serve the next call.
pub struct Download {
    body: http1::Body,
    connection: Option<(Lease, Box<Connection>)>,
    permit: Option<Permit>,
    idle: Duration,
    waiting: bool,
}

/// Why a body from the data centre ended early. The client sees its connection close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the data centre broke off its answer")]
    Broken,
    #[error("the data centre stopped in the middle of its answer")]
    Stalled,
}

impl Download {
    pub fn new(
        length: Length,
        lease: Lease,
        connection: Box<Connection>,
        permit: Permit,
        idle: Duration,
    ) -> Self {
        connection.deadline.clear();
        let mut download = Self {
            body: http1::Body::of(length),
            connection: Some((lease, connection)),
            permit: Some(permit),
            idle,
            waiting: false,
        };
        if download.body.is_over() {
            download.finish();
        }
        download
    }

    /// The exchange is over: the connection can serve another, the channel has a free place.
    fn finish(&mut self) {
        if let Some((lease, connection)) = self.connection.take() {
            lease.give_back(connection);
        }
        self.permit = None;
    }

    fn break_off(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.connection = None;
        self.permit = None;
        Poll::Ready(Some(Err(error)))
    }

    /// What is next of the body, from what has come or is there to be read.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, BodyError>> {
        let Some((_, connection)) = &mut self.connection else {
            return Poll::Ready(Ok(Piece::End));
        };
        let line = &mut connection.line;
        loop {
            match self.body.read(&mut line.read) {
                Ok(Piece::More) => {}
                piece => return Poll::Ready(piece.map_err(|_| BodyError::Broken)),
            }
            let Poll::Ready(filled) = line.poll_fill(cx) else {
                break;
            };
            match filled {
                Ok(0) if self.body.ends_here() => {}
                Ok(0) | Err(_) => return Poll::Ready(Err(BodyError::Broken)),
                Ok(_) => {}
            }
        }
        // Silence, for as long as it may last.
        if !self.waiting {
            self.waiting = true;
            connection.deadline.set(self.idle);
        }
        let passed = connection.deadline.poll_passed(cx);
        passed.map(|()| Err(BodyError::Stalled))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let piece = match ready!(this.poll_piece(cx)) {
            Ok(piece) => piece,
            Err(error) => return this.break_off(error),
        };
        this.waiting = false;
        if this.body.is_over() {
            this.finish();
        }
        Poll::Ready(match piece {
            Piece::Data(bytes) => Some(Ok(Frame::data(bytes))),
            Piece::Trailers(trailers) => Some(Ok(Frame::trailers(kept_trailers(trailers)))),
            Piece::More | Piece::End => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.body.left();
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Without what only the gateway may say.
fn kept_trailers(trailers: HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let mut last = None;
    for (name, value) in trailers {
        last = name.or(last);
        if let Some(name) = last.clone().filter(|n| !headers::is_refused_trailer(n)) {
            kept.append(name, value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::{Pacer, TICK};

    /// Controls: `Flow::begin`, and the time of `AwaitingClient` in `Flow::enter`. Whose turn it is has a time of
    /// its own, and so who is named as too slow is who was.
    #[test]
    fn each_has_its_own_time_and_only_one() {
        let pacer = Pacer::new();
        let turn = |count| (0..count).for_each(|_| pacer.turn());
        let flow = Flow::new(pacer.deadline(), 10 * TICK, 10 * TICK);
        turn(20);
        assert!(!flow.deadline.has_passed(), "no connection was there");
        flow.begin();
        turn(8);
        flow.enter(Upload::AwaitingClient);
        turn(8);
        assert!(!flow.deadline.has_passed(), "the client has just begun");
        flow.enter(Upload::AwaitingClient);
        turn(8);
        assert!(flow.deadline.has_passed(), "asking again gives no more");
        flow.enter(Upload::Done);
        flow.begin();
        assert_eq!(flow.state(), Upload::Done, "it is not to come once more");
    }
}

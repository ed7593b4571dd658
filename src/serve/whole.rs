//! Requests over HTTP/1.1 whose heads have come whole: one read, one answer, one write.
//!
//! Most heads come in one piece, and nothing about them is out of the ordinary. For these hyper's
//! engine does more than is needed (ADR 14). With the first request that is another, the connection is
//! hyper's for good, and what came of it is read again there. A body of which not all has come is fed to
//! whoever sends it on, as fast as it is asked for, and out of the kernel's hands only where it must be.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body as _;
use http1::Whole;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::answer::{Framing, Misframed, says_close, write_head};
use super::connection::Door;
use super::life::{Busy, Life};
use super::watched::Watched;
use crate::call::{CallBody, Feed, Part, Wanted, coming};
use crate::gateway::{Begun, Client, Gateway, Reply};
use crate::pipe::{self, Bare, Lent};
use crate::room;

/// What is worth a pipe, in bytes.
const PIPED: u64 = 64 * 1024;

/// What of an answer is gathered before it is written, in bytes. A copy of more costs more than a write.
const SMALL: usize = 2 * 1024;

thread_local! {
    /// What a core gathers an answer in.
    static OUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What an answer is gathered in, lent by the core. Nothing of one answer is left in it for another.
struct Gathered(Vec<u8>);

/// A request under way.
struct Asked {
    begun: Begun,
    gateway: Arc<Gateway>,
    /// Whether the client lets its connection serve another.
    persists: bool,
    busy: Busy,
}

/// The client is gone, or has to be left in the midst of an answer.
struct Gone;

/// A connection as long as its requests come whole.
pub(super) struct Plain<'a, S> {
    pub door: &'a Door,
    pub io: &'a mut Watched<S>,
    pub life: &'a Arc<Life>,
    pub client: &'a Client,
    /// That of a head, in bytes.
    pub most: usize,
    /// What came and was not taken.
    pub read: BytesMut,
    /// What is still to come of the body of the request under way.
    pub upload: Option<Feed>,
}

impl<S: AsyncRead + AsyncWrite + Bare + Unpin> Plain<'_, S> {
    /// Serves requests for as long as they come whole. Gives what came of the first that does not;
    /// nothing when the connection has ended.
    pub async fn serve(mut self) -> Option<Bytes> {
        let mut closing = pin!(self.door.closing.comes());
        let mut served = None;
        loop {
            if self.read.is_empty() {
                // A connection that idles ends when service does; a new one is waited for.
                let ends = served.map(|()| closing.as_mut());
                if self.wait(ends).await == 0 {
                    break;
                }
            }
            let Some(whole) = Whole::take(&mut self.read, self.most) else {
                return Some(self.read.freeze());
            };
            served = Some(());
            // What was read is not carried along while its answer is waited for.
            let asked = self.begin(whole);
            match self.answer(asked).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(Gone) => return None,
            }
        }
        let _ = self.io.shutdown().await;
        None
    }

    /// Waits for what comes next; 0 when nothing will.
    async fn wait<F: Future<Output = ()>>(&mut self, mut ends: Option<Pin<&mut F>>) -> usize {
        poll_fn(|cx| {
            if let Poll::Ready(came) = self.poll_fill(cx) {
                return Poll::Ready(came);
            }
            match &mut ends {
                Some(ends) => ends.as_mut().poll(cx).map(|()| 0),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Reads what is there, when all that came was taken; 0 at the connection's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let came = ready!(room::poll_little(Pin::new(&mut *self.io), cx));
        self.read = came.map(|came| came.bytes).unwrap_or_default();
        Poll::Ready(self.read.len())
    }

    fn begin(&mut self, whole: Whole) -> Asked {
        let busy = self.life.busy();
        let gateway = Arc::clone(&self.door.rooms.load().gateway);
        let request = whole.request.map(|came| match whole.left {
            0 => CallBody::Read(came),
            left => {
                let (body, feed) = coming(came, left as u64);
                self.upload = Some(feed);
                CallBody::Coming(body)
            }
        });
        Asked {
            begun: gateway.begin(request, self.client),
            gateway,
            persists: whole.persists,
            busy,
        }
    }

    /// Answers one request, and says whether there may be another.
    async fn answer(&mut self, asked: Asked) -> Result<bool, Gone> {
        let Asked {
            begun,
            gateway,
            persists,
            busy,
        } = asked;
        let response = {
            let client = self.client;
            let mut answer = pin!(gateway.answer(begun, client));
            self.while_there(|cx| answer.as_mut().poll(cx)).await?
        };
        let shared = gateway.shared();
        let (head, mut reply) = response.into_parts();
        let persists = persists
            && !shared.is_leaving()
            && !self.door.closing.has_come()
            && !says_close(&head.headers)
            && self.upload.as_ref().is_none_or(Feed::is_through);
        let framing = Framing::of(head.status, reply.size_hint().exact());
        let mut out = Gathered::lent();
        write_head(&mut out.0, &head, framing, persists, &*shared.clock);
        drop(head);
        let whole = self.body(&mut reply, framing, &mut out.0).await?;
        // Also of an answer that is cut short goes out what is known of it.
        self.write(&mut out.0, Bytes::new()).await?;
        self.flush().await?;
        whole.map_err(|Misframed| Gone)?;
        self.end_upload().await;
        drop(busy);
        Ok(persists)
    }

    /// Sends a body, but for its last small pieces, which are left in `out`, and says whether it was what its
    /// head says.
    async fn body(
        &mut self,
        reply: &mut Reply,
        mut framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), Misframed>, Gone> {
        if framing == Framing::Nothing {
            return Ok(Ok(()));
        }
        // Not all that was written has left.
        let mut waits = true;
        loop {
            let data = match self.piece(reply, waits).await? {
                Piece::Later => {
                    self.write(out, Bytes::new()).await?;
                    self.flush().await?;
                    waits = false;
                    continue;
                }
                Piece::Data(data) => data,
                Piece::End => return Ok(framing.end(out)),
                Piece::Broken => return Ok(Err(Misframed)),
            };
            waits = true;
            if !data.is_empty() {
                if let Err(misframed) = framing.begin_piece(out, data.len()) {
                    return Ok(Err(misframed));
                }
                if out.len() + data.len() <= SMALL {
                    out.extend_from_slice(&data);
                } else {
                    self.write(out, data).await?;
                }
                framing.end_piece(out);
            }
            if reply.is_end_stream() {
                return Ok(framing.end(out));
            }
        }
    }

    /// The next piece of a body. With `hurries`, nothing is waited for.
    async fn piece(&mut self, reply: &mut Reply, hurries: bool) -> Result<Piece, Gone> {
        self.while_there(|cx| match Pin::new(&mut *reply).poll_frame(cx) {
            Poll::Pending if hurries => Poll::Ready(Piece::Later),
            Poll::Pending => Poll::Pending,
            // Trailers end here: nobody has asked for them.
            Poll::Ready(Some(Ok(frame))) => {
                Poll::Ready(Piece::Data(frame.into_data().unwrap_or_default()))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Piece::Broken),
            Poll::Ready(None) => Poll::Ready(Piece::End),
        })
        .await
    }

    /// Waits for something while the client does. What it sends meanwhile is kept, within bounds.
    async fn while_there<T>(
        &mut self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Gone> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(value) = poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                if self.poll_upload(cx).is_pending() {
                    break;
                }
            }
            if self.upload.as_ref().is_some_and(|feed| !feed.is_over()) {
                return Poll::Pending;
            }
            let is_gone = self.read.is_empty() && self.poll_fill(cx) == Poll::Ready(0);
            if is_gone {
                return Poll::Ready(Err(Gone));
            }
            Poll::Pending
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        let flushed = poll_fn(|cx| {
            let polled = Pin::new(&mut *self.io).poll_flush(cx);
            self.beside(polled, cx)
        });
        flushed.await.map_err(|_| Gone)
    }

    /// While nothing goes out the body goes on: the client may read only when it has sent all.
    fn beside<T>(&mut self, polled: Poll<T>, cx: &mut Context<'_>) -> Poll<T> {
        if polled.is_pending() {
            while self.poll_upload(cx).is_ready() {}
        }
        polled
    }

    /// Feeds what is asked for of the body, if it is there.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(feed) = &self.upload else {
            return Poll::Pending;
        };
        let wanted = ready!(feed.poll_wanted(cx));
        match ready!(poll_part(self.io, wanted, cx)) {
            Some(part) => feed.give(part, cx),
            None => feed.cut_off(cx),
        }
        Poll::Ready(())
    }

    /// The answer has gone out, and the data centre may still take what comes.
    async fn end_upload(&mut self) {
        poll_fn(|cx| {
            while self.upload.as_ref().is_some_and(|feed| !feed.is_over()) {
                ready!(self.poll_upload(cx));
            }
            Poll::Ready(())
        })
        .await;
        self.upload = None;
    }

    /// Writes what is gathered, and a piece behind it.
    async fn write(&mut self, out: &mut Vec<u8>, mut piece: Bytes) -> Result<(), Gone> {
        let mut written = 0;
        while written < out.len() || !piece.is_empty() {
            let front = &out[written..];
            let wrote = poll_fn(|cx| {
                let io = Pin::new(&mut *self.io);
                let polled = if piece.is_empty() {
                    io.poll_write(cx, front)
                } else {
                    io.poll_write_vectored(cx, &[IoSlice::new(front), IoSlice::new(&piece)])
                };
                self.beside(polled, cx)
            });
            let wrote = wrote.await.ok().filter(|wrote| *wrote > 0).ok_or(Gone)?;
            let of_front = wrote.min(front.len());
            written += of_front;
            piece.advance(wrote - of_front);
        }
        out.clear();
        Ok(())
    }
}

/// Some of a body, of what is there of it; nothing when no more will come.
fn poll_part<S: AsyncRead + AsyncWrite + Bare + Unpin>(
    io: &mut Watched<S>,
    wanted: Wanted,
    cx: &mut Context<'_>,
) -> Poll<Option<Part>> {
    let most = usize::try_from(wanted.left).unwrap_or(usize::MAX);
    let piped = wanted.piped && wanted.left >= PIPED;
    if let Some(socket) = io.socket().filter(|_| piped)
        && let Some(mut pipe) = Lent::empty()
    {
        match ready!(pipe.poll_take(socket, most.min(pipe::ROOM), cx)) {
            // Not everywhere may a program do so; nothing was taken then.
            Err(error) if pipe::is_refused(&error) => {}
            taken => {
                let some = taken.is_ok_and(|taken| taken > 0);
                return Poll::Ready(some.then_some(Part::Piped(pipe)));
            }
        }
    }
    let came = ready!(room::poll_much(Pin::new(io), most, cx));
    let bytes = came.ok().map(|came| came.bytes.freeze());
    Poll::Ready(bytes.filter(|bytes| !bytes.is_empty()).map(Part::Bytes))
}

/// What is next of a body.
enum Piece {
    Later,
    Data(Bytes),
    End,
    Broken,
}

impl Gathered {
    fn lent() -> Self {
        Self(OUT.take())
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        let mut out = std::mem::take(&mut self.0);
        out.clear();
        // A core that ends has nothing to lend any more.
        let _ = OUT.try_with(|lent| lent.set(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_one_answer_is_left_for_another() {
        let mut one = Gathered::lent();
        one.0.extend_from_slice(b"HTTP/1.1 200 OK");
        let another = Gathered::lent();
        assert!(another.0.is_empty(), "both at once");
        drop(another);
        drop(one);
        assert!(Gathered::lent().0.is_empty(), "one after the other");
    }
}

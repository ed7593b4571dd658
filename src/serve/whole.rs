//! Requests over HTTP/1.1 that have come whole: one read, one answer, one write.
//!
//! Most requests come in one piece, and nothing about them is out of the ordinary. For these hyper's
//! engine does more than is needed (ADR 14). With the first request that is another, the connection is
//! hyper's for good, and what came of it is read again there.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body as _;
use http1::Whole;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::io::poll_read_buf;

use super::answer::{Framing, Misframed, says_close, write_head};
use super::connection::Door;
use super::life::Life;
use super::watched::Watched;
use crate::call::CallBody;
use crate::gateway::{Client, Reply};

/// How much room there is for requests, and at least for what a client sends before its answer, in bytes.
const ROOM: usize = 8 * 1024;
const AHEAD: usize = 64;

/// What of an answer is gathered before it is written, in bytes. A copy of more costs more than a write.
const SMALL: usize = 2 * 1024;

thread_local! {
    /// What a core gathers an answer in.
    static OUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What an answer is gathered in, lent by the core. Nothing of one answer is left in it for another.
struct Gathered(Vec<u8>);

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
}

impl<S: AsyncRead + AsyncWrite + Unpin> Plain<'_, S> {
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
            match self.answer(whole).await {
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
            if let Poll::Ready(came) = self.poll_fill(ROOM / 2, cx) {
                return Poll::Ready(came);
            }
            match &mut ends {
                Some(ends) => ends.as_mut().poll(cx).map(|()| 0),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Reads what is there; 0 at the connection's end.
    fn poll_fill(&mut self, least: usize, cx: &mut Context<'_>) -> Poll<usize> {
        if self.read.capacity() - self.read.len() < least {
            self.read.reserve(ROOM);
        }
        let io = Pin::new(&mut *self.io);
        poll_read_buf(io, cx, &mut self.read).map(Result::unwrap_or_default)
    }

    /// Answers one request, and says whether there may be another.
    async fn answer(&mut self, whole: Whole) -> Result<bool, Gone> {
        let busy = self.life.busy();
        let gateway = Arc::clone(&self.door.rooms.load().gateway);
        let begun = gateway.begin(whole.request.map(CallBody::Read), self.client);
        let response = {
            let client = self.client;
            let mut answer = pin!(gateway.answer(begun, client));
            self.while_there(|cx| answer.as_mut().poll(cx)).await?
        };
        let shared = gateway.shared();
        let (head, mut reply) = response.into_parts();
        let persists = whole.persists
            && !shared.is_leaving()
            && !self.door.closing.has_come()
            && !says_close(&head.headers);
        let framing = Framing::of(head.status, reply.size_hint().exact());
        let mut out = Gathered::lent();
        write_head(&mut out.0, &head, framing, persists, &*shared.clock);
        let whole = self.body(&mut reply, framing, &mut out.0).await?;
        // Also of an answer that is cut short goes out what is known of it.
        self.write(&mut out.0, Bytes::new()).await?;
        self.io.flush().await.map_err(|_| Gone)?;
        drop(busy);
        whole.map(|()| persists).map_err(|Misframed| Gone)
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
                    self.io.flush().await.map_err(|_| Gone)?;
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
            if let Poll::Ready(value) = poll(cx) {
                return Poll::Ready(Ok(value));
            }
            let is_gone = self.read.is_empty() && self.poll_fill(AHEAD, cx) == Poll::Ready(0);
            if is_gone {
                return Poll::Ready(Err(Gone));
            }
            Poll::Pending
        })
        .await
    }

    /// Writes what is gathered, and a piece behind it.
    async fn write(&mut self, out: &mut Vec<u8>, mut piece: Bytes) -> Result<(), Gone> {
        let mut written = 0;
        while written < out.len() || !piece.is_empty() {
            let front = &out[written..];
            let wrote = poll_fn(|cx| {
                let io = Pin::new(&mut *self.io);
                if piece.is_empty() {
                    io.poll_write(cx, front)
                } else {
                    io.poll_write_vectored(cx, &[IoSlice::new(front), IoSlice::new(&piece)])
                }
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

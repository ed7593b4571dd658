//! A client's connection that keeps time: heads, idling, stalled writes, and a lingering close.
//!
//! hyper drives it; what hyper has no answer for is done here, beneath it: a head that takes too
//! long is answered with 408, and after the last answer what a refused client still sends is
//! discarded for a moment, so that the answer is not lost to a reset (promise P4).

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::frames::{Frames, Verdict};
use super::life::Life;
use crate::domain::Code;
use crate::pipe::Bare;

/// What is discarded at most after the last answer, and for how long.
const LINGER_BYTES: usize = 256 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(1);

/// Makes the last words for a head that took too long, and counts it.
pub type TooSlow = Box<dyn Fn() -> Bytes + Send + Sync>;

/// Counts what h2 says of a client by itself, and has the connection left.
pub type Judged = Box<dyn Fn(Verdict) + Send + Sync>;

pub struct Watched<S> {
    inner: S,
    life: Arc<Life>,
    speech: Speech,
    stalled: bool,
    end: End,
    /// What came and is to be read again.
    ahead: Bytes,
}

/// What is spoken on the connection.
enum Speech {
    Http1 {
        too_slow: TooSlow,
    },
    /// It has no words outside its frames, so these are looked at.
    Http2 {
        judged: Judged,
        sent: Frames,
        received: Frames,
        /// A head has begun and is not complete.
        in_block: bool,
    },
}

/// How far the connection's end has come.
enum End {
    No,
    /// Last words are being written.
    Words(Bytes),
    /// The client closed, or time ran out: nothing is waited for any more.
    Silent,
    /// The sending side is closed; this much may still be discarded.
    Lingering(usize),
}

impl<S> Watched<S> {
    pub const fn http1(inner: S, life: Arc<Life>, too_slow: TooSlow) -> Self {
        Self::new(inner, life, Speech::Http1 { too_slow })
    }

    pub fn http2(inner: S, life: Arc<Life>, judged: Judged) -> Self {
        let speech = Speech::Http2 {
            judged,
            sent: Frames::default(),
            received: Frames::of_client(),
            in_block: false,
        };
        Self::new(inner, life, speech)
    }

    /// The connection itself, once it is no longer HTTP, and what came of it and was not read.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.inner, self.ahead)
    }

    /// What came is read again, by somebody else.
    pub fn read_again(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.life.has_read();
        }
        self.ahead = bytes;
    }

    /// The client's socket, where the next bytes are to come from it and from nowhere else.
    pub fn socket(&self) -> Option<&TcpStream>
    where
        S: Bare,
    {
        let is_next = self.ahead.is_empty() && matches!(self.end, End::No);
        self.inner.socket().filter(|_| is_next)
    }

    const fn new(inner: S, life: Arc<Life>, speech: Speech) -> Self {
        Self {
            inner,
            life,
            speech,
            stalled: false,
            end: End::No,
            ahead: Bytes::new(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let some = this.ahead.split_to(this.ahead.len().min(buf.remaining()));
            buf.put_slice(&some);
            return Poll::Ready(Ok(()));
        }
        if let End::No = this.end {
            let before = buf.filled().len();
            if let Poll::Ready(read) = Pin::new(&mut this.inner).poll_read(cx, buf) {
                this.has_read(&buf.filled()[before..]);
                return Poll::Ready(read);
            }
            // Also while busy: nothing is read when a request ends, and only the deadline tells that
            // the connection idles from then on.
            this.life.deadline.awaited_by(cx);
            if !this.life.is_over() {
                return Poll::Pending;
            }
            this.end = this.last_words();
        }
        this.poll_words(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    fn has_read(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.end = End::Silent;
            return;
        }
        self.life.has_read();
        if let Speech::Http2 {
            received, in_block, ..
        } = &mut self.speech
        {
            received.pass(bytes, |frame| {
                *in_block = frame.opens_block().unwrap_or(*in_block);
            });
        }
    }

    fn has_written(&mut self, bytes: &[u8]) {
        if let Speech::Http2 { judged, sent, .. } = &mut self.speech {
            sent.pass(bytes, |frame| {
                if let Some(verdict) = frame.verdict() {
                    judged(verdict);
                }
            });
        }
    }

    /// Shows what was written of these buffers to [`Self::has_written`].
    fn note_written(&mut self, polled: &Poll<io::Result<usize>>, bufs: &[io::IoSlice<'_>]) {
        let Poll::Ready(Ok(written)) = polled else {
            return;
        };
        let mut left = *written;
        for buf in bufs {
            let part = left.min(buf.len());
            self.has_written(&buf[..part]);
            left -= part;
        }
    }

    fn last_words(&self) -> End {
        match &self.speech {
            Speech::Http1 { too_slow } if self.life.is_in_head() => End::Words(too_slow()),
            Speech::Http2 {
                judged,
                received,
                in_block,
                ..
            } if *in_block || !received.is_between() => {
                judged(Verdict {
                    code: Code::TooSlow,
                    leaves: true,
                });
                End::Silent
            }
            Speech::Http1 { .. } | Speech::Http2 { .. } => End::Silent,
        }
    }

    /// Writes the last words; hyper then sees the end of the stream.
    fn poll_words(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let End::Words(words) = &mut self.end {
            if words.is_empty() {
                self.end = End::No;
                break;
            }
            // One write into an idle connection's empty buffer: it either fits, or the client takes nothing.
            let Poll::Ready(written) = Pin::new(&mut self.inner).poll_write(cx, words) else {
                self.end = End::Silent;
                break;
            };
            let written = written?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes::Buf::advance(words, written);
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps the time of a blocked write.
    fn poll_stall<T>(
        &mut self,
        cx: &Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            if std::mem::take(&mut self.stalled) {
                self.life.goes_on();
            }
            return polled;
        }
        if !std::mem::replace(&mut self.stalled, true) {
            self.life.is_stalled();
        }
        ready!(self.life.deadline.poll_passed(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Discards what still comes, until the client closes, or enough was seen of it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4096];
        while let End::Lingering(left) = &mut self.end {
            let mut buf = ReadBuf::new(&mut scratch);
            let polled = Pin::new(&mut self.inner).poll_read(cx, &mut buf);
            if polled.is_pending() {
                ready!(self.life.deadline.poll_passed(cx));
                self.end = End::Silent;
                break;
            }
            let came = buf.filled().len();
            match left.checked_sub(came) {
                Some(rest) if came > 0 && matches!(polled, Poll::Ready(Ok(()))) => *left = rest,
                _ => self.end = End::Silent,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What is gathered before it is written, in bytes: one plain write of a small answer costs less
/// than a gathering one, a copy of a large one would cost more.
const SMALL: usize = 2048;

thread_local! {
    /// One for each core, since a fresh one would have to be zeroed for each answer.
    static GATHERED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(SMALL));
}

fn are_small(bufs: &[io::IoSlice<'_>]) -> bool {
    bufs.iter().map(|b| b.len()).sum::<usize>() <= SMALL
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &polled {
            this.has_written(&buf[..*written]);
        }
        this.poll_stall(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let inner = Pin::new(&mut this.inner);
        let polled = if let [only] = bufs {
            inner.poll_write(cx, only)
        } else if are_small(bufs) {
            GATHERED.with_borrow_mut(|gathered| {
                gathered.clear();
                bufs.iter().for_each(|buf| gathered.extend_from_slice(buf));
                inner.poll_write(cx, gathered)
            })
        } else {
            inner.poll_write_vectored(cx, bufs)
        };
        this.note_written(&polled, bufs);
        this.poll_stall(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_flush(cx);
        this.poll_stall(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.life.close(LINGER_TIME);
        if let End::No = this.end {
            this.end = End::Lingering(LINGER_BYTES);
        }
        let closed = Pin::new(&mut this.inner).poll_shutdown(cx);
        if closed.is_pending() {
            // TLS has its last record to write, and the client may take nothing.
            ready!(this.life.deadline.poll_passed(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(closed)?;
        this.poll_linger(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::config::Limits;
    use crate::pace::{Pacer, TICK};

    fn watched(limits: &Limits) -> (Watched<DuplexStream>, DuplexStream, Arc<Life>) {
        let pacer = Pacer::new();
        let life = Life::of_http1(pacer.deadline(), limits);
        tokio::spawn(async move { pacer.run().await });
        let (near, far) = duplex(1024);
        let words: TooSlow = Box::new(|| Bytes::from_static(b"408"));
        (Watched::http1(near, Arc::clone(&life), words), far, life)
    }

    fn quick() -> Limits {
        Limits {
            head_time: TICK,
            keep_alive: TICK,
            body_idle: TICK,
            ..Limits::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_gets_last_words_and_a_silent_client_none() {
        for (sent, words) in [(&b"GET"[..], &b"408"[..]), (b"", b"")] {
            let (mut near, mut far, _life) = watched(&quick());
            far.write_all(sent).await.unwrap();
            let mut buffer = vec![0; sent.len()];
            near.read_exact(&mut buffer).await.unwrap();
            assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
            near.shutdown().await.unwrap();
            drop(near);
            let mut said = Vec::new();
            far.read_to_end(&mut said).await.unwrap();
            assert_eq!(said, words);
        }
    }

    /// hyper reads nothing between the end of an answer and the next head.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_read_while_busy_is_closed_when_it_idles() {
        let (mut near, _far, life) = watched(&quick());
        let busy = life.busy();
        let reading = tokio::spawn(async move { near.read(&mut [0; 8]).await.unwrap() });
        tokio::task::yield_now().await;
        drop(busy);
        assert_eq!(reading.await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_given_up() {
        let (mut near, _far, life) = watched(&quick());
        let _busy = life.busy();
        let error = near.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// Control: the words are given up when their write waits.
    #[tokio::test(start_paused = true)]
    async fn a_slow_head_of_a_client_that_takes_nothing_gets_no_words() {
        let (mut near, mut far, _life) = watched(&quick());
        near.write_all(&[0; 1024]).await.unwrap();
        far.write_all(b"GET").await.unwrap();
        near.read_exact(&mut [0; 3]).await.unwrap();
        let mut more = [0; 8];
        let read = tokio::time::timeout(Duration::from_secs(10), near.read(&mut more)).await;
        assert_eq!(read.expect("in time").unwrap(), 0);
    }

    /// A stream whose end waits for its client, as TLS does with its last record.
    struct Unclosable;

    impl AsyncRead for Unclosable {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Unclosable {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    /// Control: the time of `poll_shutdown`, also after a client that has closed its own side.
    #[tokio::test(start_paused = true)]
    async fn an_end_that_the_client_does_not_take_is_given_up() {
        for has_closed in [false, true] {
            let pacer = Pacer::new();
            let limits = Limits {
                keep_alive: Duration::from_secs(75),
                ..quick()
            };
            let life = Life::of_http1(pacer.deadline(), &limits);
            tokio::spawn(async move { pacer.run().await });
            let words: TooSlow = Box::new(Bytes::new);
            let mut near = Watched::http1(Unclosable, Arc::clone(&life), words);
            let busy = life.busy();
            if has_closed {
                assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
            }
            let mut end = Box::pin(near.shutdown());
            assert!(futures_util::poll!(&mut end).is_pending());
            // The rest of an upload, say: the connection does not idle from then on.
            drop(busy);
            let end = tokio::time::timeout(Duration::from_secs(10), end).await;
            let error = end.expect("in time").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_the_last_answer_is_discarded_within_bounds() {
        let (mut near, mut far, life) = watched(&quick());
        let _busy = life.busy();
        let sent = tokio::spawn(async move {
            let mut sent = 0;
            while far.write_all(&[0; 1024]).await.is_ok() {
                sent += 1024;
            }
            sent
        });
        near.shutdown().await.unwrap();
        drop(near);
        let sent = sent.await.unwrap();
        assert!(
            (LINGER_BYTES..=LINGER_BYTES + 4 * 4096).contains(&sent),
            "{sent}"
        );
    }
}

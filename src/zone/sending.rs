//! A request on its way: its head, and its body framed as the head says.

use std::io::{self, IoSlice, Write as _};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::HeaderValue;
use tokio::io::AsyncWrite;

use super::body::{CutShort, Outgoing};
use crate::call::Part;
use crate::pipe::{Bare, Lent};

pub struct Sending {
    /// What comes before the piece: the head, a chunk's size.
    front: Vec<u8>,
    /// How much of it is written.
    written: usize,
    piece: Bytes,
    /// In place of a piece: some of the body that is in the kernel's hands.
    pipe: Option<Lent>,
    /// What comes behind the piece: a chunk's end.
    back: &'static [u8],
    /// Where in the head the authority is.
    host: Range<usize>,
    body: Outgoing,
    framing: Framing,
    /// Nothing more comes from the body.
    gathered: bool,
    stage: Stage,
}

/// How a request's body is framed (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes are still to come.
    Exact(u64),
    Chunked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unsent,
    Begun,
    Done,
    Broken,
}

/// Why a request was not written whole.
#[derive(Debug)]
pub enum SendingError {
    /// Nothing of it was written.
    Unsent,
    /// The connection takes no more.
    Broken,
    /// Its body ended before its end.
    Cut,
}

impl Sending {
    pub fn new(head: Vec<u8>, host: Range<usize>, body: Outgoing) -> Self {
        Self {
            front: head,
            written: 0,
            piece: Bytes::new(),
            pipe: None,
            back: b"",
            host,
            framing: body.framing(),
            body,
            gathered: false,
            stage: Stage::Unsent,
        }
    }

    /// To another upstream than the head was made for, before anything is written.
    pub fn address(&mut self, authority: &HeaderValue) {
        let authority = authority.as_bytes();
        let end = self.host.start + authority.len();
        let host = std::mem::replace(&mut self.host.end, end);
        let host = self.host.start..host;
        self.front.splice(host, authority.iter().copied());
    }

    /// Whether the data centre has all of it.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether there is a point in writing on.
    pub fn goes_on(&self) -> bool {
        matches!(self.stage, Stage::Unsent | Stage::Begun)
    }

    /// From now on it counts as sent in part, whatever becomes of the first write.
    pub const fn begin(&mut self) {
        if matches!(self.stage, Stage::Unsent) {
            self.stage = Stage::Begun;
        }
    }

    /// Writes what can be written.
    pub fn poll<W: AsyncWrite + Bare + Unpin>(
        &mut self,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        let polled = self.poll_whole(io, cx);
        match &polled {
            Poll::Ready(Ok(())) => self.stage = Stage::Done,
            Poll::Ready(Err(SendingError::Unsent)) | Poll::Pending => {}
            Poll::Ready(Err(_)) => self.stage = Stage::Broken,
        }
        polled
    }

    fn poll_whole<W: AsyncWrite + Bare + Unpin>(
        &mut self,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        loop {
            let gathers = self.poll_gather(io.socket().is_some(), cx)?;
            ready!(self.poll_write(io, cx))?;
            ready!(self.poll_pipe(io, cx))?;
            if gathers.is_ready() && !self.gathered {
                continue;
            }
            let flushed = Pin::new(&mut *io).poll_flush(cx);
            ready!(flushed.map_err(|_| SendingError::Broken))?;
            return gathers.map(Ok);
        }
    }

    /// Takes the body's next piece, when the last one is written. The first makes one write with the head.
    fn poll_gather(&mut self, bare: bool, cx: &mut Context<'_>) -> Poll<Result<(), SendingError>> {
        if self.gathered || !self.piece.is_empty() || !self.back.is_empty() || self.pipe.is_some() {
            return Poll::Ready(Ok(()));
        }
        // What is in a pipe is there once, and goes behind a head that has left.
        let piped = bare && self.stage == Stage::Begun && self.framing != Framing::Chunked;
        let Some(part) = ready!(self.body.poll_piece(piped, cx)) else {
            return Poll::Ready(self.end());
        };
        let part = part.map_err(|CutShort| SendingError::Cut)?;
        if !part.is_empty() {
            self.frame(part)?;
        }
        Poll::Ready(Ok(()))
    }

    fn frame(&mut self, part: Part) -> Result<(), SendingError> {
        let size = part.size();
        match part {
            Part::Bytes(bytes) => self.piece = bytes,
            Part::Piped(pipe) => self.pipe = Some(pipe),
        }
        match &mut self.framing {
            Framing::Exact(left) => {
                let rest = left.checked_sub(size);
                *left = rest.ok_or(SendingError::Cut)?;
            }
            Framing::Chunked => {
                // A vector takes everything.
                let _ = write!(self.front, "{size:x}\r\n");
                self.back = b"\r\n";
            }
        }
        if self.body.is_over() {
            self.end()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), SendingError> {
        match self.framing {
            Framing::Exact(0) => {}
            // The data centre must not take it for whole.
            Framing::Exact(_) => return Err(SendingError::Cut),
            Framing::Chunked if self.piece.is_empty() => {
                self.front.extend_from_slice(b"0\r\n\r\n");
            }
            Framing::Chunked => self.back = b"\r\n0\r\n\r\n",
        }
        self.gathered = true;
        Ok(())
    }

    fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        loop {
            let front = &self.front[self.written..];
            let io = Pin::new(&mut *io);
            let written = if self.piece.is_empty() && self.back.is_empty() {
                if front.is_empty() {
                    self.clear();
                    return Poll::Ready(Ok(()));
                }
                io.poll_write(cx, front)
            } else {
                let all = [front, &self.piece, self.back].map(IoSlice::new);
                io.poll_write_vectored(cx, &all)
            };
            let written = ready!(written).and_then(some).map_err(|_| self.failed())?;
            self.stage = Stage::Begun;
            self.advance(written);
        }
    }

    /// All of it is written. Where nothing comes behind it, its memory is another request's while this one
    /// waits for its answer.
    fn clear(&mut self) {
        self.written = 0;
        if self.gathered {
            self.front = Vec::new();
        } else {
            self.front.clear();
        }
    }

    /// Gives what is piped to a socket.
    fn poll_pipe<W: AsyncWrite + Bare + Unpin>(
        &mut self,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| !pipe.is_empty()) {
            let Some(socket) = io.socket() else {
                // There was one when it was asked for: the connection was divided since.
                self.piece = pipe.read_out().map_err(|_| SendingError::Broken)?;
                self.pipe = None;
                return self.poll_write(io, cx);
            };
            let given = ready!(pipe.poll_give(socket, cx));
            given.and_then(some).map_err(|_| SendingError::Broken)?;
        }
        self.pipe = None;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, written: usize) {
        let of_front = written.min(self.front.len() - self.written);
        let of_piece = (written - of_front).min(self.piece.len());
        self.written += of_front;
        self.piece.advance(of_piece);
        self.back = &self.back[written - of_front - of_piece..];
    }

    const fn failed(&self) -> SendingError {
        match self.stage {
            Stage::Unsent => SendingError::Unsent,
            Stage::Begun | Stage::Done | Stage::Broken => SendingError::Broken,
        }
    }
}

/// A stream that takes nothing will never take anything.
fn some(written: usize) -> io::Result<usize> {
    match written {
        0 => Err(io::ErrorKind::WriteZero.into()),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use tokio::net::TcpStream;

    use super::super::body::Flow;
    use super::*;
    use crate::call::coming;
    use crate::pace::Pacer;

    /// Takes so much at a time, and so much in all.
    struct Narrow {
        taken: Vec<u8>,
        at_once: usize,
        most: usize,
    }

    impl Bare for Narrow {
        fn socket(&self) -> Option<&TcpStream> {
            None
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            let left = this.most - this.taken.len();
            let taken = bytes.len().min(this.at_once).min(left);
            this.taken.extend_from_slice(&bytes[..taken]);
            match taken {
                0 => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                taken => Poll::Ready(Ok(taken)),
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    const HEAD: &str = "POST / HTTP/1.1\r\nhost: a:1\r\n\r\n";
    const BODY: &str = "hello";

    fn sending() -> Sending {
        let body = Outgoing::read(Bytes::from_static(BODY.as_bytes()));
        Sending::new(HEAD.as_bytes().to_vec(), 23..26, body)
    }

    fn send(sending: &mut Sending, at_once: usize, most: usize) -> (String, bool, bool) {
        let mut narrow = Narrow {
            taken: Vec::new(),
            at_once,
            most,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let polled = sending.poll(&mut narrow, &mut cx);
        let text = String::from_utf8(narrow.taken).unwrap();
        let unsent = matches!(polled, Poll::Ready(Err(SendingError::Unsent)));
        (text, matches!(polled, Poll::Ready(Ok(()))), unsent)
    }

    #[test]
    fn a_request_is_written_whole_however_little_is_taken_at_once() {
        for at_once in [1, 2, 7, 1000] {
            let mut sending = sending();
            let (text, done, _) = send(&mut sending, at_once, 1000);
            assert_eq!(text, format!("{HEAD}{BODY}"));
            assert!(done && sending.is_done() && !sending.goes_on());
            assert_eq!(sending.front.capacity(), 0, "it waits without it");
        }
    }

    #[test]
    fn of_what_was_not_begun_everything_is_there_for_another_upstream() {
        let mut sending = sending();
        let (_, done, unsent) = send(&mut sending, 10, 0);
        assert!(!done && unsent && sending.goes_on());
        sending.address(&HeaderValue::from_static("other:22"));
        sending.address(&HeaderValue::from_static("b:22"));
        let (text, done, _) = send(&mut sending, 10, 1000);
        assert_eq!(text, format!("{}{BODY}", HEAD.replace("a:1", "b:22")));
        assert!(done);
    }

    /// The connection was divided since it was asked for.
    #[test]
    fn what_is_in_a_pipe_goes_on_also_where_there_is_no_socket() {
        let pacer = Arc::new(Pacer::new());
        let idle = Duration::from_secs(1);
        let flow = Arc::new(Flow::new(pacer.deadline(), idle, idle));
        let (body, feed) = coming(Bytes::from_static(b"he"), 3);
        let mut sending = Sending::new(HEAD.into(), 23..26, Outgoing::coming(body, flow));
        let (text, done, _) = send(&mut sending, 7, 1000);
        assert_eq!((&*text, done), (&*format!("{HEAD}he"), false));
        feed.give(
            Part::Piped(Lent::holding(b"llo")),
            &Context::from_waker(Waker::noop()),
        );
        let (text, done, _) = send(&mut sending, 2, 1000);
        assert_eq!((&*text, done), ("llo", true));
        assert!(sending.is_done());
    }

    #[test]
    fn what_counts_as_begun_is_not_sent_anew() {
        let mut sending = sending();
        sending.begin();
        let (text, done, unsent) = send(&mut sending, 10, 0);
        assert!(text.is_empty() && !done && !unsent && !sending.goes_on());
    }

    #[test]
    fn what_was_begun_is_not_unsent() {
        for most in 1..HEAD.len() + BODY.len() {
            let mut sending = sending();
            let (_, done, unsent) = send(&mut sending, 10, most);
            assert!(!done && !unsent && !sending.goes_on(), "{most}");
            assert!(!sending.is_done());
        }
    }
}

//! A connection to a data centre, as bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf, ReadHalf, WriteHalf};
use tokio_util::io::poll_read_buf;

use super::sending::{Sending, SendingError};
use super::stream::Stream;
use crate::room;

/// How much room of its own there is to read into at first, and at most: large bodies cost half as much
/// with large buffers. What is small is read into the core's.
const ROOM: usize = 8 * 1024;
const MOST: usize = 256 * 1024;

pub struct Line {
    io: Io,
    /// What came and was not taken.
    pub read: BytesMut,
    room: usize,
}

enum Io {
    Whole(Stream),
    /// Somebody else writes the rest of an upload.
    Reading(ReadHalf<Stream>),
}

/// Why nothing more is heard of a data centre.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the connection ended before the answer")]
    Ended,
    #[error("what came is no answer")]
    NoAnswer(#[from] http1::Fault),
}

impl Line {
    pub fn new(stream: Stream) -> Self {
        Self {
            io: Io::Whole(stream),
            read: BytesMut::new(),
            room: ROOM,
        }
    }

    /// Reads what is there; 0 at the connection's end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.room == ROOM && self.read.is_empty() {
            let came = ready!(room::poll_little(Pin::new(&mut self.io), cx))?;
            if came.is_full {
                self.room *= 2;
            }
            self.read = came.bytes;
            return Poll::Ready(Ok(self.read.len()));
        }
        if self.read.capacity() - self.read.len() < self.room / 2 {
            self.read.reserve(self.room);
        }
        let room = self.read.capacity() - self.read.len();
        let io = Pin::new(&mut self.io);
        let read = ready!(poll_read_buf(io, cx, &mut self.read))?;
        if read == room {
            self.room = (self.room * 2).min(MOST);
        }
        Poll::Ready(Ok(read))
    }

    /// Writes of a request what can be written. Nothing, when the rest of it is somebody else's.
    pub fn poll_send(
        &mut self,
        sending: &mut Sending,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        match &mut self.io {
            Io::Whole(stream) => {
                // Records may have left before the write that fails: then nobody knows that nothing was sent.
                if matches!(stream, Stream::Tls(_)) {
                    sending.begin();
                }
                sending.poll(stream, cx)
            }
            Io::Reading(_) => Poll::Pending,
        }
    }

    /// Whether it is open, and nothing came that nobody asked for. Costs no system call while the
    /// runtime has heard nothing of it.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        self.read.is_empty()
            && Pin::new(&mut self.io)
                .poll_read(&mut cx, &mut buffer)
                .is_pending()
    }

    /// Makes it wait for its next request without a buffer.
    pub fn rest(&mut self) {
        self.room = ROOM;
        self.read = BytesMut::new();
    }

    /// The end to write to, for somebody else.
    pub fn divide(self) -> (Self, Option<WriteHalf<Stream>>) {
        let (io, writing) = match self.io {
            Io::Whole(stream) => {
                let (reading, writing) = tokio::io::split(stream);
                (Io::Reading(reading), Some(writing))
            }
            io @ Io::Reading(_) => (io, None),
        };
        (Self { io, ..self }, writing)
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Whole(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Reading(half) => Pin::new(half).poll_read(cx, buffer),
        }
    }
}

//! A connection to a data centre, as bytes.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf, ReadHalf, WriteHalf};
use tokio::task::unconstrained;

use super::sending::{Sending, SendingError};
use super::stream::Stream;
use crate::room;

pub struct Line {
    io: Io,
    /// What came and was not taken.
    pub read: BytesMut,
    /// More came at once than a look takes: large bodies cost half as much with large reads.
    is_large: bool,
    /// Said behind what had come before it.
    broke: Option<io::Error>,
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
            is_large: false,
            broke: None,
        }
    }

    /// Reads what is there; 0 at the connection's end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(error) = self.broke.take() {
            return Poll::Ready(Err(error));
        }
        if self.read.is_empty() {
            // The core's room is used again only if nobody holds it.
            self.read = BytesMut::new();
        }
        let io = Pin::new(&mut self.io);
        let came = ready!(if self.is_large {
            room::poll_much(io, usize::MAX, cx)
        } else {
            room::poll_little(io, cx)
        })?;
        self.is_large |= came.is_full;
        self.broke = came.broke;
        let size = came.bytes.len();
        self.read.unsplit(came.bytes);
        Poll::Ready(Ok(size))
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
        // The runtime says that nothing is there, too, when a task has done enough for once.
        let look = unconstrained(poll_fn(|cx| {
            Pin::new(&mut self.io).poll_read(cx, &mut buffer)
        }));
        self.read.is_empty() && self.broke.is_none() && pin!(look).poll(&mut cx).is_pending()
    }

    /// Makes it wait for its next request without a buffer.
    pub fn rest(&mut self) {
        self.is_large = false;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt as _, Interest};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::coop;

    use super::*;

    async fn fill(line: &mut Line) -> io::Result<usize> {
        poll_fn(|cx| line.poll_fill(cx)).await
    }

    /// The two ends of a connection.
    #[expect(clippy::disallowed_methods, reason = "a test's own data centre")]
    async fn ends() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    /// Control: `unconstrained`. How often a task may ask is its client's to choose, who sends requests one behind
    /// the other.
    #[tokio::test]
    async fn a_task_that_has_done_enough_sees_what_nobody_asked_for() {
        let (near, mut far) = ends().await;
        far.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        near.readable().await.unwrap();
        let mut line = Line::new(Stream::Plain(near));
        let is_quiet = poll_fn(|cx| {
            while coop::has_budget_remaining() {
                let _ = pin!(coop::consume_budget()).poll(cx);
            }
            Poll::Ready(line.is_quiet())
        });
        assert!(!is_quiet.await);
    }

    /// What ends with its connection would count as whole.
    #[tokio::test]
    async fn a_connection_that_breaks_does_not_end() {
        let (near, mut far) = ends().await;
        far.write_all(&[7; 64 * 1024]).await.unwrap();
        let mut line = Line::new(Stream::Plain(near));
        let mut came = 0;
        while came < 64 * 1024 {
            came += fill(&mut line).await.unwrap();
            line.read.clear();
        }
        assert!(line.is_large);
        far.write_all(b"more").await.unwrap();
        far.set_zero_linger().unwrap();
        drop(far);
        let Io::Whole(Stream::Plain(near)) = &line.io else {
            unreachable!("it was not divided")
        };
        let both = async {
            while !near
                .ready(Interest::READABLE)
                .await
                .unwrap()
                .is_read_closed()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), both)
            .await
            .unwrap();
        assert_eq!(fill(&mut line).await.unwrap(), 4);
        assert!(!line.is_quiet());
        assert!(fill(&mut line).await.is_err());
    }
}

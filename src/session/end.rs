//! One end of a session: its connection, what has come and what must still go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_util::io::poll_read_buf;
use websocket::{Opcode, Role};

use super::framing::{Framing, FramingFault, Next};
use super::key;
use crate::domain::Transport;
use crate::zone::Stream;

/// A connection with its framing. When nothing is under way it holds no buffer.
pub(super) struct End {
    stream: Stream,
    pub framing: Framing,
    role: Role,
    /// What has come and is not done with.
    inbox: Vec<u8>,
    /// There may be whole messages in the inbox.
    unread: bool,
    /// What the other side has not taken yet.
    outbox: Vec<u8>,
    /// Something was written that may not have left.
    unflushed: bool,
    /// It has taken something since it was last asked whether it stalls.
    has_taken: bool,
    /// In the pacer's ticks.
    stalls_since: Option<u64>,
}

/// Why no message came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    #[error("the connection ended")]
    Gone,
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error(transparent)]
    Framing(#[from] FramingFault),
}

/// The most that is read at once, in bytes.
pub(super) const PIECE: usize = 64 * 1024;

/// What is read at once while a session is being opened.
const SMALL: usize = 4 * 1024;

impl End {
    /// The client's end.
    pub fn client(stream: Stream, transport: Transport, read: &Bytes, most: usize) -> Self {
        Self::new(stream, transport, Role::Server, read, most)
    }

    /// The data centre's end.
    pub fn centre(stream: Stream, transport: Transport, read: &Bytes, most: usize) -> Self {
        Self::new(stream, transport, Role::Client, read, most)
    }

    fn new(stream: Stream, transport: Transport, role: Role, read: &Bytes, most: usize) -> Self {
        let framing = match transport {
            Transport::Websocket => Framing::websocket(role, most),
            Transport::Msync => Framing::Length { most },
        };
        Self {
            stream,
            framing,
            role,
            inbox: read.to_vec(),
            unread: !read.is_empty(),
            outbox: Vec::new(),
            unflushed: false,
            has_taken: false,
            stalls_since: None,
        }
    }

    /// Waits for the next message, answering pings. For the opening of a session.
    pub async fn message(&mut self) -> Result<Vec<u8>, Silence> {
        loop {
            let mut inbox = std::mem::take(&mut self.inbox);
            let taken = self.take_message(&mut inbox);
            self.inbox = inbox;
            if let Some(message) = taken? {
                self.flush().await.map_err(Silence::Broken)?;
                return Ok(message);
            }
            self.flush().await.map_err(Silence::Broken)?;
            self.inbox.reserve(SMALL);
            let read = self.stream.read_buf(&mut self.inbox).await;
            if read.map_err(Silence::Broken)? == 0 {
                return Err(Silence::Gone);
            }
        }
    }

    /// The first message of the inbox, which is left with what follows.
    fn take_message(&mut self, inbox: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Silence> {
        let mut at = 0;
        let mut found = None;
        while found.is_none() {
            match self.framing.next(&mut inbox[at..])? {
                Next::Need(_) => break,
                Next::Message {
                    payload, consumed, ..
                } => {
                    found = Some(payload.to_vec());
                    at += consumed;
                }
                Next::Ping { payload, consumed } => {
                    let pong = Opcode::Pong;
                    websocket::append_frame(&mut self.outbox, pong, payload, mask(self.role));
                    at += consumed;
                }
                Next::Nothing { consumed } => at += consumed,
                Next::Close(_) => return Err(Silence::Gone),
            }
        }
        inbox.drain(..at);
        if inbox.is_empty() {
            *inbox = Vec::new();
        }
        self.unread = found.is_some() && !inbox.is_empty();
        Ok(found)
    }

    /// Has a message go, after what is on its way already.
    pub fn push(&mut self, message: &[u8]) {
        let mask = mask(self.role);
        self.framing.append(&mut self.outbox, message, mask);
    }

    /// Has bytes go that are framed already.
    pub fn push_framed(&mut self, framed: &[u8]) {
        self.outbox.extend_from_slice(framed);
    }

    pub fn pong(&mut self, payload: &[u8]) {
        let mask = mask(self.role);
        websocket::append_frame(&mut self.outbox, Opcode::Pong, payload, mask);
    }

    /// Has a close frame go, where there are such.
    pub fn push_close(&mut self, code: u16, reason: &str) {
        if self.framing.is_websocket() {
            websocket::close_frame(&mut self.outbox, code, reason, mask(self.role));
        }
    }

    pub async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes what is on its way. Nothing of it is held any more when this is ready.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outbox))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_taken = true;
            self.unflushed = true;
            if written == self.outbox.len() {
                self.outbox = Vec::new();
            } else {
                self.outbox.drain(..written);
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes framed bytes at once as far as they go, and keeps the rest.
    pub fn write_framed(&mut self, mut framed: &[u8], cx: &mut Context<'_>) -> io::Result<()> {
        while self.outbox.is_empty() && !framed.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, framed) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.has_taken = true;
                    self.unflushed = true;
                    framed = &framed[written..];
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        self.outbox.extend_from_slice(framed);
        Ok(())
    }

    /// Bytes that have come, at their first one a message's first: in the lent buffer, or in the
    /// inbox if a part of a message was waiting there. To be given back with [`Self::keep`].
    pub fn poll_take(&mut self, lent: &mut [u8], cx: &mut Context<'_>) -> Poll<io::Result<Taken>> {
        if std::mem::take(&mut self.unread) {
            return Poll::Ready(Ok(Taken::Inbox(std::mem::take(&mut self.inbox))));
        }
        if self.inbox.is_empty() {
            let mut buffer = ReadBuf::new(lent);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            return Poll::Ready(Ok(Taken::Lent(buffer.filled().len())));
        }
        let stream = Pin::new(&mut self.stream);
        let read = ready!(poll_read_buf(stream, cx, &mut self.inbox))?;
        Poll::Ready(Ok(match read {
            0 => Taken::Lent(0),
            _ => Taken::Inbox(std::mem::take(&mut self.inbox)),
        }))
    }

    /// Keeps what is not done with: `rest` of the lent buffer, or the inbox from `done` on. `needed`
    /// is how much the message there has in all; `unread` that more than a part may be there.
    pub fn keep(&mut self, kept: Kept<'_>, needed: usize, unread: bool) {
        match kept {
            Kept::Rest([]) => {}
            Kept::Rest(rest) => self.inbox.extend_from_slice(rest),
            Kept::Inbox(inbox, done) if done == inbox.len() => {}
            Kept::Inbox(mut inbox, done) => {
                inbox.drain(..done);
                self.inbox = inbox;
            }
        }
        self.unread = unread && !self.inbox.is_empty();
        if !self.inbox.is_empty() {
            let more = needed.saturating_sub(self.inbox.len());
            self.inbox.reserve(more.min(PIECE));
        }
    }

    /// The message as it goes to this end.
    pub fn framed(&self, message: &[u8]) -> Vec<u8> {
        let mut framed = Vec::new();
        let mask = mask(self.role);
        self.framing.append(&mut framed, message, mask);
        framed
    }

    /// Whether frames that go here have a mask.
    pub fn masks(&self) -> bool {
        self.framing.is_websocket() && self.role == Role::Client
    }

    /// Since when something waits for it and it takes nothing; `now` in the pacer's ticks.
    pub fn stalls_since(&mut self, now: u64) -> Option<u64> {
        let waits = !self.outbox.is_empty() || self.unflushed;
        let has_taken = std::mem::take(&mut self.has_taken);
        self.stalls_since = match self.stalls_since {
            Some(since) if waits && !has_taken => Some(since),
            _ => waits.then_some(now),
        };
        self.stalls_since
    }

    /// Whether so much waits for it already that nothing more of it is answered.
    pub const fn is_full(&self) -> bool {
        self.outbox.len() >= PIECE
    }

    pub const fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

/// Where bytes that have come are.
pub(super) enum Taken {
    /// That many in the lent buffer; none at the end of the connection.
    Lent(usize),
    Inbox(Vec<u8>),
}

/// What is left of [`Taken`].
pub(super) enum Kept<'a> {
    Rest(&'a [u8]),
    Inbox(Vec<u8>, usize),
}

/// A new key for each frame that goes to a server (RFC 6455 section 5.3).
fn mask(role: Role) -> Option<[u8; 4]> {
    match role {
        Role::Server => None,
        Role::Client => Some(key::fresh()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn an_end_that_waits_holds_no_buffer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        let (near, mut far) = (near.unwrap(), far.unwrap().0);
        let mut end = End::client(near.into(), Transport::Msync, &Bytes::new(), 1024);
        far.write_all(b"\0\0\0\x02hi").await.unwrap();
        assert_eq!(end.message().await.unwrap(), b"hi");
        end.push(b"hello");
        end.flush().await.unwrap();
        assert_eq!((end.inbox.capacity(), end.outbox.capacity()), (0, 0));
    }
}

//! Pipes of the kernel, through which bytes go from one socket into another without being copied.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::{DuplexStream, Interest, WriteHalf};
use tokio::net::TcpStream;

/// What a pipe is asked to hold, in bytes.
pub const ROOM: usize = 256 * 1024;

/// How many empty pipes a core keeps, as long as it needs any.
const IDLE: usize = 16;

thread_local! {
    /// Empty pipes of this core.
    static EMPTY: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
    /// Whether any was lent since the last sweep.
    static NEEDED: Cell<bool> = const { Cell::new(false) };
}

/// Closes this core's empty pipes if none was needed since the last sweep.
pub fn sweep() {
    if !NEEDED.replace(false) {
        EMPTY.with_borrow_mut(Vec::clear);
    }
}

/// A stream that may be a socket with nothing between it and the network.
pub trait Bare {
    fn socket(&self) -> Option<&TcpStream>;
}

/// A pipe, and how much is in it.
#[derive(Debug)]
pub struct Pipe {
    into: OwnedFd,
    out_of: OwnedFd,
    held: usize,
}

/// A pipe on loan from its core. With anything left in it, it is closed and never lent again.
#[derive(Debug)]
pub struct Lent(Option<Pipe>);

impl Lent {
    /// Nothing when the machine has no more pipes to give.
    pub fn empty() -> Option<Self> {
        NEEDED.set(true);
        let idle = EMPTY.with_borrow_mut(Vec::pop);
        let pipe = idle.or_else(|| Pipe::open().ok())?;
        Some(Self(Some(pipe)))
    }

    /// Whether all that came in has gone out.
    pub fn is_empty(&self) -> bool {
        self.held() == 0
    }

    pub fn held(&self) -> usize {
        self.0.as_ref().map_or(0, |pipe| pipe.held)
    }

    /// Takes at most so many bytes out of a socket; 0 at its end.
    pub fn poll_take(
        &mut self,
        socket: &TcpStream,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(pipe) = &mut self.0 else {
            return Poll::Ready(Ok(0));
        };
        let taken = ready!(poll_moved(socket, Interest::READABLE, cx, || {
            splice(socket, None, &pipe.into, None, most, FLAGS)
        }))?;
        pipe.held += taken;
        Poll::Ready(Ok(taken))
    }

    /// Gives a socket what it takes of what is held.
    pub fn poll_give(
        &mut self,
        socket: &TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(pipe) = &mut self.0 else {
            return Poll::Ready(Ok(0));
        };
        let given = ready!(poll_moved(socket, Interest::WRITABLE, cx, || {
            splice(&pipe.out_of, None, socket, None, pipe.held, FLAGS)
        }))?;
        pipe.held -= given;
        Poll::Ready(Ok(given))
    }
}

impl Lent {
    /// Takes out all that is held.
    pub fn read_out(&mut self) -> io::Result<Bytes> {
        let mut out = vec![0; self.held()];
        let mut done = 0;
        while let Some(pipe) = self.0.as_mut().filter(|pipe| pipe.held > 0) {
            let read = rustix::io::read(&pipe.out_of, &mut out[done..])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done += read;
            pipe.held -= read;
        }
        Ok(out.into())
    }
}

const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// Whether bytes may not pass so at all.
pub fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), PermissionDenied | Unsupported | InvalidInput)
}

/// Tries whenever the socket says that it is ready, until something moves or fails.
fn poll_moved(
    socket: &TcpStream,
    interest: Interest,
    cx: &mut Context<'_>,
    mut splice: impl FnMut() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    use io::ErrorKind::{Interrupted, WouldBlock};
    loop {
        ready!(if interest.is_readable() {
            socket.poll_read_ready(cx)
        } else {
            socket.poll_write_ready(cx)
        })?;
        let tried = socket.try_io(interest, || splice().map_err(io::Error::from));
        match tried {
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
            done => return Poll::Ready(done),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(pipe) = self.0.take().filter(|pipe| pipe.held == 0) else {
            return;
        };
        // A core that ends keeps nothing.
        let _ = EMPTY.try_with(|empty| {
            let mut empty = empty.borrow_mut();
            if empty.len() < IDLE {
                empty.push(pipe);
            }
        });
    }
}

impl Pipe {
    fn open() -> io::Result<Self> {
        let (out_of, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Beyond what the kernel lets one user have, a pipe would be too small to be worth it.
        fcntl_setpipe_size(&into, ROOM)?;
        Ok(Self {
            into,
            out_of,
            held: 0,
        })
    }
}

#[cfg(test)]
impl Lent {
    /// One with something in it.
    pub fn holding(bytes: &[u8]) -> Self {
        let mut lent = Self::empty().unwrap();
        let pipe = lent.0.as_mut().unwrap();
        pipe.held = rustix::io::write(&pipe.into, bytes).unwrap();
        lent
    }
}

impl Bare for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Bare for tokio_rustls::server::TlsStream<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl Bare for DuplexStream {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl<S> Bare for WriteHalf<S> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let near = TcpStream::connect(address);
        let (near, far) = tokio::join!(near, listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    async fn take(pipe: &mut Lent, socket: &TcpStream, most: usize) -> usize {
        poll_fn(|cx| pipe.poll_take(socket, most, cx))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn bytes_go_from_one_socket_into_another_as_they_came() {
        let (mut client, from) = pair().await;
        let (to, mut centre) = pair().await;
        let sent: Vec<u8> = (0..3_000_000_u32)
            .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        let all = sent.clone();
        let sending = tokio::spawn(async move {
            client.write_all(&all).await.unwrap();
        });
        let size = sent.len();
        let reading = tokio::spawn(async move {
            let mut read = vec![0; size];
            centre.read_exact(&mut read).await.unwrap();
            read
        });
        let mut left = size;
        while left > 0 {
            let mut pipe = Lent::empty().unwrap();
            left -= take(&mut pipe, &from, left.min(ROOM)).await;
            while !pipe.is_empty() {
                poll_fn(|cx| pipe.poll_give(&to, cx)).await.unwrap();
            }
        }
        sending.await.unwrap();
        assert_eq!(reading.await.unwrap(), sent);
    }

    #[tokio::test]
    async fn no_more_is_taken_than_was_asked_for() {
        let (mut client, mut from) = pair().await;
        client.write_all(b"body and next").await.unwrap();
        let mut pipe = Lent::empty().unwrap();
        assert_eq!(take(&mut pipe, &from, 4).await, 4);
        assert_eq!(pipe.held(), 4);
        let mut rest = [0; 9];
        from.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b" and next");
        drop(client);
        assert_eq!(pipe.read_out().unwrap(), "body");
        assert!(pipe.is_empty());
        let mut other = Lent::empty().unwrap();
        assert_eq!(take(&mut other, &from, 4).await, 0, "its end");
    }

    #[test]
    fn pipes_that_nobody_needs_any_more_are_closed() {
        drop(Lent::empty());
        sweep();
        assert_eq!(EMPTY.with_borrow(Vec::len), 1, "needed just now");
        sweep();
        assert_eq!(EMPTY.with_borrow(Vec::len), 0);
    }

    #[test]
    fn no_more_empty_pipes_are_kept_than_may() {
        let pipes: Vec<Lent> = (0..IDLE + 3).map(|_| Lent::empty().unwrap()).collect();
        drop(pipes);
        assert_eq!(EMPTY.with_borrow(Vec::len), IDLE);
    }

    /// What one client sent must never come out for another.
    #[tokio::test]
    async fn a_pipe_that_holds_something_is_not_lent_again() {
        EMPTY.with_borrow_mut(Vec::clear);
        let (mut client, from) = pair().await;
        client.write_all(b"mine").await.unwrap();
        let mut pipe = Lent::empty().unwrap();
        take(&mut pipe, &from, 4).await;
        drop(pipe);
        assert_eq!(EMPTY.with_borrow(Vec::len), 0, "closed");
        drop(Lent::empty());
        assert_eq!(EMPTY.with_borrow(Vec::len), 1, "kept");
    }
}

//! What a core reads into: memory that its connections use one after the other.
//!
//! A connection that waits has no buffer, and the processor's caches hold what the next one reads into.
//! What came is cut off from the room, which is used again from its beginning as soon as nothing of it is held.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::LocalKey;

use bytes::{BufMut as _, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// How large a room is, and how much of it must be left to be read into, in bytes. What is cut off keeps all
/// of a room from being freed: so heads have a small one.
struct Room {
    memory: &'static LocalKey<Cell<BytesMut>>,
    size: usize,
    least: usize,
}

thread_local! {
    static HEADS: Cell<BytesMut> = Cell::default();
    static BODIES: Cell<BytesMut> = Cell::default();
}

const OF_HEADS: Room = Room {
    memory: &HEADS,
    size: 16 * 1024,
    least: 4 * 1024,
};

const OF_BODIES: Room = Room {
    memory: &BODIES,
    size: 256 * 1024,
    least: 128 * 1024,
};

/// What one look at a stream gave.
#[derive(Debug)]
pub struct Came {
    pub bytes: BytesMut,
    /// There may be more.
    pub is_full: bool,
    /// The stream broke behind them. It says so once.
    pub broke: Option<io::Error>,
}

/// Reads what is there, as far as it fits: a head, or a small body. Nothing at the end.
pub fn poll_little<R: AsyncRead>(io: Pin<&mut R>, cx: &mut Context<'_>) -> Poll<io::Result<Came>> {
    OF_HEADS.lend(|room| {
        let most = room.capacity();
        ready!(poll_read_buf(io, cx, room))?;
        Poll::Ready(Ok((room.len() == most, None)))
    })
}

/// Reads until no more is there for now, or so many bytes have come. Nothing at the end.
pub fn poll_much<R: AsyncRead>(
    mut io: Pin<&mut R>,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Came>> {
    OF_BODIES.lend(|room| {
        let most = most.min(room.capacity());
        let mut broke = None;
        while room.len() < most {
            let left = most - room.len();
            match poll_read_buf(io.as_mut(), cx, &mut room.limit(left)) {
                Poll::Ready(Ok(read)) if read > 0 => {}
                // What has come goes first; the next look gives the end again.
                Poll::Ready(Ok(_)) | Poll::Pending if !room.is_empty() => break,
                Poll::Ready(Err(error)) if !room.is_empty() => {
                    broke = Some(error);
                    break;
                }
                Poll::Ready(end) => return Poll::Ready(end.map(|_| (false, None))),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok((room.len() == most, broke)))
    })
}

impl Room {
    fn lend(
        &self,
        read: impl FnOnce(&mut BytesMut) -> Poll<io::Result<(bool, Option<io::Error>)>>,
    ) -> Poll<io::Result<Came>> {
        let mut room = self.memory.take();
        // From its beginning, which the processor's caches still hold, or as it is, or another.
        let is_whole = room.try_reclaim(self.size);
        if !is_whole && room.capacity() < self.least {
            room = BytesMut::with_capacity(self.size);
        }
        let read = read(&mut room);
        let came = read.map_ok(|(is_full, broke)| Came {
            bytes: room.split(),
            is_full,
            broke,
        });
        self.memory.set(room);
        came
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::ReadBuf;

    use super::*;

    /// Gives its pieces one by one, then says that it waits.
    struct Pieces(Vec<&'static [u8]>);

    /// In place of a piece: the stream breaks.
    const BROKEN: &[u8] = b"broken";

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Some(piece) = self.0.first_mut() else {
                return Poll::Pending;
            };
            if *piece == BROKEN {
                self.0.remove(0);
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let (some, rest) = piece.split_at(piece.len().min(buffer.remaining()));
            buffer.put_slice(some);
            *piece = rest;
            if rest.is_empty() {
                self.0.remove(0);
            }
            Poll::Ready(Ok(()))
        }
    }

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    fn little(io: &mut Pieces) -> Option<Came> {
        match poll_little(Pin::new(io), &mut cx()) {
            Poll::Ready(came) => Some(came.unwrap()),
            Poll::Pending => None,
        }
    }

    fn much(io: &mut Pieces, most: usize) -> Option<Came> {
        match poll_much(Pin::new(io), most, &mut cx()) {
            Poll::Ready(came) => Some(came.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_came_is_nobody_elses_as_long_as_it_is_held() {
        let mut io = Pieces(vec![b"one", b"two", b"three"]);
        let one = little(&mut io).unwrap();
        let two = little(&mut io).unwrap();
        assert_eq!((&*one.bytes, &*two.bytes), (&b"one"[..], &b"two"[..]));
        let three = little(&mut io).unwrap();
        assert_eq!(&*three.bytes, b"three");
        assert!(little(&mut io).is_none(), "it waits");
    }

    #[test]
    fn as_much_is_read_as_is_there_and_was_asked_for() {
        static LARGE: [u8; 300_000] = [7; 300_000];
        let mut io = Pieces(vec![b"a", b"b", &LARGE, b"", b"c"]);
        let came = much(&mut io, 2).unwrap();
        assert_eq!((&*came.bytes, came.is_full), (&b"ab"[..], true));
        drop(came);
        let large = much(&mut io, usize::MAX).unwrap();
        assert!(large.is_full && large.bytes.len() <= OF_BODIES.size);
        let left = LARGE.len() - large.bytes.len();
        drop(large);
        let rest = much(&mut io, usize::MAX).unwrap();
        assert_eq!((rest.bytes.len(), rest.is_full), (left, false));
        let last = much(&mut io, 9).unwrap();
        assert_eq!(&*last.bytes, b"c", "the end was said with the rest");
    }

    #[test]
    fn what_came_before_a_stream_broke_says_so() {
        let mut io = Pieces(vec![b"a", BROKEN, b"", BROKEN]);
        let came = much(&mut io, 9).unwrap();
        assert_eq!(&*came.bytes, b"a");
        assert!(came.broke.is_some());
        let end = much(&mut io, 9).unwrap();
        assert!(end.bytes.is_empty() && end.broke.is_none());
        let broken = poll_much(Pin::new(&mut io), 9, &mut cx());
        assert!(matches!(broken, Poll::Ready(Err(_))));
    }

    #[test]
    fn a_room_that_is_held_is_left_for_another() {
        static LARGE: [u8; 100_000] = [7; 100_000];
        let mut io = Pieces(vec![&LARGE]);
        let mut held = Vec::new();
        while let Some(came) = little(&mut io) {
            assert!(came.bytes.len() <= OF_HEADS.size);
            held.push(came);
        }
        let all: usize = held.iter().map(|came| came.bytes.len()).sum();
        assert_eq!(all, LARGE.len());
    }

    #[test]
    fn a_room_that_nobody_holds_is_used_again() {
        let mut io = Pieces(vec![b"one", b"two", b"three"]);
        let places: Vec<_> = std::iter::from_fn(|| little(&mut io))
            .map(|came| came.bytes.as_ptr())
            .collect();
        assert!(places.len() == 3 && places.windows(2).all(|two| two[0] == two[1]));
    }
}

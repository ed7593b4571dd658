//! A request's body that is still coming from the client, piece by piece.
//!
//! One end is fed by whoever reads the client's connection, the other is taken by whoever sends on.
//! Nothing is read that nobody has asked for, and one piece at most is in between.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use parking_lot::Mutex;

use crate::pipe::Lent;

/// The end where a body comes out.
#[derive(Debug)]
pub struct Coming(Arc<Mutex<Between>>);

/// The end where it is fed.
#[derive(Debug)]
pub struct Feed(Arc<Mutex<Between>>);

/// Some of a body.
#[derive(Debug)]
pub enum Part {
    Bytes(Bytes),
    /// In the kernel's hands.
    Piped(Lent),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How much is still to come, in bytes.
    pub left: u64,
    /// Whether it may stay in the kernel.
    pub piped: bool,
}

/// The client left before the end of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client left before the end of its body")]
pub struct CutOff;

#[derive(Debug)]
struct Between {
    part: Option<Part>,
    /// Behind `part`.
    left: u64,
    /// Somebody waits for a part; and whether it may be piped.
    wanted: Option<bool>,
    cut_off: bool,
    /// Nobody takes anything any more.
    dropped: bool,
    taker: Option<Waker>,
    feeder: Option<Waker>,
}

/// A body of which `first` has come and so many bytes have not.
pub fn coming(first: Bytes, left: u64) -> (Coming, Feed) {
    let between = Arc::new(Mutex::new(Between {
        part: Some(Part::Bytes(first)).filter(|part| !part.is_empty()),
        left,
        wanted: None,
        cut_off: false,
        dropped: false,
        taker: None,
        feeder: None,
    }));
    (Coming(Arc::clone(&between)), Feed(between))
}

impl Coming {
    /// How much is not taken yet, in bytes.
    pub fn left(&self) -> u64 {
        let between = self.0.lock();
        between.left + between.part.as_ref().map_or(0, Part::size)
    }

    /// What is next; nothing at the body's end. With `piped` it may stay in the kernel.
    pub fn poll_part(
        &mut self,
        piped: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Part, CutOff>>> {
        let mut between = self.0.lock();
        if let Some(part) = between.part.take() {
            return Poll::Ready(Some(Ok(part)));
        }
        if between.left == 0 {
            return Poll::Ready(None);
        }
        if between.cut_off {
            return Poll::Ready(Some(Err(CutOff)));
        }
        between.wanted = Some(piped);
        keep(&mut between.taker, cx);
        wake(&mut between.feeder, cx);
        Poll::Pending
    }
}

impl Feed {
    /// What is asked for, if anything is.
    pub fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<Wanted> {
        let mut between = self.0.lock();
        // Also of an end that comes while the client is waited for.
        keep(&mut between.feeder, cx);
        let wanted = between.wanted.filter(|_| !between.is_over());
        let left = between.left;
        wanted.map_or(Poll::Pending, |piped| Poll::Ready(Wanted { left, piped }))
    }

    /// Gives what was asked for, or less.
    pub fn give(&self, part: Part, cx: &Context<'_>) {
        let mut between = self.0.lock();
        between.left = between.left.saturating_sub(part.size());
        between.part = Some(part);
        between.wanted = None;
        wake(&mut between.taker, cx);
    }

    /// Nothing more comes.
    pub fn cut_off(&self, cx: &Context<'_>) {
        let mut between = self.0.lock();
        between.cut_off = true;
        wake(&mut between.taker, cx);
    }

    /// Whether all of it has come out.
    pub fn is_through(&self) -> bool {
        let between = self.0.lock();
        between.left == 0 && between.part.is_none()
    }

    /// Whether nothing more will be asked for.
    pub fn is_over(&self) -> bool {
        self.0.lock().is_over()
    }
}

impl Between {
    const fn is_over(&self) -> bool {
        self.left == 0 || self.dropped || self.cut_off
    }
}

impl Part {
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Piped(pipe) => pipe.held() as u64,
        }
    }
}

/// Mostly both ends are one task's, which goes on by itself.
fn wake(other: &mut Option<Waker>, cx: &Context<'_>) {
    if let Some(waker) = other.take().filter(|waker| !waker.will_wake(cx.waker())) {
        waker.wake();
    }
}

fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

impl Drop for Feed {
    /// Who feeds it is gone: what has not come will not come.
    fn drop(&mut self) {
        let taker = {
            let mut between = self.0.lock();
            between.cut_off = true;
            between.taker.take()
        };
        if let Some(taker) = taker {
            taker.wake();
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let feeder = {
            let mut between = self.0.lock();
            between.dropped = true;
            between.part = None;
            between.feeder.take()
        };
        if let Some(feeder) = feeder {
            feeder.wake();
        }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        self.get_mut().poll_part(false, cx).map(|next| {
            next.map(|part| match part? {
                Part::Bytes(bytes) => Ok(Frame::data(bytes)),
                // Nobody asked for it.
                Part::Piped(_) => Err(CutOff),
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn task() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), woken.into())
    }

    fn text(polled: Poll<Option<Result<Part, CutOff>>>) -> Option<String> {
        match polled {
            Poll::Ready(Some(Ok(Part::Bytes(bytes)))) => {
                Some(String::from_utf8(bytes.to_vec()).unwrap())
            }
            _ => None,
        }
    }

    #[test]
    fn what_comes_is_asked_for_first_and_taken_in_order() {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut body, feed) = coming(Bytes::from_static(b"ab"), 3);
        assert_eq!(body.left(), 5);
        assert!(feed.poll_wanted(&mut cx).is_pending(), "nobody has asked");
        assert_eq!(text(body.poll_part(true, &mut cx)).unwrap(), "ab");
        assert!(feed.poll_wanted(&mut cx).is_pending(), "nobody has asked");
        assert!(body.poll_part(true, &mut cx).is_pending());
        let wanted = Wanted {
            left: 3,
            piped: true,
        };
        assert_eq!(feed.poll_wanted(&mut cx), Poll::Ready(wanted));
        feed.give(Part::Bytes(Bytes::from_static(b"c")), &cx);
        assert!(feed.poll_wanted(&mut cx).is_pending(), "one is there");
        assert_eq!(text(body.poll_part(false, &mut cx)).unwrap(), "c");
        assert!(body.poll_part(false, &mut cx).is_pending());
        feed.give(Part::Bytes(Bytes::from_static(b"de")), &cx);
        assert!(feed.is_over() && !feed.is_through() && !body.is_end_stream());
        assert_eq!(text(body.poll_part(false, &mut cx)).unwrap(), "de");
        assert!(feed.is_through() && body.is_end_stream());
        assert!(matches!(body.poll_part(false, &mut cx), Poll::Ready(None)));
    }

    #[test]
    fn a_client_that_leaves_cuts_its_body_off() {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut body, feed) = coming(Bytes::new(), 3);
        assert!(body.poll_part(false, &mut cx).is_pending());
        feed.cut_off(&cx);
        let cut = body.poll_part(false, &mut cx);
        assert!(matches!(cut, Poll::Ready(Some(Err(CutOff)))));
        assert!(feed.is_over() && !feed.is_through());
    }

    #[test]
    fn each_end_wakes_the_other_where_that_is_another_task() {
        let ((taker, at_taker), (feeder, at_feeder)) = (task(), task());
        let (mut taking, mut feeding) = (
            Context::from_waker(&at_taker),
            Context::from_waker(&at_feeder),
        );
        let (mut body, feed) = coming(Bytes::new(), 2);
        assert!(feed.poll_wanted(&mut feeding).is_pending());
        assert!(body.poll_part(false, &mut taking).is_pending());
        assert_eq!(feeder.0.load(Ordering::Relaxed), 1);
        feed.give(Part::Bytes(Bytes::from_static(b"a")), &feeding);
        assert_eq!(taker.0.load(Ordering::Relaxed), 1);
        assert!(feed.poll_wanted(&mut feeding).is_pending());
        drop(body);
        assert_eq!(feeder.0.load(Ordering::Relaxed), 2);
        assert!(feed.is_over());
        let (mut body, feed) = coming(Bytes::new(), 2);
        assert!(body.poll_part(false, &mut taking).is_pending());
        feed.give(Part::Bytes(Bytes::from_static(b"a")), &taking);
        assert_eq!(taker.0.load(Ordering::Relaxed), 1, "it goes on by itself");
        assert_eq!(text(body.poll_part(false, &mut taking)).unwrap(), "a");
        assert!(body.poll_part(false, &mut taking).is_pending());
        drop(feed);
        assert_eq!(taker.0.load(Ordering::Relaxed), 2);
        let cut = body.poll_part(false, &mut taking);
        assert!(matches!(cut, Poll::Ready(Some(Err(CutOff)))));
    }
}

//! The end of service, as connections hear of it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio_util::sync::CancellationToken;

/// Told to all connections at once. Looking at it costs a plain load: its lock, which cores share,
/// is taken once a connection and when the end comes.
#[derive(Debug, Default)]
pub struct Closing {
    has_come: AtomicBool,
    token: CancellationToken,
}

impl Closing {
    pub fn close(&self) {
        self.has_come.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// A connection's own end, which comes at the latest with everybody's.
    pub fn child_token(&self) -> CancellationToken {
        self.token.child_token()
    }

    /// Drives a connection to its end; `finish` is called on it once when service ends.
    pub async fn drive<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        finish: impl FnOnce(Pin<&mut C>),
    ) -> C::Output {
        let mut closed = std::pin::pin!(self.token.cancelled());
        let mut waits = false;
        let mut finish = Some(finish);
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                    return Poll::Ready(output);
                }
                if finish.is_none() || (waits && !self.has_come.load(Ordering::Acquire)) {
                    return Poll::Pending;
                }
                waits = true;
                if closed.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if let Some(finish) = finish.take() {
                    finish(connection.as_mut());
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_waiting_connection_is_told_once() {
        let closing = Arc::new(Closing::default());
        let ended = Arc::new(Notify::new());
        let driven = tokio::spawn({
            let (closing, ended) = (Arc::clone(&closing), Arc::clone(&ended));
            async move {
                let mut connection = std::pin::pin!(ended.notified());
                closing
                    .drive(connection.as_mut(), |_| ended.notify_one())
                    .await;
            }
        });
        tokio::task::yield_now().await;
        assert!(!driven.is_finished());
        closing.close();
        driven.await.unwrap();
    }
}

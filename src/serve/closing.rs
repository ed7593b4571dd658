//! The end of service, as connections hear of it: first that it is near, then that it has come.

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
    /// Of connections that can be told without breaking off what their clients are sending.
    near: CancellationToken,
}

impl Closing {
    /// The end is near. Who comes from now on has until the end itself, or until a first request.
    pub fn leave(&self) {
        self.near.cancel();
    }

    pub fn close(&self) {
        self.has_come.store(true, Ordering::Release);
        self.near.cancel();
        self.token.cancel();
    }

    /// The end of one connection that can be told early, which comes at the latest with everybody's.
    pub fn early_token(&self) -> CancellationToken {
        if self.near.is_cancelled() {
            self.token.child_token()
        } else {
            self.near.child_token()
        }
    }

    pub fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// Waits for the end of service, for one task.
    pub async fn comes(&self) {
        let mut closed = std::pin::pin!(self.token.cancelled());
        let mut waits = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut waits, true) && !self.has_come() {
                return Poll::Pending;
            }
            closed.as_mut().poll(cx)
        })
        .await;
    }

    /// Drives a connection to its end; `finish` is called on it once when service ends.
    pub async fn drive<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        finish: impl FnOnce(Pin<&mut C>),
    ) -> C::Output {
        let mut closed = std::pin::pin!(self.comes());
        let mut finish = Some(finish);
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                    return Poll::Ready(output);
                }
                if finish.is_none() || closed.as_mut().poll(cx).is_pending() {
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

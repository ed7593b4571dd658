//! A connection that carries whole MSYNC messages.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;

/// Messages from and to a gateway.
pub(crate) trait Link: Send {
    /// The next message; nothing at the end. Nothing is lost when the wait is given up.
    fn receive(&mut self) -> impl Future<Output = Result<Option<Bytes>, LinkError>> + Send;

    fn send(&mut self, message: Bytes) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Says farewell and waits, not for long, until the other side has closed as well.
    fn close(self, farewell: Farewell) -> impl Future<Output = ()> + Send;
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It was over.
    Normal,
    /// This data centre stops.
    GoingAway,
    /// The client may not go on.
    Policy,
}

/// A connection broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the WebSocket broke")]
    WebSocket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("a WebSocket message is not binary")]
    NotBinary,
    #[error("the connection broke")]
    Tcp(#[from] io::Error),
    #[error("the other side does not take what it is sent")]
    Stuck,
}

/// The longest message, either way.
pub(crate) const MESSAGE_MAX: usize = 1024 * 1024;
/// How long the other side may take to close.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

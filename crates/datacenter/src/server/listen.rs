//! Accepts connections and serves HTTP/1.1 on them.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::door::{self, Door};
use super::serve;
use crate::centre::{Centre, Stop};

/// Accepts until it is told to stop; each connection is a task of the tracker.
pub(crate) async fn accept(
    listener: TcpListener,
    centre: Arc<Centre>,
    stop: Stop,
    tracker: TaskTracker,
) {
    while let Some(accepted) = stop.soft.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                tracker.spawn(connection(stream, centre.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, centre: Arc<Centre>, stop: Stop) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't send small packets at once");
    }
    match &centre.door {
        Door::Secret(_) => speak_http(stream, centre.clone(), stop).await,
        Door::MutualTls { acceptor, gateway } => {
            let hands = door::shake_hands(acceptor, gateway, stream);
            match stop.soft.run_until_cancelled(hands).await {
                Some(Ok(stream)) => speak_http(stream, centre.clone(), stop).await,
                Some(Err(refused)) => tracing::warn!(
                    error = &refused as &dyn std::error::Error,
                    "connection refused"
                ),
                None => {}
            }
        }
    }
}

async fn speak_http(stream: impl AsyncRead + AsyncWrite + Unpin, centre: Arc<Centre>, stop: Stop) {
    let service = service_fn(move |request| {
        let centre = centre.clone();
        async move { Ok::<_, Infallible>(serve::serve(&centre, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.soft.cancelled() => {
            connection.as_mut().graceful_shutdown();
            stop.hard.run_until_cancelled(connection).await
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// How long a connection may be idle, or a head may take: longer than gateways keep idle connections.
const IDLE: Duration = Duration::from_secs(120);
/// Accepting fails when there are no descriptors left; trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

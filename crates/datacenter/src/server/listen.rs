//! Accepts connections of gateways and serves on them what the listener is for.

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
use crate::msync::{tcp, websocket};

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    Rest,
    WebSocket,
    Msync,
}

/// Accepts until it is told to stop; each connection is a task of the tracker.
pub(crate) async fn accept(
    plane: Plane,
    listener: TcpListener,
    centre: Arc<Centre>,
    stop: Stop,
    tracker: TaskTracker,
) {
    while let Some(accepted) = stop.soft.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => connect(plane, stream, &centre, &stop, &tracker),
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Of sessions only so many are held; one more is closed at once.
fn connect(
    plane: Plane,
    stream: TcpStream,
    centre: &Arc<Centre>,
    stop: &Stop,
    tracker: &TaskTracker,
) {
    let (centre, stop) = (centre.clone(), stop.clone());
    if plane == Plane::Rest {
        tracker.spawn(connection(plane, stream, centre, stop));
        return;
    }
    match centre.places.clone().try_acquire_owned() {
        Ok(place) => {
            tracker.spawn(async move {
                connection(plane, stream, centre, stop).await;
                drop(place);
            });
        }
        Err(_) => tracing::warn!("a session is refused: there are too many"),
    }
}

async fn connection(plane: Plane, stream: TcpStream, centre: Arc<Centre>, stop: Stop) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't send small packets at once");
    }
    match &centre.door {
        Door::Secret(_) => speak(plane, stream, centre.clone(), stop).await,
        Door::MutualTls { acceptors, gateway } => {
            let acceptor = match plane {
                Plane::Rest | Plane::WebSocket => &acceptors.http,
                Plane::Msync => &acceptors.plain,
            };
            let hands = door::shake_hands(acceptor, gateway, stream);
            match stop.soft.run_until_cancelled(hands).await {
                Some(Ok(stream)) => speak(plane, stream, centre.clone(), stop).await,
                Some(Err(refused)) => tracing::warn!(
                    error = &refused as &dyn std::error::Error,
                    "connection refused"
                ),
                None => {}
            }
        }
    }
}

async fn speak<S>(plane: Plane, stream: S, centre: Arc<Centre>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match plane {
        Plane::Rest => speak_http(stream, centre, stop).await,
        Plane::WebSocket => websocket::serve(stream, centre, stop).await,
        Plane::Msync => tcp::serve(stream, centre, stop).await,
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

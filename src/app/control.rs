//! The control plane's listeners: the admin API over TLS, and ops. They share nothing with traffic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::generation::Current;
use crate::admin::PeerAddr;
use crate::domain::Code;

/// Connections to one control listener at once.
const CONNECTIONS: usize = 512;

/// How long a connection may take for a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may take to end when service does.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long one connection may live in all: nothing here streams.
const LIFETIME: Duration = Duration::from_secs(300);

/// Hears of each handshake that is refused.
pub type Refused = Arc<dyn Fn(Code) + Send + Sync>;

/// A listener of the control plane.
pub struct Control {
    pub listener: TcpListener,
    pub door: Door,
    pub router: Router,
    pub refused: Refused,
    /// Of open connections; absent for ops.
    pub open: Option<IntGauge>,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl Control {
    /// Serves until stopped.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let served = Arc::new(Served {
            door: self.door,
            router: self.router,
            refused: self.refused,
            stop: self.stop.clone(),
        });
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let Ok((tcp, from)) = accepted else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let served = Arc::clone(&served);
            let open = self.open.clone();
            self.tasks.spawn(async move {
                open.as_ref().inspect(|gauge| gauge.inc());
                let _ = tokio::time::timeout(LIFETIME, served.connection(tcp, from)).await;
                open.as_ref().inspect(|gauge| gauge.dec());
                drop(place);
            });
        }
    }
}

/// How connections come in.
pub enum Door {
    /// Ops: without TLS.
    Plain,
    /// The admin API: with the TLS that the configuration has now.
    Admin(Arc<Current>),
}

struct Served {
    door: Door,
    router: Router,
    refused: Refused,
    stop: CancellationToken,
}

impl Served {
    async fn connection(&self, tcp: TcpStream, from: SocketAddr) {
        let edge = match &self.door {
            Door::Plain => return self.speak(tcp, from).await,
            Door::Admin(current) => current.generation().admin.clone(),
        };
        // Without its TLS it serves nobody.
        let Some(edge) = edge else { return };
        match edge.accept(tcp).await {
            Ok(tls) => self.speak(tls, from).await,
            Err(error) => {
                tracing::debug!(%error, "control: a handshake failed");
                if let Some(code) = error.code() {
                    (self.refused)(code);
                }
            }
        }
    }

    async fn speak<S>(&self, stream: S, from: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddr(from.ip()));
            let router = router.clone();
            async move {
                use tower_service::Service;
                let mut router = router;
                router.call(request.map(Body::new)).await
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(32 * 1024);
        builder.http2().max_header_list_size(32 * 1024);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                // A client that does not answer a GOAWAY must not hold up the end.
                let _ = tokio::time::timeout(FAREWELL, connection).await;
            }
        }
    }
}

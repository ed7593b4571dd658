//! The control plane's listeners: the admin API over TLS, and ops. They share nothing with traffic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// How long a connection may take for a head, and how long it may idle, up to twice that.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may take to end when service does.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long an idle connection may take to end: somebody may be slow to read its last answer.
const READING: Duration = Duration::from_secs(30);

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
        let uses = Arc::new(Uses::default());
        let counted = Arc::clone(&uses);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddr(from.ip()));
            let router = router.clone();
            // Until its answer is made; writing that has READING.
            let using = Using::new(&counted);
            async move {
                use tower_service::Service;
                let mut router = router;
                let answer = router.call(request.map(Body::new)).await;
                drop(using);
                answer
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
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => {}
            // Before the first bytes say which HTTP it is, and between requests of HTTP/2, nothing else would end it.
            () = uses.end() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    _ = tokio::time::timeout(READING, connection.as_mut()) => return,
                    () = self.stop.cancelled() => {}
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        // A client that does not answer a GOAWAY must not hold up the end.
        let _ = tokio::time::timeout(FAREWELL, connection).await;
    }
}

/// The requests of one connection.
#[derive(Default)]
struct Uses {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// One request, until its answer is made.
struct Using(Arc<Uses>);

impl Uses {
    /// Ends when no request was under way for [`PATIENCE`], or somewhat longer.
    async fn end(&self) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            let idles = before == self.ended.load(Ordering::Relaxed);
            tokio::time::sleep(PATIENCE).await;
            if idles && before == self.begun.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

impl Using {
    fn new(uses: &Arc<Uses>) -> Self {
        uses.begun.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(uses))
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    /// A control connection, and its client's end.
    fn served() -> (DuplexStream, JoinHandle<()>) {
        let (near, far) = duplex(1024);
        let slow = get(|| async {
            tokio::time::sleep(6 * PATIENCE).await;
            "slow"
        });
        let served = Served {
            door: Door::Plain,
            router: Router::new().route("/slow", slow),
            refused: Arc::new(|_| {}),
            stop: CancellationToken::new(),
        };
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        (
            far,
            tokio::spawn(async move { served.speak(near, from).await }),
        )
    }

    /// Control: `Uses::end`. As many silent connections as there are places would lock everybody else out.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_for_nothing_ends_soon() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for words in [&b""[..], b"PRI * HT", preface] {
            let (mut far, ended) = served();
            let began = Instant::now();
            far.write_all(words).await.unwrap();
            // HTTP/2 asks its client before it ends.
            let soon = 2 * PATIENCE + READING;
            let ended = tokio::time::timeout(LIFETIME, ended).await;
            assert!(ended.is_ok() && began.elapsed() <= soon, "{words:?}");
        }
    }

    /// Control: `Using`.
    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_waited_for() {
        let (mut far, ended) = served();
        far.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"),
            "{answer}"
        );
        ended.await.unwrap();
    }
}

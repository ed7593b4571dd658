//! One client's connection, from accept to close.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::answer::{Framing, write_head};
use super::closing::Closing;
use super::life::Life;
use super::proxy_protocol;
use super::served::Served;
use super::tls::Edge;
use super::watched::{Judged, TooSlow, Watched};
use super::whole::Plain;
use super::worker::Setting;
use crate::call::{CallBody, Peer, Unread};
use crate::domain::{Code, Transport};
use crate::gateway::{Client, ForwardedFor, Gateway, Refusal, Shared};
use crate::observe::{Plane, RequestId};
use crate::pace::Pacer;
use crate::pipe::Bare;
use crate::session::{self, Arrival, Sessions};
use crate::zone::Stream;

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// REST, WebSocket and discovery.
    Https,
    /// The same without TLS.
    Http,
    /// MSYNC over TLS, without anything around it.
    Msync,
}

/// What a gateway's setting is on one core.
pub struct Rooms {
    pub gateway: Arc<Gateway>,
    /// Takes what turns out to be an SDK session.
    pub sessions: Arc<Sessions>,
    pub setting: Arc<Setting>,
}

/// What a listener's connections have in common, for one core.
pub struct Door {
    /// Looked up for each connection and each request: it may be switched for another at any time.
    pub rooms: Arc<ArcSwap<Rooms>>,
    pub speech: Speech,
    pub admission: Arc<Admission>,
    pub pacer: Arc<Pacer>,
    pub tasks: TaskTracker,
    /// Ends idle connections, and others after their answers.
    pub closing: Arc<Closing>,
}

/// Read and write buffers: large, so that large bodies cost half as much.
const BUFFER: usize = 256 * 1024;

/// Header fields that hyper takes by itself.
const HYPER_HEADERS: usize = 100;

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 200;

impl Door {
    /// Serves one connection to its end.
    pub async fn serve(self: Arc<Self>, mut tcp: TcpStream, from: SocketAddr) {
        let rooms = self.rooms.load_full();
        let limits = &rooms.shared().limits;
        let Some(place) = self.admission.connection(limits) else {
            self.count(Code::RateLimited);
            return;
        };
        let trusted = rooms.trusts(from.ip());
        let entering = tokio::time::timeout(limits.tls_handshake, address(&mut tcp, from, trusted));
        let Ok(Some(address)) = entering.await else {
            self.count(Code::BadRequest);
            return;
        };
        let Some(address_place) = self.admission.address(address, limits) else {
            self.count(Code::RateLimited);
            return;
        };
        let _ = tcp.set_nodelay(true);
        let peer = Peer::new(address, trusted);
        let open = Open::new(&rooms.gateway, self.speech.plane());
        // It may live long, and what it is served by then is looked up anew.
        drop(rooms);
        let Some(passage) = self.speak(tcp, peer.clone()).await else {
            return;
        };
        drop(open);
        let rooms = self.rooms.load_full();
        let open = Open::new(&rooms.gateway, session::plane(passage.transport));
        let peer = match passage.before {
            Some(ForwardedFor(before)) => peer.coming_from(&before),
            None => peer,
        };
        rooms.sessions.take(Arrival {
            transport: passage.transport,
            stream: passage.stream,
            read: passage.read,
            peer,
            held: Box::new((place, address_place, open)),
        });
    }

    fn count(&self, code: Code) {
        let plane = self.speech.plane();
        self.rooms.load().shared().metrics.refused(plane, code);
    }

    /// Serves HTTP to its end, or gives back what is to be a session.
    async fn speak(self: &Arc<Self>, tcp: TcpStream, peer: Peer) -> Option<Passage> {
        if self.speech == Speech::Http {
            return self.http1(tcp, peer).await;
        }
        // Without its TLS a port serves nobody.
        let edge = self.edge()?;
        let tls = self.handshake(&edge, tcp).await?;
        drop(edge);
        match self.speech {
            Speech::Msync => Some(Passage {
                transport: Transport::Msync,
                before: None,
                stream: tls.into(),
                read: Bytes::new(),
            }),
            _ if tls.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.http2(tls, peer).await;
                None
            }
            _ => self.http1(tls, peer).await,
        }
    }

    /// The TLS of this port, as it is now.
    fn edge(&self) -> Option<Arc<Edge>> {
        let setting = &self.rooms.load().setting;
        match self.speech {
            Speech::Http => None,
            Speech::Https => setting.https.clone(),
            Speech::Msync => setting.msync.clone(),
        }
    }

    async fn handshake(&self, edge: &Edge, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let error = match edge.accept(tcp).await {
            Ok(tls) => return Some(tls),
            Err(error) => error,
        };
        tracing::debug!(%error, "a TLS handshake failed");
        if let Some(code) = error.code() {
            self.count(code);
            if code.is_residency() {
                let rooms = self.rooms.load();
                rooms.shared().audit.refused(code.as_str(), None);
            }
        }
        None
    }

    async fn http1<S>(self: &Arc<Self>, stream: S, peer: Peer) -> Option<Passage>
    where
        S: AsyncRead + AsyncWrite + Bare + Into<Stream> + Send + Unpin + 'static,
    {
        let (life, builder, most) = self.http1_limits();
        let mut io = Watched::http1(stream, Arc::clone(&life), self.too_slow());
        let client = client(peer);
        let plain = Plain {
            door: self,
            io: &mut io,
            life: &life,
            client: &client,
            most,
            read: BytesMut::new(),
            upload: None,
        };
        let rest = plain.serve().await?;
        io.read_again(rest);
        let service = self.service(&life, client, None);
        let mut connection = builder.serve_connection(TokioIo::new(io), service);
        let ended = self
            .closing
            .drive(
                Pin::new(&mut connection),
                http1::Connection::graceful_shutdown,
            )
            .await;
        if let Err(error) = ended {
            self.broken(&error);
            return None;
        }
        let before = life.upgraded()?.clone();
        let parts = connection.into_parts();
        let (stream, ahead) = parts.io.into_inner().into_parts();
        Some(Passage {
            transport: Transport::Websocket,
            before,
            stream: stream.into(),
            read: joined(parts.read_buf, ahead),
        })
    }

    /// A connection's own limits are those of its beginning.
    fn http1_limits(&self) -> (Arc<Life>, http1::Builder, usize) {
        let rooms = self.rooms.load();
        let limits = &rooms.shared().limits;
        let mut builder = http1::Builder::new();
        builder.max_header_size(limits.head).max_buf_size(BUFFER);
        if limits.headers != HYPER_HEADERS {
            // Set, the number costs an allocation a request.
            builder.max_headers(limits.headers);
        }
        let life = Life::of_http1(self.pacer.deadline(), limits);
        (life, builder, limits.head)
    }

    async fn http2<S>(self: &Arc<Self>, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (life, head, patience) = {
            let rooms = self.rooms.load();
            let limits = &rooms.shared().limits;
            let life = Life::of_http2(self.pacer.deadline(), limits);
            (life, limits.head, limits.drain_grace + limits.drain)
        };
        let closing = self.closing.early_token();
        let io = Watched::http2(stream, Arc::clone(&life), self.judged(closing.clone()));
        let service = self.service(&life, client(peer), Some(closing.clone()));
        // Boxed: a stream's task is moved several times before it runs.
        let service = service_fn(move |request| Box::pin(service.call(request)));
        let connection = http2::Builder::new(Tracked(self.tasks.clone()))
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .max_send_buf_size(BUFFER)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = closing.cancelled() => {
                // The client may take its time to go; what it has under way ends in time.
                connection.as_mut().graceful_shutdown();
                let left = tokio::time::timeout(patience, connection).await;
                left.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            self.broken(&error);
        }
    }

    /// `closing` ends a connection whose end is told beside its answers, as HTTP/2 does.
    fn service(
        self: &Arc<Self>,
        life: &Arc<Life>,
        client: Arc<Client>,
        closing: Option<CancellationToken>,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Served>,
        Error = Infallible,
        Future = impl Future<Output = Result<Response<Served>, Infallible>> + Send + use<>,
    > + use<> {
        let (rooms, life) = (Arc::clone(&self.rooms), Arc::clone(life));
        service_fn(move |request| {
            let busy = life.busy();
            let gateway = Arc::clone(&rooms.load().gateway);
            if let Some(closing) = closing.as_ref().filter(|_| gateway.shared().is_leaving()) {
                closing.cancel();
            }
            let begun = gateway.begin(request.map(|body| unread(body, &life)), &client);
            let client = Arc::clone(&client);
            let is_http1 = closing.is_none();
            async move {
                let mut response = gateway.answer(begun, &client).await;
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    busy.life().upgrade(response.extensions_mut().remove());
                } else if is_http1 && gateway.shared().is_leaving() {
                    // Its client's next request is for another gateway.
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok(response.map(|reply| Served::new(reply, busy)))
            }
        })
    }

    /// hyper answered by itself, or gave up. Its answer stands; it is counted under its code.
    fn broken(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.count(Code::HeadersTooLarge);
        } else if error.is_parse() {
            self.count(Code::BadRequest);
        } else {
            tracing::debug!(%error, "a client's connection ended early");
        }
    }

    /// What h2 answers by itself stands as well; it is counted, and the connection ends.
    fn judged(self: &Arc<Self>, closing: CancellationToken) -> Judged {
        let door = Arc::clone(self);
        Box::new(move |verdict| {
            if closing.is_cancelled() {
                return;
            }
            door.count(verdict.code);
            if verdict.leaves {
                closing.cancel();
            }
        })
    }

    /// The last words for a head that took too long.
    fn too_slow(self: &Arc<Self>) -> TooSlow {
        let door = Arc::clone(self);
        Box::new(move || {
            door.count(Code::TooSlow);
            door.too_slow_words()
        })
    }

    fn too_slow_words(&self) -> Bytes {
        let rooms = self.rooms.load();
        let shared = rooms.shared();
        let (head, body) = Refusal {
            code: Code::TooSlow,
            id: RequestId::fresh(),
            here: &shared.region,
            home: None,
            tells_homes: true,
            now: shared.clock.unix_millis(),
            closes: true,
        }
        .response()
        .into_parts();
        let mut words = Vec::new();
        let framing = Framing::Exact(body.len() as u64);
        write_head(&mut words, &head, framing, false, &*shared.clock);
        words.extend_from_slice(&body);
        words.into()
    }
}

impl Rooms {
    fn shared(&self) -> &Shared {
        self.gateway.shared()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut ranges = self.setting.trusted_proxies.iter();
        ranges.any(|range| range.contains(&address))
    }
}

/// The client's address: a trusted proxy may give another than its own.
async fn address(tcp: &mut TcpStream, from: SocketAddr, trusted: bool) -> Option<IpAddr> {
    if !trusted {
        return Some(from.ip());
    }
    let given = proxy_protocol::read(tcp).await.ok()?;
    Some(given.unwrap_or(from.ip()))
}

fn client(peer: Peer) -> Arc<Client> {
    Arc::new(Client {
        peer,
        plane: Plane::Rest,
    })
}

/// An upload may go on behind its answer, and its connection is busy until then.
fn unread(body: Incoming, life: &Arc<Life>) -> CallBody {
    CallBody::Unread(Unread::new(body, || Box::new(life.busy())))
}

fn joined(a: Bytes, b: Bytes) -> Bytes {
    if b.is_empty() {
        return a;
    }
    [a, b].concat().into()
}

/// A connection that is to be a session.
struct Passage {
    transport: Transport,
    before: Option<ForwardedFor>,
    stream: Stream,
    /// What came behind its part of the handshake.
    read: Bytes,
}

impl Speech {
    const fn plane(self) -> Plane {
        match self {
            Self::Https | Self::Http => Plane::Rest,
            Self::Msync => Plane::Msync,
        }
    }
}

/// One connection more in the gauge of its plane, while it lives.
struct Open(IntGauge);

impl Open {
    fn new(gateway: &Gateway, plane: Plane) -> Self {
        let gauge = gateway.shared().metrics.connections_of(plane);
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Spawns the streams of an HTTP/2 connection where they are counted.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

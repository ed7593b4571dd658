//! A running data centre.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::blobs::Blobs;
use crate::live::Sessions;
use crate::reseal;
use crate::retention::{self, Retention};
use crate::server::door::Door;
use crate::server::listen::{self, Plane};
use crate::server::tls::{self, TlsError};
use crate::settings::{Clock, GatewayAuth, Settings};
use crate::store::{OpenError, Store};

/// A running data centre. Dropping it cuts its connections; [`DataCentre::shutdown`] lets requests end.
pub struct DataCentre {
    rest_addr: SocketAddr,
    websocket_addr: Option<SocketAddr>,
    msync_addr: Option<SocketAddr>,
    stop: Stop,
    tracker: TaskTracker,
}

/// A data centre that can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("a shared secret is only for loopback addresses, and {0} is none")]
    NotLoopback(SocketAddr),
    #[error("the shared secret is empty")]
    EmptySecret,
    #[error("can't use the TLS files")]
    Tls(#[from] TlsError),
    #[error("can't open the store")]
    Store(#[from] OpenError),
    #[error("can't open the folder of uploaded files")]
    Files(#[source] io::Error),
    #[error("can't listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
}

/// How tasks are told to end: first softly, after what is in flight; then at once.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    pub(crate) soft: CancellationToken,
    pub(crate) hard: CancellationToken,
}

/// What every request needs.
pub(crate) struct Centre {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) door: Door,
    pub(crate) zone: String,
    pub(crate) sessions: Sessions,
    /// Held from the transaction that stores something sent until it is in the mailboxes: so it is in
    /// all of them in the order of the ids, and an acknowledgement never passes over anything.
    pub(crate) posting: Mutex<()>,
    /// Held from the transaction that stores or removes what is known of a file until its content has
    /// its name, or is gone.
    pub(crate) filing: Mutex<()>,
    pub(crate) retention: Retention,
    /// Held by an erasure: one at a time.
    pub(crate) erasing: Mutex<()>,
    /// For what goes on when nobody waits for it any more.
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: Stop,
    /// How long somebody may be away and stay in their rooms.
    pub(crate) away: Duration,
    /// Room for sessions.
    pub(crate) places: Arc<Semaphore>,
    /// `https://127.0.0.1:8443`: the base of absolute URIs when the gateway names no other.
    pub(crate) origin: String,
}

impl DataCentre {
    /// Opens the store and listens. The listeners accept when this returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(settings: Settings) -> Result<DataCentre, StartError> {
        let door = door(&settings)?;
        let (rest, rest_addr) = listen(settings.rest).await?;
        let (websocket, websocket_addr) = listen_if(settings.websocket).await?;
        let (msync, msync_addr) = listen_if(settings.msync).await?;
        let (tracker, stop) = (TaskTracker::new(), Stop::default());
        let every = settings.sweep_every;
        let centre = Arc::new(open(settings, door, rest_addr, &tracker, &stop)?);
        retention::note(&centre).await;
        let listeners = [
            (Plane::Rest, Some(rest)),
            (Plane::WebSocket, websocket),
            (Plane::Msync, msync),
        ];
        for (plane, listener) in listeners {
            let Some(listener) = listener else { continue };
            let (centre, stop) = (centre.clone(), stop.clone());
            tracker.spawn(listen::accept(
                plane,
                listener,
                centre,
                stop,
                tracker.clone(),
            ));
        }
        tracker.spawn(reseal::reseal(centre.clone(), every, stop.clone()));
        tracker.spawn(retention::sweep_again_and_again(
            centre,
            every,
            stop.clone(),
        ));
        Ok(DataCentre {
            rest_addr,
            websocket_addr,
            msync_addr,
            stop,
            tracker,
        })
    }

    /// Where REST listens.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest_addr
    }

    /// Where MSYNC over WebSocket listens.
    pub fn websocket_addr(&self) -> Option<SocketAddr> {
        self.websocket_addr
    }

    /// Where MSYNC over TCP listens.
    pub fn msync_addr(&self) -> Option<SocketAddr> {
        self.msync_addr
    }

    /// Stops accepting, closes sessions (WebSocket 1001), lets requests in flight end for a few seconds,
    /// cuts the rest, closes the store.
    pub async fn shutdown(self) {
        self.tracker.close();
        self.stop.soft.cancel();
        if timeout(GRACE, self.tracker.wait()).await.is_err() {
            self.stop.hard.cancel();
            self.tracker.wait().await;
        }
    }
}

impl Drop for DataCentre {
    fn drop(&mut self) {
        self.stop.soft.cancel();
        self.stop.hard.cancel();
    }
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(addr, error);
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn listen_if(
    addr: Option<SocketAddr>,
) -> Result<(Option<TcpListener>, Option<SocketAddr>), StartError> {
    let Some(addr) = addr else {
        return Ok((None, None));
    };
    let (listener, bound) = listen(addr).await?;
    Ok((Some(listener), Some(bound)))
}

fn door(settings: &Settings) -> Result<Door, StartError> {
    match &settings.auth {
        GatewayAuth::Secret(secret) => {
            let all = [Some(settings.rest), settings.websocket, settings.msync];
            let mut all = all.into_iter().flatten();
            if let Some(open) = all.find(|addr| !addr.ip().is_loopback()) {
                return Err(StartError::NotLoopback(open));
            }
            if secret.is_empty() {
                return Err(StartError::EmptySecret);
            }
            Ok(Door::secret(secret))
        }
        GatewayAuth::MutualTls {
            ca,
            certificate,
            key,
        } => {
            let tls = tls::acceptors(ca, certificate, key)?;
            Ok(Door::mutual_tls(tls, &settings.region))
        }
    }
}

fn open(
    settings: Settings,
    door: Door,
    addr: SocketAddr,
    tracker: &TaskTracker,
    stop: &Stop,
) -> Result<Centre, StartError> {
    let file = settings.data.join(format!("{}.redb", settings.zone));
    let store = Store::open(&file, &settings.keys, tracker.clone())?;
    let files = settings.data.join("files");
    let blobs = Blobs::open(files, &settings.zone, store.cipher()).map_err(StartError::Files)?;
    Ok(Centre {
        store,
        blobs,
        clock: settings.clock,
        zone: settings.zone,
        sessions: Sessions::default(),
        posting: Mutex::new(()),
        filing: Mutex::new(()),
        retention: Retention::default(),
        erasing: Mutex::new(()),
        tracker: tracker.clone(),
        stop: stop.clone(),
        away: settings.away,
        places: Arc::new(Semaphore::new(SESSIONS_MAX)),
        origin: format!("{}://{addr}", door.scheme()),
        door,
    })
}

/// Sessions at a time.
const SESSIONS_MAX: usize = 10_000;
/// How long requests in flight may take to end.
const GRACE: Duration = Duration::from_secs(5);

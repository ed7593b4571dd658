//! A running data centre.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::blobs::Blobs;
use crate::server::door::Door;
use crate::server::listen;
use crate::server::tls::{self, TlsError};
use crate::settings::{Clock, GatewayAuth, Settings};
use crate::store::cipher::{Cipher, Clear};
use crate::store::{OpenError, Store};

/// A running data centre. Dropping it cuts its connections; [`DataCentre::shutdown`] lets requests end.
pub struct DataCentre {
    rest_addr: SocketAddr,
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
    /// `https://127.0.0.1:8443`: the base of absolute URIs when the gateway names no other.
    pub(crate) origin: String,
}

impl DataCentre {
    /// Opens the store and listens. The listener accepts when this returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(settings: Settings) -> Result<DataCentre, StartError> {
        let door = door(&settings)?;
        let listener = TcpListener::bind(settings.rest).await;
        let listener = listener.map_err(|e| StartError::Listen(settings.rest, e))?;
        let rest_addr = listener
            .local_addr()
            .map_err(|e| StartError::Listen(settings.rest, e))?;
        let (tracker, stop) = (TaskTracker::new(), Stop::default());
        let centre = Arc::new(open(settings, door, rest_addr, &tracker)?);
        tracker.spawn(listen::accept(
            listener,
            centre,
            stop.clone(),
            tracker.clone(),
        ));
        Ok(DataCentre {
            rest_addr,
            stop,
            tracker,
        })
    }

    /// Where REST listens.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest_addr
    }

    /// Stops accepting, lets requests in flight end for a few seconds, cuts the rest, closes the store.
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

fn door(settings: &Settings) -> Result<Door, StartError> {
    match &settings.auth {
        GatewayAuth::Secret(_) if !settings.rest.ip().is_loopback() => {
            Err(StartError::NotLoopback(settings.rest))
        }
        GatewayAuth::Secret(secret) if secret.is_empty() => Err(StartError::EmptySecret),
        GatewayAuth::Secret(secret) => Ok(Door::secret(secret)),
        GatewayAuth::MutualTls {
            ca,
            certificate,
            key,
        } => {
            let tls = tls::acceptor(ca, certificate, key)?;
            Ok(Door::mutual_tls(tls, &settings.region))
        }
    }
}

fn open(
    settings: Settings,
    door: Door,
    addr: SocketAddr,
    tracker: &TaskTracker,
) -> Result<Centre, StartError> {
    let cipher: Arc<dyn Cipher> = Arc::new(Clear);
    let file = settings.data.join(format!("{}.redb", settings.zone));
    let store = Store::open(&file, cipher.clone(), tracker.clone())?;
    let files = settings.data.join("files");
    let blobs = Blobs::open(files, &settings.zone, cipher).map_err(StartError::Files)?;
    Ok(Centre {
        store,
        blobs,
        clock: settings.clock,
        origin: format!("{}://{addr}", door.scheme()),
        door,
    })
}

/// How long requests in flight may take to end.
const GRACE: Duration = Duration::from_secs(5);

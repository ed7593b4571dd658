//! The composition root: from configurations to running gateways.

mod client_tls;
mod control;
mod counted;
mod edges;
mod generation;
mod home;
mod keys;
mod ops;
mod owner;
mod probe;
mod reload;
mod renewal;
mod retention;
mod start;
mod tracing;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Limits};
use crate::domain::{Clock, RegionId, SystemClock};
use crate::registry::Store;
use crate::serve::Cores;

pub use client_tls::{ClientTlsError, roots};
pub use generation::{Current, Generation, Lasting};
pub use reload::ReloadError;
pub use renewal::Watched;
pub use retention::{EvidenceError, audit_sweeps};
pub use start::{Addresses, Running};

/// How to run, besides what the configurations say.
pub struct Options {
    /// Threads that serve traffic.
    pub cores: usize,
    /// Refuse to start without a registry anchor.
    pub require_anchor: bool,
    pub clock: Arc<dyn Clock>,
    /// The registry's store in place of the one that the configurations name.
    pub store: Option<Arc<dyn Store>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            require_anchor: false,
            clock: Arc::new(SystemClock),
            store: None,
        }
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot use the data folder {0}")]
    DataDir(PathBuf, #[source] std::io::Error),
    #[error("the configuration's region is not in its catalogue")]
    NoRegion,
    #[error("the way to etcd cannot be set up")]
    Etcd(#[from] crate::registry::EtcdSetupError),
    #[error("the pin key file is empty")]
    NoPinKey,
    #[error("a TLS listener needs a certificate")]
    NoCertificate,
    #[error(transparent)]
    Key(#[from] crate::config::KeyFileError),
    #[error("the region's keys cannot be used")]
    Keys(#[from] crate::registry::BadKeys),
    #[error(transparent)]
    Store(#[from] crate::registry::EmbeddedError),
    #[error(transparent)]
    Regions(#[from] crate::registry::Unavailable),
    #[error(transparent)]
    Registry(#[from] crate::registry::OpenError),
    #[error("cannot make this gateway's id")]
    GatewayId(#[source] std::io::Error),
    #[error(transparent)]
    Audit(#[from] crate::audit::OpenError),
    #[error("the audit log does not take an entry")]
    AuditEntry(#[from] crate::audit::AuditError),
    #[error(transparent)]
    Owner(#[from] crate::admin::AdoptError),
    #[error(transparent)]
    Homes(#[from] crate::zone::HomesError),
    #[error(transparent)]
    ClientTls(#[from] ClientTlsError),
    #[error("probe.ca cannot be used")]
    ProbeTls(#[source] ClientTlsError),
    #[error(transparent)]
    Prober(#[from] crate::probe::DiallerError),
    #[error("tracing.otlp.tls cannot be used")]
    CollectorTls(#[source] ClientTlsError),
    #[error("tracing.otlp.endpoint has no name that a certificate can carry")]
    CollectorName,
    #[error("tls.admin_client_ca cannot be used")]
    AdminClients(#[source] ClientTlsError),
    #[error(transparent)]
    Certificate(#[from] crate::config::CertificateFault),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error(transparent)]
    Listen(#[from] crate::serve::ListenError),
    #[error("cannot start the cores")]
    Cores(#[source] std::io::Error),
}

/// One process: its gateways, the cores that serve them, and their control plane.
pub struct App {
    gateways: Vec<Running>,
    cores: Cores,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl App {
    /// Starts all gateways, or none.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(configs: Vec<Config>, options: Options) -> Result<Self, StartError> {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let mut stores = start::Stores::default();
        let (mut gateways, mut listening) = (Vec::new(), Vec::new());
        for config in configs {
            let made = start::start(config, &options, &mut stores, &tasks, &stop).await?;
            gateways.push(made.running);
            listening.push(made.listening);
        }
        let cores = Cores::start(options.cores, listening).map_err(StartError::Cores)?;
        for gateway in &gateways {
            gateway.ops.listening.store(true, Ordering::Relaxed);
        }
        guard.disarm();
        Ok(Self {
            gateways,
            cores,
            tasks,
            stop,
        })
    }

    pub fn gateways(&self) -> &[Running] {
        &self.gateways
    }

    pub fn gateway(&self, region: &RegionId) -> Option<&Running> {
        self.gateways.iter().find(|g| g.region == *region)
    }

    /// Drains and ends: unready and parting with clients for the grace time, then what is in
    /// flight, within its limit.
    pub async fn shutdown(self) {
        let longest = |span: fn(&Limits) -> Duration| {
            let gateways = self.gateways.iter();
            let spans = gateways.map(|g| span(&g.current.shared().limits));
            spans.max().unwrap_or_default()
        };
        let (grace, limit) = (longest(|l| l.drain_grace), longest(|l| l.drain));
        for gateway in &self.gateways {
            gateway.shared().leave();
        }
        self.cores.leave();
        tokio::time::sleep(grace).await;
        for gateway in &self.gateways {
            gateway.shared().drain();
        }
        self.cores.drain(limit).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        for gateway in self.gateways {
            let audit = Arc::clone(&gateway.lasting.audit);
            drop(gateway);
            // Writes what was counted; blocks for a moment.
            let _ = tokio::task::spawn_blocking(move || audit.close()).await;
        }
    }
}

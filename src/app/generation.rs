//! What one configuration makes of a gateway, and its replacement by another while it serves.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::StartError;
use super::edges::Edges;
use super::ops::Expiry;
use super::probe;
use super::renewal::Renewal;
use super::tracing::{self, Exporting};
use crate::audit::AuditLog;
use crate::config::{self, Config};
use crate::domain::Clock;
use crate::gateway::{Departure, Parts, Shared};
use crate::observe::{Metrics, Tracer};
use crate::registry::Registry;
use crate::serve::{Edge, Setting};
use crate::zone::{Homes, References};

/// What stays whatever the configuration becomes.
pub struct Lasting {
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub audit: Arc<AuditLog>,
    pub registry: Arc<Registry>,
    pub departure: Arc<Departure>,
}

/// What one configuration makes of a gateway.
pub struct Generation {
    pub config: Config,
    pub setting: Arc<Setting>,
    pub admin: Option<Arc<Edge>>,
    pub expiry: Expiry,
    stop: CancellationToken,
    _stops: DropGuard,
}

/// The generation that serves now.
pub struct Current(ArcSwap<Generation>);

impl Generation {
    /// Reads all files that the configuration names; its tasks run until it is dropped.
    ///
    /// # Errors
    /// When something in it cannot be used.
    pub fn new(
        config: Config,
        lasting: &Lasting,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Result<Self, StartError> {
        let renewal = Renewal::start(&config.tls, &config.zones, Arc::clone(&lasting.clock))?;
        let edges = Edges::new(&config, renewal.certificates(), &lasting.clock)?;
        let tracing = tracing::of(&config, lasting)?;
        let shared = share(&config, lasting, &renewal, tracing.tracer)?;
        let probing = probe::of(&config, &shared)?;
        let stop = stop.child_token();
        let generation = Self {
            expiry: Expiry::new(&edges, &renewal),
            setting: Arc::new(Setting {
                shared,
                https: edges.https,
                msync: edges.msync,
                trusted_proxies: config.listen.trusted_proxies.clone(),
            }),
            admin: edges.admin,
            config,
            _stops: stop.clone().drop_guard(),
            stop,
        };
        generation.look_after(renewal, tasks);
        generation.spawn(probing, tasks);
        generation.export(tracing.exporting, tasks);
        Ok(generation)
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.setting.shared
    }

    fn look_after(&self, renewal: Renewal, tasks: &TaskTracker) {
        let metrics = Arc::clone(&self.shared().metrics);
        let shared = Arc::clone(self.shared());
        let watching = async move {
            tokio::join!(renewal.run(metrics), shared.homes.probe());
        };
        self.spawn(watching, tasks);
    }

    /// It has last words of its own when another generation takes its place.
    fn export(&self, exporting: Option<Exporting>, tasks: &TaskTracker) {
        if let Some(exporting) = exporting {
            tasks.spawn(exporting(self.stop.clone()));
        }
    }

    /// Until another generation takes its place.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static, tasks: &TaskTracker) {
        let stop = self.stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }
}

impl Current {
    pub fn new(generation: Generation) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(generation)))
    }

    pub fn generation(&self) -> Arc<Generation> {
        self.0.load_full()
    }

    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(self.0.load().shared())
    }

    pub(super) fn replace(&self, generation: Arc<Generation>) {
        self.0.store(generation);
    }
}

fn share(
    config: &Config,
    lasting: &Lasting,
    renewal: &Renewal,
    tracer: Option<Arc<Tracer>>,
) -> Result<Arc<Shared>, StartError> {
    let here = config.catalogue.region(&config.region);
    let parts = Parts {
        homes: homes(config, &lasting.metrics, renewal)?,
        references: References::new(here.ok_or(StartError::NoRegion)?),
        clock: Arc::clone(&lasting.clock),
        audit: Arc::clone(&lasting.audit),
        registry: Arc::clone(&lasting.registry),
        metrics: Arc::clone(&lasting.metrics),
        departure: Arc::clone(&lasting.departure),
        tracer,
    };
    Ok(Arc::new(Shared::new(config, parts)))
}

fn homes(config: &Config, metrics: &Arc<Metrics>, renewal: &Renewal) -> Result<Homes, StartError> {
    let secured = |zone: &config::ZoneConfig| {
        let mut all = renewal.secured();
        let found = all.find(|(id, _)| **id == zone.id);
        found.map(|(_, secured)| Arc::clone(secured))
    };
    let (zones, limits) = (&config.zones, &config.limits);
    Ok(Homes::new(zones, limits, metrics, secured)?)
}

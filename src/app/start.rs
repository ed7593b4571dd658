//! One gateway from its configuration, in dependency order.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use prometheus::IntGauge;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::control::{Control, Refused};
use super::counted::counted;
use super::edges::Edges;
use super::home::HomeEraser;
use super::ops::{self, Expiry, Ops};
use super::owner::{self, Adoption};
use super::renewal::Renewal;
use super::retention::audit_sweeps;
use super::{Options, StartError};
use crate::admin::{self, AdminEvents, AdminState, TokenRules, ZoneHealth};
use crate::audit::{self, AuditLog};
use crate::config::{self, Config, KeyFile, PinSigningKey, RegistryStore, SealKey};
use crate::domain::{Clock, Code, RegionId, ZoneId};
use crate::gateway::{Parts, Shared};
use crate::observe::{Metrics, Plane};
use crate::registry::{self, EmbeddedStore, Registry, Store, SystemRandomness};
use crate::serve::{Admission, Edge, Listening, Port, Sockets, Speech};
use crate::zone::{Homes, References};

/// A running gateway, as far as the process must know it.
pub struct Running {
    pub region: RegionId,
    pub shared: Arc<Shared>,
    pub ops: Arc<Ops>,
    pub addresses: Addresses,
    pub drain_grace: Duration,
    pub drain: Duration,
}

/// Where a gateway listens, with the ports that the system picked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Addresses {
    pub https: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
    pub msync: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    pub ops: Option<SocketAddr>,
}

/// Registry files that are open in this process: gateways that name the same one share it.
#[derive(Default)]
pub struct Stores(HashMap<PathBuf, Arc<EmbeddedStore>>);

impl Stores {
    async fn open(&mut self, config: &Config) -> Result<Arc<dyn Store>, StartError> {
        let RegistryStore::Embedded { path } = &config.registry.store else {
            return Err(StartError::EtcdNotYet);
        };
        let path = &one_spelling(path);
        if let Some(store) = self.0.get(path) {
            return Ok(Arc::clone(store) as Arc<dyn Store>);
        }
        let store = EmbeddedStore::open(path)?;
        registry::ensure_regions(&*store, &config.catalogue).await?;
        self.0.insert(path.clone(), Arc::clone(&store));
        Ok(store)
    }
}

async fn given(store: &Arc<dyn Store>, config: &Config) -> Result<Arc<dyn Store>, StartError> {
    registry::ensure_regions(&**store, &config.catalogue).await?;
    Ok(Arc::clone(store))
}

/// The file's path without `..` and links, as far as its folder is there.
fn one_spelling(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// What is made on the way to a running gateway.
pub struct Made {
    pub running: Running,
    pub listening: Listening,
}

/// Opens everything a gateway needs, listens, and starts its control plane.
///
/// # Errors
/// At the first part that does not play along. Nothing listens then that is not dropped again.
pub async fn start(
    config: Config,
    options: &Options,
    stores: &mut Stores,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Made, StartError> {
    let clock = Arc::clone(&options.clock);
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|e| StartError::DataDir(config.data_dir.clone(), e))?;
    let registry = open_registry(&config, options, stores).await?;
    let audit = open_audit(&config, &registry, &clock).await?;
    let owner = config.data_dir.join("owner.json");
    let adoption = owner::adopt(&registry, &audit, &owner).await?;
    let renewal = Renewal::start(&config.tls, &config.zones, Arc::clone(&clock))?;
    let shared = share(&config, registry, audit, clock, &renewal)?;
    let edges = Edges::new(&config, renewal.certificates())?;
    let (listening, mut addresses) = listen(&config, options, &shared, &edges)?;
    let ops = Arc::new(Ops {
        shared: Arc::clone(&shared),
        expiry: Expiry::new(&edges, &renewal),
        listening: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
    });
    control(
        &config,
        &shared,
        &ops,
        &edges,
        &mut addresses,
        (tasks, stop),
    )
    .await?;
    background(&shared, tasks, stop);
    if let Adoption::Later = adoption {
        let adopting = owner::adopt_later(Arc::clone(&shared), owner);
        until_stopped(tasks, stop, adopting);
    }
    until_stopped(tasks, stop, renewal.run(Arc::clone(&shared.metrics)));
    Ok(Made {
        running: Running {
            region: config.region.clone(),
            shared,
            ops,
            addresses,
            drain_grace: config.limits.drain_grace,
            drain: config.limits.drain,
        },
        listening,
    })
}

async fn open_registry(
    config: &Config,
    options: &Options,
    stores: &mut Stores,
) -> Result<Arc<Registry>, StartError> {
    let pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin)?;
    let pin_key = pin_keys.keys.into_iter().next();
    let parts = registry::Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store: match &options.store {
            Some(store) => given(store, config).await?,
            None => stores.open(config).await?,
        },
        seal_keys: KeyFile::<SealKey>::read(&config.keys.seal)?,
        pin_key: pin_key.ok_or(StartError::NoPinKey)?,
        anchor: config.registry.anchor.clone(),
        cache_capacity: config.registry.cache_capacity,
        negative_ttl: config.registry.negative_ttl,
        clock: Arc::clone(&options.clock),
        require_anchor: options.require_anchor,
        randomness: Arc::new(SystemRandomness),
    };
    Ok(Registry::open(parts).await?)
}

async fn open_audit(
    config: &Config,
    registry: &Registry,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<AuditLog>, StartError> {
    let gateway_id =
        audit::gateway_id(&config.data_dir, &**clock).map_err(StartError::GatewayId)?;
    let dir = config.data_dir.join("audit");
    let origin = audit::Origin {
        region: config.region.clone(),
        gateway_id,
    };
    let pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin)?.keys;
    let seeds: Vec<_> = pin_keys.iter().map(|key| &*key.seed).collect();
    let log = AuditLog::open(&dir, origin, &seeds, Arc::clone(clock))?;
    if registry.anchor_was_missing() {
        tracing::warn!(region = %config.region, "there is no registry anchor: the registry is believed as it is, this once");
        log.note(&audit::Deed {
            actor: audit::Actor::Gateway,
            action: audit::Action::Anchor,
            app_id: None,
        })
        .await?;
    }
    Ok(Arc::new(log))
}

fn share(
    config: &Config,
    registry: Arc<Registry>,
    audit: Arc<AuditLog>,
    clock: Arc<dyn Clock>,
    renewal: &Renewal,
) -> Result<Arc<Shared>, StartError> {
    let zones: Vec<ZoneId> = config.zones.iter().map(|z| z.id.clone()).collect();
    let regions: Vec<RegionId> = config
        .catalogue
        .regions
        .iter()
        .map(|r| r.id.clone())
        .collect();
    let metrics = Arc::new(Metrics::new(&config.region, &zones, &regions));
    let homes = homes(config, &metrics, renewal)?;
    let here = config.catalogue.region(&config.region);
    let parts = Parts {
        clock,
        audit,
        registry,
        homes,
        references: References::new(here.ok_or(StartError::NoRegion)?),
        metrics,
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

fn listen(
    config: &Config,
    options: &Options,
    shared: &Arc<Shared>,
    edges: &Edges,
) -> Result<(Listening, Addresses), StartError> {
    let mut addresses = Addresses::default();
    let mut ports = Vec::new();
    let mut open = |address, edge: Edged<'_>, speech| {
        let tls = match edge {
            Edged::Tls(edge) => Some(Arc::clone(edge.as_ref().ok_or(StartError::NoCertificate)?)),
            Edged::Plain => None,
        };
        let sockets = Sockets::bind(address, options.cores)?;
        let address = sockets.address;
        ports.push(Port {
            sockets,
            tls,
            speech,
        });
        Ok::<_, StartError>(address)
    };
    let listen = &config.listen;
    for (asked, edge, speech, found) in [
        (
            listen.https,
            Edged::Tls(&edges.https),
            Speech::Http,
            &mut addresses.https,
        ),
        (listen.http, Edged::Plain, Speech::Http, &mut addresses.http),
        (
            listen.msync,
            Edged::Tls(&edges.msync),
            Speech::Msync,
            &mut addresses.msync,
        ),
    ] {
        *found = asked.map(|at| open(at, edge, speech)).transpose()?;
    }
    let listening = Listening {
        shared: Arc::clone(shared),
        ports,
        admission: Admission::new(&config.limits),
        trusted_proxies: config.listen.trusted_proxies.clone(),
    };
    Ok((listening, addresses))
}

/// Whether a port has TLS, and which.
#[derive(Clone, Copy)]
enum Edged<'a> {
    Plain,
    Tls(&'a Option<Arc<Edge>>),
}

async fn control(
    config: &Config,
    shared: &Arc<Shared>,
    ops: &Arc<Ops>,
    edges: &Edges,
    addresses: &mut Addresses,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<(), StartError> {
    if let Some(address) = config.listen.ops {
        let listener = bind(address).await?;
        addresses.ops = listener.local_addr().ok();
        let router = ops::router(Arc::clone(ops));
        run(listener, None, router, None, (shared, tasks, stop));
    }
    if let Some(address) = config.listen.admin {
        let listener = bind(address).await?;
        addresses.admin = listener.local_addr().ok();
        let tls = edges.admin.clone().ok_or(StartError::NoCertificate)?;
        let router = admin::router(admin_state(shared, tasks, stop));
        let metrics = &shared.metrics;
        metrics.admin_refuses(admin::REFUSAL_CODES.into_iter().chain(HANDSHAKE_CODES));
        let open = metrics.connections_of(Plane::Admin);
        let router = counted(router, metrics);
        run(
            listener,
            Some(tls),
            router,
            Some(open),
            (shared, tasks, stop),
        );
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| crate::serve::ListenError { address, source }.into())
}

fn run(
    listener: TcpListener,
    tls: Option<Arc<Edge>>,
    router: axum::Router,
    open: Option<IntGauge>,
    (shared, tasks, stop): (&Arc<Shared>, &TaskTracker, &CancellationToken),
) {
    let control = Control {
        listener,
        tls,
        router,
        refused: refused(shared),
        open,
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    tasks.spawn(control.run());
}

/// What [`refused`] may be told.
const HANDSHAKE_CODES: [&str; 5] = [
    Code::TlsName.as_str(),
    Code::BadRequest.as_str(),
    Code::HeadersTooLarge.as_str(),
    Code::TooSlow.as_str(),
    Code::RateLimited.as_str(),
];

/// Handshakes of the admin listener that are refused are counted, and audited where they are
/// residency's matter.
fn refused(shared: &Arc<Shared>) -> Refused {
    let shared = Arc::clone(shared);
    Arc::new(move |code: Code| {
        shared.metrics.admin_refused(code.as_str());
        if code.is_residency() {
            shared.audit.refused(code.as_str(), None);
        }
    })
}

fn admin_state(shared: &Arc<Shared>, tasks: &TaskTracker, stop: &CancellationToken) -> AdminState {
    AdminState {
        region: shared.region.clone(),
        catalogue: Arc::clone(&shared.catalogue),
        registry: Arc::clone(&shared.registry),
        audit: Arc::clone(&shared.audit),
        clock: Arc::clone(&shared.clock),
        randomness: Arc::new(SystemRandomness),
        events: Arc::new(Events(Arc::clone(&shared.metrics))),
        zones: Arc::new(Health(Arc::clone(shared))),
        eraser: Arc::new(HomeEraser {
            shared: Arc::clone(shared),
            stop: stop.clone(),
        }),
        tokens: TokenRules {
            max_age: shared.tokens.max_age,
        },
        tasks: tasks.clone(),
    }
}

struct Events(Arc<Metrics>);

impl AdminEvents for Events {
    fn migration_attempt(&self) {
        self.0.migration_attempt();
    }

    fn refused(&self, code: &'static str) {
        self.0.admin_refused(code);
    }
}

struct Health(Arc<Shared>);

impl ZoneHealth for Health {
    fn is_healthy(&self, zone: &ZoneId) -> Option<bool> {
        let home = self.0.homes.homes().iter().find(|h| h.id == *zone)?;
        Some(home.all_targets().any(|t| t.health().is_well()))
    }
}

fn background(shared: &Arc<Shared>, tasks: &TaskTracker, stop: &CancellationToken) {
    until_stopped(tasks, stop, Arc::clone(&shared.registry).watch());
    until_stopped(tasks, stop, say_distrust(Arc::clone(shared)));
    until_stopped(tasks, stop, sweep(Arc::clone(shared)));
    until_stopped(tasks, stop, evidence(Arc::clone(shared)));
    let probed = Arc::clone(shared);
    until_stopped(tasks, stop, async move { probed.homes.probe().await });
}

/// Runs it beside everything else, until the gateway stops.
fn until_stopped<F>(tasks: &TaskTracker, stop: &CancellationToken, work: F)
where
    F: Future<Output: Send> + Send + 'static,
{
    let stop = stop.clone();
    tasks.spawn(async move {
        stop.run_until_cancelled(work).await;
    });
}

/// How often unused accounts are looked for.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Deletes accounts that nobody uses (SPEC 1, layer 3).
async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        match admin::sweep_accounts(&shared.registry, &shared.audit).await {
            Ok(deleted) if deleted.is_empty() => {}
            Ok(deleted) => tracing::info!(accounts = ?deleted, "unused accounts are deleted"),
            Err(error) => tracing::warn!(%error, "unused accounts are not swept"),
        }
    }
}

/// How often data centres are told of retentions and asked for what they have deleted.
const EVIDENCE: Duration = Duration::from_secs(600);
/// After the start, so that a restart is no reason to wait for long, and no burst.
const FIRST_EVIDENCE: Duration = Duration::from_secs(60);

async fn evidence(shared: Arc<Shared>) {
    let first = tokio::time::Instant::now() + FIRST_EVIDENCE;
    let mut ticks = tokio::time::interval_at(first, EVIDENCE);
    loop {
        ticks.tick().await;
        if let Err(error) = audit_sweeps(&shared).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "evidence of sweeps is not in the audit log yet");
        }
    }
}

/// How often the registry's state is looked at for the audit log.
const LOOK: Duration = Duration::from_secs(1);

/// Writes into the audit log when the registry stops being believed, traffic or not (SPEC 7).
async fn say_distrust(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(LOOK);
    let mut was_rolled_back = false;
    loop {
        ticks.tick().await;
        let rolled_back = shared.registry.state().is_rolled_back();
        if rolled_back && !was_rolled_back {
            let deed = audit::Deed {
                actor: audit::Actor::Gateway,
                action: audit::Action::Registry,
                app_id: None,
            };
            let code = Code::RegistryUntrusted.as_str();
            if let Err(error) = shared.audit.refuse(&deed, code).await {
                tracing::error!(%error, "a rollback of the registry is not in the audit log");
            }
        }
        was_rolled_back = rolled_back;
    }
}

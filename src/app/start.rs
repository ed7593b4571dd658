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

use super::control::{Control, Door, Refused};
use super::counted::counted;
use super::generation::{Current, Generation, Lasting};
use super::home::HomeEraser;
use super::keys::{self, Rotation};
use super::ops::{self, Ops};
use super::owner::{self, Adoption};
use super::retention::audit_sweeps;
use super::{Options, StartError};
use crate::admin::{self, AdminEvents, AdminState, TokenRules, ZoneHealth};
use crate::audit::{self, AuditLog};
use crate::config::{Config, KeyFile, PinSigningKey, RegistryStore};
use crate::domain::{Clock, Code, RegionId, ZoneId};
use crate::observe::{Metrics, Plane};
use crate::registry::{
    self, EmbeddedStore, EtcdStore, FileKeys, Registry, Store, SystemRandomness,
};
use crate::serve::{Listening, Port, Sockets, Speech};

/// A running gateway, as far as the process must know it.
pub struct Running {
    pub region: RegionId,
    pub current: Arc<Current>,
    pub lasting: Arc<Lasting>,
    pub ops: Arc<Ops>,
    pub addresses: Addresses,
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
        let path = match &config.registry.store {
            RegistryStore::Embedded { path } => &one_spelling(path),
            // Whether it answers, and has the list of regions, shows in the registry's state.
            RegistryStore::Etcd(etcd) => return Ok(EtcdStore::open(etcd, &config.region)?),
        };
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
    let keys = keys::open(&config)?;
    let registry = open_registry(&config, options, stores, Arc::clone(&keys)).await?;
    let audit = open_audit(&config, &registry, &clock).await?;
    let owner = config.data_dir.join("owner.json");
    let adoption = owner::adopt(&registry, &audit, &owner).await?;
    let lasting = Arc::new(lasting(&config, registry, audit, clock));
    let rotation = Rotation::new(&config, keys);
    let region = config.region.clone();
    let generation = Generation::new(config, &lasting, (tasks, stop))?;
    let (listening, mut addresses) = listen(&generation, options)?;
    let current = Current::new(generation);
    let ops = Arc::new(Ops {
        current: Arc::clone(&current),
        listening: AtomicBool::new(false),
        refused: AtomicBool::new(false),
    });
    control(&current, &lasting, &ops, &mut addresses, (tasks, stop)).await?;
    background(&current, &lasting, tasks, stop);
    until_stopped(tasks, stop, rotation.run(Arc::clone(&lasting)));
    if let Adoption::Later = adoption {
        let adopting = owner::adopt_later(Arc::clone(&lasting), owner);
        until_stopped(tasks, stop, adopting);
    }
    Ok(Made {
        running: Running {
            region,
            current,
            lasting,
            ops,
            addresses,
        },
        listening,
    })
}

fn lasting(
    config: &Config,
    registry: Arc<Registry>,
    audit: Arc<AuditLog>,
    clock: Arc<dyn Clock>,
) -> Lasting {
    let zones: Vec<ZoneId> = config.zones.iter().map(|z| z.id.clone()).collect();
    let regions = config.catalogue.regions.iter();
    let regions: Vec<RegionId> = regions.map(|r| r.id.clone()).collect();
    Lasting {
        metrics: Arc::new(Metrics::new(&config.region, &zones, &regions)),
        departure: Arc::default(),
        clock,
        audit,
        registry,
    }
}

async fn open_registry(
    config: &Config,
    options: &Options,
    stores: &mut Stores,
    keys: Arc<FileKeys>,
) -> Result<Arc<Registry>, StartError> {
    let parts = registry::Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store: match &options.store {
            Some(store) => given(store, config).await?,
            None => stores.open(config).await?,
        },
        keys,
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

fn listen(
    generation: &Generation,
    options: &Options,
) -> Result<(Listening, Addresses), StartError> {
    let mut addresses = Addresses::default();
    let mut ports = Vec::new();
    let mut open = |address, speech| {
        let sockets = Sockets::bind(address, options.cores)?;
        let address = sockets.address;
        ports.push(Port { sockets, speech });
        Ok::<_, StartError>(address)
    };
    let listen = &generation.config.listen;
    for (asked, speech, found) in [
        (listen.https, Speech::Https, &mut addresses.https),
        (listen.http, Speech::Http, &mut addresses.http),
        (listen.msync, Speech::Msync, &mut addresses.msync),
    ] {
        *found = asked.map(|at| open(at, speech)).transpose()?;
    }
    let listening = Listening {
        setting: Arc::clone(&generation.setting),
        ports,
        admission: Arc::default(),
    };
    Ok((listening, addresses))
}

async fn control(
    current: &Arc<Current>,
    lasting: &Arc<Lasting>,
    ops: &Arc<Ops>,
    addresses: &mut Addresses,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<(), StartError> {
    let generation = current.generation();
    if let Some(address) = generation.config.listen.ops {
        let listener = bind(address).await?;
        addresses.ops = listener.local_addr().ok();
        let router = ops::router(Arc::clone(ops));
        run(listener, Door::Plain, router, None, (lasting, tasks, stop));
    }
    if let Some(address) = generation.config.listen.admin {
        let listener = bind(address).await?;
        addresses.admin = listener.local_addr().ok();
        let door = Door::Admin(Arc::clone(current));
        let metrics = &lasting.metrics;
        metrics.admin_refuses(admin::REFUSAL_CODES.into_iter().chain(HANDSHAKE_CODES));
        let open = metrics.connections_of(Plane::Admin);
        let router = admin::router(admin_state(current, tasks, stop));
        let router = counted(router, metrics);
        run(listener, door, router, Some(open), (lasting, tasks, stop));
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| crate::serve::ListenError { address, source }.into())
}

fn run(
    listener: TcpListener,
    door: Door,
    router: axum::Router,
    open: Option<IntGauge>,
    (lasting, tasks, stop): (&Arc<Lasting>, &TaskTracker, &CancellationToken),
) {
    let control = Control {
        listener,
        door,
        router,
        refused: refused(lasting),
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
fn refused(lasting: &Arc<Lasting>) -> Refused {
    let lasting = Arc::clone(lasting);
    Arc::new(move |code: Code| {
        lasting.metrics.admin_refused(code.as_str());
        if code.is_residency() {
            lasting.audit.refused(code.as_str(), None);
        }
    })
}

fn admin_state(
    current: &Arc<Current>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> AdminState {
    let shared = &current.shared();
    AdminState {
        region: shared.region.clone(),
        catalogue: Arc::clone(&shared.catalogue),
        registry: Arc::clone(&shared.registry),
        audit: Arc::clone(&shared.audit),
        clock: Arc::clone(&shared.clock),
        randomness: Arc::new(SystemRandomness),
        events: Arc::new(Events(Arc::clone(&shared.metrics))),
        zones: Arc::new(Health(Arc::clone(current))),
        eraser: Arc::new(HomeEraser {
            current: Arc::clone(current),
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

struct Health(Arc<Current>);

impl ZoneHealth for Health {
    fn is_healthy(&self, zone: &ZoneId) -> Option<bool> {
        let shared = self.0.shared();
        let home = shared.homes.homes().iter().find(|h| h.id == *zone)?;
        Some(home.all_targets().any(|t| t.health().is_well()))
    }
}

fn background(
    current: &Arc<Current>,
    lasting: &Arc<Lasting>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    until_stopped(tasks, stop, Arc::clone(&lasting.registry).watch());
    until_stopped(tasks, stop, say_distrust(Arc::clone(lasting)));
    until_stopped(tasks, stop, sweep(Arc::clone(lasting)));
    until_stopped(tasks, stop, evidence(Arc::clone(current)));
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
async fn sweep(lasting: Arc<Lasting>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        match admin::sweep_accounts(&lasting.registry, &lasting.audit).await {
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

async fn evidence(current: Arc<Current>) {
    let first = tokio::time::Instant::now() + FIRST_EVIDENCE;
    let mut ticks = tokio::time::interval_at(first, EVIDENCE);
    // A round of very many Apps may take longer.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = audit_sweeps(&current.shared()).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "evidence of sweeps is not in the audit log yet");
        }
    }
}

/// How often the registry's state is looked at for the audit log.
const LOOK: Duration = Duration::from_secs(1);

/// Writes into the audit log when the registry stops being believed, traffic or not (SPEC 7).
async fn say_distrust(lasting: Arc<Lasting>) {
    let mut ticks = tokio::time::interval(LOOK);
    let mut was_rolled_back = false;
    loop {
        ticks.tick().await;
        let rolled_back = lasting.registry.state().is_rolled_back();
        if rolled_back && !was_rolled_back {
            let deed = audit::Deed {
                actor: audit::Actor::Gateway,
                action: audit::Action::Registry,
                app_id: None,
            };
            let code = Code::RegistryUntrusted.as_str();
            if let Err(error) = lasting.audit.refuse(&deed, code).await {
                tracing::error!(%error, "a rollback of the registry is not in the audit log");
            }
        }
        was_rolled_back = rolled_back;
    }
}

//! A session's own inspector, with the limits, rates, metrics and places of one core; no socket is
//! opened.

use std::sync::Arc;
use std::time::Duration;

use domicile::audit::{AuditLog, Origin};
use domicile::config::{
    Config, EdgeNames, EdgeTls, Hint, KeyFiles, Limits, Listen, Log, RegistryConfig, RegistryStore,
    Tokens,
};
use domicile::domain::{Clock, SystemClock, Transport};
use domicile::gateway::{Gateway, Parts, Shared};
use domicile::observe::{Metrics, Plane};
use domicile::pace::Pacer;
use domicile::registry::Registry;
use domicile::session::{Inspector, Login, Verdict};
use domicile::zone::{Homes, References};
use session_load::provision;
use tokio_util::task::TaskTracker;

use crate::kit::{self, APP_KEY, USER};

/// A session that stands, as far as it looks at frames.
pub struct Session {
    pub inspector: Inspector,
    /// The pacer's ticks, moved on so that no rate is ever used up.
    now: u64,
    _folder: tempfile::TempDir,
}

/// More than a second, in the pacer's ticks.
const A_WHILE: u64 = 16;

impl Session {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = kit::registry(&folder, &clock).await;
        let app = kit::registered(&registry).await;
        let shared = shared(&folder, registry, clock);
        let gateway = Gateway::new(&shared, &Pacer::new(), &TaskTracker::new(), 1);
        let login = provision(APP_KEY, USER, &kit::token(&app, 1));
        let login = Arc::new(Login::read(&login).expect("a log-in"));
        let mut record = gateway.record(Plane::Websocket);
        let bound = gateway.bind(login, &mut record).await;
        let (login, flights) = bound.expect("a way out").established();
        Self {
            inspector: Inspector::new(&shared, login, Transport::Websocket, flights, 0),
            now: 0,
            _folder: folder,
        }
    }

    pub fn up(&mut self, frame: &[u8]) {
        self.now += A_WHILE;
        assert!(matches!(self.inspector.up(frame, self.now), Verdict::Pass));
    }

    pub fn down(&mut self, frame: &[u8]) {
        assert!(matches!(self.inspector.down(frame), Verdict::Pass));
    }
}

fn shared(
    folder: &tempfile::TempDir,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
) -> Arc<Shared> {
    let (region, zone) = (kit::region_id(), kit::zone_id());
    let config = config(folder, &registry);
    let metrics = Arc::new(Metrics::new(
        &region,
        std::slice::from_ref(&zone),
        std::slice::from_ref(&region),
    ));
    let homes = Homes::new(&config.zones, &config.limits, &metrics, |_| None);
    let audit = AuditLog::open(
        &folder.path().join("audit"),
        Origin {
            region: region.clone(),
            gateway_id: "0199c5a0-0000-7000-8000-000000000000".to_owned(),
        },
        &[&[7; 32]],
        Arc::clone(&clock),
    );
    let here = config.catalogue.region(&region).expect("the region");
    let parts = Parts {
        clock,
        audit: Arc::new(audit.expect("an audit log")),
        references: References::new(here),
        homes: homes.expect("the zone"),
        registry,
        metrics,
        departure: Arc::default(),
        tracer: None,
    };
    Arc::new(Shared::new(&config, parts))
}

/// Everything at its default.
fn config(folder: &tempfile::TempDir, registry: &Registry) -> Config {
    let data_dir = folder.path().to_owned();
    Config {
        region: kit::region_id(),
        catalogue: Arc::clone(registry.catalogue()),
        allow_plaintext: true,
        listen: Listen {
            https: None,
            http: None,
            msync: None,
            admin: None,
            ops: None,
            trusted_proxies: Vec::new(),
        },
        tls: EdgeTls {
            certificates: Vec::new(),
            names: EdgeNames {
                own: vec![kit::HOST.to_owned()],
                foreign: Vec::new(),
            },
            require_name: false,
            admin_client_ca: None,
        },
        zones: vec![kit::zone_config()],
        registry: RegistryConfig {
            store: RegistryStore::Embedded {
                path: data_dir.join("registry.redb"),
            },
            anchor: data_dir.join("registry.anchor"),
            cache_capacity: 1_000,
            negative_ttl: Duration::from_secs(5),
        },
        keys: KeyFiles {
            seal: data_dir.join("seal"),
            pin: data_dir.join("pin"),
        },
        tokens: Tokens::default(),
        hint: Hint::default(),
        limits: Limits::default(),
        audit_retention: Duration::from_secs(1),
        probe: None,
        tracing: None,
        log: Log::default(),
        data_dir,
    }
}

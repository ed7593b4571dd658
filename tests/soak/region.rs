//! A region to be soaked: its files, and Apps here and in another region.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use domicile::config::{self, Config, KeyFile, RegistryStore};
use domicile::domain::{AppKey, SystemClock};
use domicile::registry::{
    EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness, ensure_regions,
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::certificates;
use crate::site::{App, ORG, Site};

/// The region that is served, and one whose Apps are refused.
const REGIONS: [(&str, &str); 2] = [("frankfurt", "fra1"), ("singapore", "sg1")];

/// Apps that are registered at once, so that commits are grouped.
const TASKS: usize = 256;

/// What the gateway under test remembers of the registry. Few, so that it turns over.
pub const CAPACITY: usize = 2_000;

pub struct Region {
    folder: TempDir,
    /// The owner's key of the admin API.
    pub key: String,
}

impl Region {
    pub fn new(site: &Site) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::create_dir(folder.path().join("regions")).unwrap();
        let keys = REGIONS.map(|(region, zone)| prepare(folder.path(), region, zone, site));
        let [key, _] = keys;
        Self { folder, key }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        config_of(self.folder.path(), REGIONS[0].0)
    }

    /// Registers so many Apps in each of the regions, before any gateway runs: those at home, and
    /// the names of the others.
    pub async fn fill(&self, here: usize, elsewhere: usize) -> (Vec<App>, Vec<String>) {
        let [home, other] = REGIONS.map(|(region, _)| {
            let config = config::load(&config_of(self.folder.path(), region));
            config.unwrap_or_else(|faults| panic!("{faults}")).0
        });
        let RegistryStore::Embedded { path } = &home.registry.store else {
            unreachable!("it is embedded")
        };
        let store = EmbeddedStore::open(path).unwrap();
        ensure_regions(&*store, &home.catalogue).await.unwrap();
        let apps = register(&home, &store, "here", here).await;
        let others = register(&other, &store, "elsewhere", elsewhere).await;
        let names = others.into_iter().map(|app| app.name).collect();
        (apps, names)
    }
}

async fn register(
    config: &Config,
    store: &Arc<EmbeddedStore>,
    name: &'static str,
    count: usize,
) -> Vec<App> {
    let registry = registry(config, store).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let registry = Arc::clone(&registry);
        tasks.spawn(async move {
            let mut apps = Vec::new();
            for n in (task..count).step_by(TASKS) {
                apps.push(registered(&registry, format!("{name}-{n}")).await);
            }
            apps
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

async fn registered(registry: &Registry, name: String) -> App {
    let new = NewApp {
        app_id: None,
        app_key: AppKey::new(ORG, &name).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    match registry.register(new).await.unwrap() {
        Registered::Created {
            app, certificate, ..
        } => App {
            id: app.app_id.to_string(),
            name,
            certificate: certificate.value.expose_secret().to_owned(),
        },
        Registered::Existing { .. } => panic!("{name} was there before"),
    }
}

async fn registry(config: &Config, store: &Arc<EmbeddedStore>) -> Arc<Registry> {
    let pins = KeyFile::read(&config.keys.pin).unwrap();
    let pin = pins.keys.into_iter().next().unwrap();
    let keys = FileKeys::new(KeyFile::read(&config.keys.seal).unwrap(), &pin);
    let parts = Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store: Arc::clone(store) as _,
        keys: Arc::new(keys.unwrap()),
        anchor: config.registry.anchor.clone(),
        cache_capacity: 1_024,
        negative_ttl: config.registry.negative_ttl,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.unwrap()
}

/// Makes a region's folder and its entry in the common catalogue; its owner's key.
fn prepare(root: &Path, region: &str, zone: &str, site: &Site) -> String {
    let folder = root.join(region);
    let made = Command::new(env!("CARGO_BIN_EXE_domicile"))
        .args(["init", "--output", "json", "--region", region])
        .args(["--zone", zone, "--data"])
        .arg(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect(&said);
    let entry = folder.join(format!("regions/{region}.yaml"));
    let entry = std::fs::read_to_string(entry).unwrap();
    let (_, keys) = entry.split_once("\npin_keys:\n").unwrap();
    let keys: String = keys
        .split_inclusive('\n')
        .take_while(|line| line.starts_with("  "))
        .collect();
    let entry = format!(
        "region: {region}
location: {region}
service_area: {region}
zones: [{zone}]
endpoints:
  rest: [\"https://rest.{region}.test\"]
  websocket: [\"wss://ws.{region}.test/websocket\"]
  msync: [\"msync.{region}.test:443\"]
  admin: [\"https://admin.{region}.test:9443\"]
pin_keys:
{keys}"
    );
    std::fs::write(root.join(format!("regions/{region}.yaml")), entry).unwrap();
    let names = ["rest", "ws", "msync", "admin"].map(|kind| format!("{kind}.{region}.test"));
    let pair = certificates::server(&names);
    private(&folder.join("tls.key"), &pair.key);
    std::fs::write(folder.join("tls.crt"), pair.certificate).unwrap();
    std::fs::write(config_of(root, region), configuration(region, zone, site)).unwrap();
    made["admin_key"].as_str().unwrap().to_owned()
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn config_of(root: &Path, region: &str) -> PathBuf {
    root.join(region).join("gateway.yaml")
}

/// Time-outs are short where they decide how long something is remembered that has ended, so that a
/// short soak sees it forgotten; and long where a slow machine could run into them.
fn configuration(region: &str, zone: &str, site: &Site) -> String {
    let centre = site.centre;
    format!(
        "region: {region}
catalogue: {{path: ../regions/}}
data_dir: .
allow_plaintext: true
listen:
  http: \"{http}\"
  https: \"{https}\"
  admin: \"{admin}\"
  ops: \"{ops}\"
tls:
  certificates: [{{certificate: tls.crt, key: tls.key}}]
zones:
  {zone}:
    egress: [\"{centre_ip}/32\"]
    upstreams: {{rest: [\"http://{centre}\"], websocket: [\"ws://{centre}/websocket\"]}}
registry:
  embedded: {{path: ../registry.redb}}
  anchor: registry.anchor
  cache: {{capacity: {CAPACITY}, negative_ttl: 5s}}
keys: {{seal: {{file: keys/{region}.seal}}, pin: {{file: keys/{region}.pin}}}}
limits: {{head_time: 5s, keep_alive: 10s, body_idle: 10s, first_byte: 10s, session_idle: 60s,
  tls_handshake: 60s, provision_time: 60s, connect: 30s, drain_grace: 0s, drain: {drain}s}}
log: {{format: json, level: error}}
",
        http = site.http,
        https = site.https,
        admin = site.admin,
        ops = site.ops,
        centre_ip = centre.ip(),
        drain = crate::gateway::DRAIN.as_secs(),
    )
}

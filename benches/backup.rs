//! What a backup and its restore take: `cargo bench --bench backup -- 100000`.
//!
//! It registers the Apps as the admin API does, each with its entries in the audit log, and lets the
//! real binary back them up and restore them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench's own helpers")]
#![expect(
    clippy::print_stdout,
    reason = "a bench says what it found, for people"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use domicile::audit::{Action, Actor, AuditLog, Deed, Origin, gateway_id};
use domicile::config::{self, Config, KeyFile, PinSigningKey, RegistryStore, SealKey};
use domicile::domain::{AppKey, Clock, SystemClock};
use domicile::registry::{
    EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness, ensure_regions,
};

/// Registrations under way at once.
const TASKS: usize = 512;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let apps = std::env::args().find_map(|argument| argument.parse().ok());
    let apps = apps.unwrap_or(100_000);
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = folder.path().join("gateway");
    run("init", &["--region", "frankfurt", "--data", path(&data)]);
    let yaml = data.join("gateway.yaml");
    let (config, _) = config::load(&yaml).unwrap();
    let since = SystemClock.unix_millis();
    fill(&config, apps).await;
    let took = SystemClock.unix_millis() - since;
    println!("{apps} Apps registered in {took} ms");
    let RegistryStore::Embedded { path: store } = &config.registry.store else {
        panic!("init makes an embedded registry")
    };
    println!("registry {} MB", megabytes(store));
    println!("audit log {} MB", megabytes(&data.join("audit")));

    let (key, file) = (folder.path().join("key"), folder.path().join("backup"));
    run("backup", &["--new-recovery-key", path(&key)]);
    let secret = ["--config", path(&yaml), "--recovery-key-file", path(&key)];
    run("backup", &[&secret[..], &["--out", path(&file)]].concat());
    println!("backup file {} MB", megabytes(&file));
    fs::remove_file(store).unwrap();
    fs::remove_dir_all(data.join("audit")).unwrap();
    for lost in [&config.keys.seal, &config.keys.pin, &config.registry.anchor] {
        fs::remove_file(lost).unwrap();
    }
    fs::remove_file(data.join("gateway-id")).unwrap();
    let restore = [&secret[..], &["--from", path(&file)]].concat();
    run("restore", &restore);
    println!("restored registry {} MB", megabytes(store));
    run("restore", &restore);
}

/// Registers Apps, with their entries in the audit log.
async fn fill(config: &Config, apps: usize) {
    let registry = registry(config).await;
    let log = Arc::new(audit_log(config));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (registry, log) = (Arc::clone(&registry), Arc::clone(&log));
        tasks.spawn(async move {
            for n in (task..apps).step_by(TASKS) {
                register(&registry, &log, n).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn register(registry: &Registry, log: &AuditLog, n: usize) {
    let deed = Deed {
        actor: Actor::Account("owner".to_owned()),
        action: Action::Register,
        app_id: None,
    };
    let act = log.begin(deed).await.unwrap();
    let new = NewApp {
        app_id: None,
        app_key: AppKey::new("acme", &format!("app-{n}")).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    let Registered::Created { app, pins, .. } = registry.register(new).await.unwrap() else {
        panic!("it was registered before")
    };
    let act = act.about(app.app_id).pinned(&pins.id, &pins.key);
    act.done().await.unwrap();
}

async fn registry(config: &Config) -> Arc<Registry> {
    let RegistryStore::Embedded { path } = &config.registry.store else {
        panic!("init makes an embedded registry")
    };
    let store = EmbeddedStore::open(path).unwrap();
    ensure_regions(&*store, &config.catalogue).await.unwrap();
    let mut pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin).unwrap();
    let parts = Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store,
        keys: Arc::new(
            FileKeys::new(
                KeyFile::<SealKey>::read(&config.keys.seal).unwrap(),
                &pin_keys.keys.remove(0),
            )
            .unwrap(),
        ),
        anchor: config.registry.anchor.clone(),
        cache_capacity: 1_024,
        negative_ttl: Duration::from_secs(5),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Registry::open(parts).await.unwrap()
}

fn audit_log(config: &Config) -> AuditLog {
    let origin = Origin {
        region: config.region.clone(),
        gateway_id: gateway_id(&config.data_dir, &SystemClock).unwrap(),
    };
    let keys = KeyFile::<PinSigningKey>::read(&config.keys.pin).unwrap();
    let seeds = [&*keys.keys[0].seed];
    let dir = config.data_dir.join("audit");
    AuditLog::open(&dir, origin, &seeds, Arc::new(SystemClock)).unwrap()
}

/// Runs a command to its end, and says what it took.
fn run(command: &str, args: &[&str]) {
    let since = SystemClock.unix_millis();
    let mut child = Command::new(env!("CARGO_BIN_EXE_domicile"))
        .arg(command)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (mut peak, status) = (0, PathBuf::from(format!("/proc/{}/status", child.id())));
    let ended = loop {
        peak = resident(&status).unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "{command}: {ended}");
    let took = SystemClock.unix_millis() - since;
    println!("{command}: {took} ms, at most {peak} kB of memory");
}

/// The most that a process has had in memory, in kB.
fn resident(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn megabytes(place: &Path) -> u64 {
    fn bytes(place: &Path) -> u64 {
        if !place.is_dir() {
            return place.metadata().unwrap().len();
        }
        let entries = fs::read_dir(place).unwrap();
        entries.map(|entry| bytes(&entry.unwrap().path())).sum()
    }
    bytes(place) / 1_000_000
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

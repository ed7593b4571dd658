//! A region of its own on one loopback address: made by `domicile init`, filled through the
//! registry itself, served by the binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use domicile::config::{self, KeyFile, RegistryStore};
use domicile::domain::{AppKey, SystemClock};
use domicile::registry::{
    EmbeddedStore, FileKeys, NewApp, Parts, Registry, SystemRandomness, ensure_regions,
};

/// Tasks that register at once, so that commits are grouped.
const TASKS: usize = 256;

pub struct Region {
    pub dir: PathBuf,
    pub ip: String,
    /// The owner's key.
    pub key: String,
}

impl Region {
    pub fn new(dir: &Path, number: u8) -> Self {
        let made = domicile(&[
            "init",
            "--region",
            "frankfurt",
            "--output",
            "json",
            "--data",
        ])
        .arg(dir)
        .output()
        .unwrap();
        let text = String::from_utf8(made.stderr).unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect(&text);
        let region = Self {
            dir: dir.to_owned(),
            ip: format!("127.{}.77.{number}", 100 + std::process::id() % 100),
            key: made["admin_key"].as_str().unwrap().to_owned(),
        };
        region.certificate();
        std::fs::write(region.config(), configuration(&region.ip)).unwrap();
        region
    }

    pub fn config(&self) -> PathBuf {
        self.dir.join("gateway.yaml")
    }

    /// The same region, for a second gateway of it.
    pub fn twin(&self, dir: &Path, number: u8) -> Self {
        let copied = Command::new("cp")
            .arg("-a")
            .arg(&self.dir)
            .arg(dir)
            .status();
        assert!(copied.unwrap().success());
        let twin = Self {
            dir: dir.to_owned(),
            ip: format!("127.{}.77.{number}", 100 + std::process::id() % 100),
            key: self.key.clone(),
        };
        std::fs::write(twin.config(), configuration(&twin.ip)).unwrap();
        twin
    }

    /// Has the region's gateway use an etcd in place of its file.
    pub fn served_from(&self, url: &str) {
        let yaml = std::fs::read_to_string(self.config()).unwrap();
        let etcd = format!("etcd: {{endpoints: [\"{url}\"]}}");
        let yaml = yaml.replace("embedded: {path: registry.redb}", &etcd);
        std::fs::write(self.config(), yaml).unwrap();
        let _ = std::fs::remove_file(self.dir.join("registry.redb"));
    }

    fn certificate(&self) {
        let names = ["", "-ws", "-msync", "-admin"];
        let names = names.map(|part| format!("frankfurt{part}.chat.example.com"));
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::create_dir_all(self.dir.join("tls")).unwrap();
        let write = |name: &str, text: String| {
            std::fs::write(self.dir.join("tls").join(name), text).unwrap();
        };
        write("frankfurt.crt", made.cert.pem());
        write("frankfurt.key", made.signing_key.serialize_pem());
    }

    /// Registers `acme#app-0` to `acme#app-(apps - 1)`, without the API and its audit log.
    pub async fn fill(&self, apps: usize) {
        let registry = self.registry().await;
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let registry = Arc::clone(&registry);
            tasks.spawn(async move {
                for n in (task..apps).step_by(TASKS) {
                    registry.register(new(n)).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(registry.count().await.unwrap(), apps as u64);
    }

    async fn registry(&self) -> Arc<Registry> {
        let (config, _) = config::load(&self.config()).expect("a configuration");
        let RegistryStore::Embedded { path } = &config.registry.store else {
            unreachable!("it is embedded")
        };
        let store = EmbeddedStore::open(path).unwrap();
        ensure_regions(&*store, &config.catalogue).await.unwrap();
        let pin_keys = KeyFile::read(&config.keys.pin).unwrap();
        let parts = Parts {
            region: config.region.clone(),
            catalogue: Arc::clone(&config.catalogue),
            store,
            keys: Arc::new(
                FileKeys::new(
                    KeyFile::read(&config.keys.seal).unwrap(),
                    &pin_keys.keys.into_iter().next().unwrap(),
                )
                .unwrap(),
            ),
            anchor: config.registry.anchor.clone(),
            cache_capacity: 1_024,
            negative_ttl: config.registry.negative_ttl,
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            require_anchor: false,
        };
        Registry::open(parts).await.unwrap()
    }
}

pub fn app(n: usize) -> String {
    format!("app-{n}")
}

pub fn domicile(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(args);
    command
}

fn new(n: usize) -> NewApp {
    NewApp {
        app_id: None,
        app_key: AppKey::parse(&format!("acme#{}", app(n))).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    }
}

/// Requests come in without TLS, so that their time is the gateway's.
fn configuration(ip: &str) -> String {
    format!(
        "region: frankfurt
catalogue: {{path: regions/}}
data_dir: .
allow_plaintext: true
listen:
  http: \"{ip}:7301\"
  admin: \"{ip}:7302\"
  ops: \"{ip}:7303\"
tls:
  certificates: [{{certificate: tls/frankfurt.crt, key: tls/frankfurt.key}}]
zones:
  frankfurt:
    egress: [\"127.0.0.1/32\"]
    upstreams: {{rest: [\"http://127.0.0.1:9\"]}}
registry:
  embedded: {{path: registry.redb}}
  anchor: registry.anchor
keys:
  seal: {{file: keys/frankfurt.seal}}
  pin: {{file: keys/frankfurt.pin}}
limits: {{connections_per_address: 4096, rate_per_app: none}}
log: {{format: json, level: error}}
"
    )
}

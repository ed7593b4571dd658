//! The seal key of a running gateway is replaced, with the real binary: nothing is lost when it is
//! killed in the midst of it, and the old key is not needed afterwards.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use access_token::build_app_token;
use domicile::config::{self, Config, KeyFile, RegistryStore};
use domicile::domain::{AppKey, SystemClock};
use domicile::registry::{
    Census, EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness,
    ensure_regions,
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::harness::process::{Process, system_now};
use crate::harness::{World, audit, eventually, in_time};

/// Several times what is sealed anew between two looks at the anchor.
const APPS: usize = 1_500;
const KILLS: usize = 3;

struct Region {
    world: World,
    http: Client,
    admin: SocketAddr,
}

/// An App, as its owner knows it.
#[derive(Clone)]
struct Mine {
    id: String,
    app: String,
    certificate: String,
}

impl Region {
    async fn new(n: u8) -> Self {
        let ip = Process::own_ip(n);
        let plan = World::plan().reference().regions(&["frankfurt"]);
        let world = World::without_gateways(plan.listens_on(&ip)).await;
        world.configure();
        let admin = SocketAddr::new(ip.parse().unwrap(), 7403);
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let http = Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .pool_max_idle_per_host(0)
            .resolve("admin.frankfurt.test", admin)
            .resolve("rest.frankfurt.test", SocketAddr::new(admin.ip(), 7402))
            .build()
            .unwrap();
        Self { world, http, admin }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.root().join("frankfurt").join(name)
    }

    fn config(&self) -> Config {
        config::load(&self.path("gateway.yaml")).unwrap().0
    }

    /// The region's registry as a stopped gateway has it.
    async fn registry(&self) -> Arc<Registry> {
        let config = self.config();
        let RegistryStore::Embedded { path } = &config.registry.store else {
            unreachable!("the world's registries are embedded")
        };
        let store = EmbeddedStore::open(path).unwrap();
        assert!(ensure_regions(&*store, &config.catalogue).await.unwrap());
        let pin = KeyFile::read(&config.keys.pin).unwrap().keys.remove(0);
        let seal = KeyFile::read(&config.keys.seal).unwrap();
        let parts = Parts {
            region: config.region.clone(),
            catalogue: Arc::clone(&config.catalogue),
            store,
            keys: Arc::new(FileKeys::new(seal, &pin).unwrap()),
            anchor: config.registry.anchor.clone(),
            cache_capacity: 1_024,
            negative_ttl: Duration::from_secs(1),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            require_anchor: false,
        };
        Registry::open(parts).await.unwrap()
    }

    async fn fill(&self) -> Vec<Mine> {
        let registry = self.registry().await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..APPS {
            let registry = Arc::clone(&registry);
            tasks.spawn(async move { registered(&registry, n).await });
        }
        tasks.join_all().await
    }

    async fn census(&self) -> Census {
        self.registry().await.census().await.unwrap()
    }

    async fn serve(&self) -> Process {
        let process = Process::serve(&self.world, &[]).await;
        in_time("the admin API to listen", async {
            while !self.answers().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        process
    }

    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    async fn answers(&self) -> bool {
        tokio::net::TcpStream::connect(self.admin).await.is_ok()
    }

    fn keys(&self, command: &str) -> Output {
        let config = self.path("gateway.yaml");
        let args = ["keys", command, "--output", "json", "--config"];
        domicile(&[&args[..], &[config.to_str().unwrap()]].concat())
    }

    fn check(&self) -> Output {
        let config = self.path("gateway.yaml");
        domicile(&["check", "--config", config.to_str().unwrap()])
    }

    fn rotate(&self) -> String {
        let rotated = self.keys("rotate");
        ends(&rotated, 0, "Keep the old keys");
        let report = printed(&rotated);
        let text = fs::read_to_string(self.path("seal.key")).unwrap();
        let id = report["key_id"].as_str().unwrap();
        let secret = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{id} ")));
        let said = String::from_utf8_lossy(&rotated.stdout);
        assert!(!said.contains(secret.unwrap()), "the key is printed");
        id.to_owned()
    }

    /// The number of the region's newest commit that a crash does not undo.
    fn anchored(&self) -> u64 {
        let anchor = fs::read(self.path("registry.anchor")).unwrap();
        let anchor: Value = serde_json::from_slice(&anchor).unwrap();
        anchor["regions"]["frankfurt"]["n"].as_u64().unwrap()
    }

    fn rotations(&self, outcome: &str) -> usize {
        let entries = audit::entries(&self.path("audit"));
        let wanted = format!(r#""outcome":"{outcome}""#);
        let rotations = entries.iter().filter(|e| e.contains("keys.rotate"));
        rotations.filter(|e| e.contains(&wanted)).count()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = fs::read_to_string(self.path("admin.key")).unwrap();
        let url = format!(
            "https://admin.frankfurt.test:{}/v1/{path}",
            self.admin.port()
        );
        self.http.request(method, url).bearer_auth(key.trim())
    }

    /// Changes the plan of an App that is at this revision.
    async fn patch(&self, app: &Mine, etag: &str) {
        let call = self.request(Method::PATCH, &format!("apps/{}", app.id));
        let body = json!({"plan": "basic"});
        let answer = call.header("if-match", etag).json(&body).send().await;
        assert_eq!(answer.unwrap().status(), 200);
    }

    async fn show(&self, app: &Mine) -> Response {
        let call = self.request(Method::GET, &format!("apps/{}", app.id));
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer
    }

    async fn etag(&self, app: &Mine) -> String {
        let answer = self.show(app).await;
        answer.headers()["etag"].to_str().unwrap().to_owned()
    }

    /// The status that the App's backend gets.
    async fn served(&self, app: &Mine) -> u16 {
        let token = build_app_token(&app.id, &app.certificate, 3600, system_now(), 1).unwrap();
        let url = format!("http://rest.frankfurt.test:7402/acme/{}/users", app.app);
        let call = self.http.get(url).bearer_auth(token);
        call.send().await.unwrap().status().as_u16()
    }
}

async fn registered(registry: &Registry, n: usize) -> Mine {
    let new = NewApp {
        app_id: None,
        app_key: AppKey::parse(&format!("acme#app{n}")).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    match registry.register(new).await.unwrap() {
        Registered::Existing { .. } => panic!("it was there already"),
        Registered::Created {
            app, certificate, ..
        } => Mine {
            id: app.app_id.to_string(),
            app: format!("app{n}"),
            certificate: certificate.expose().to_owned(),
        },
    }
}

fn domicile(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

/// # Panics
/// When the command ended otherwise.
#[track_caller]
fn ends(output: &Output, code: i32, says: &str) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{says} is not in {said}");
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Writes the key file anew, in its place, as an editor does.
fn write_keys(file: &Path, text: &str) {
    let beside = file.with_extension("edited");
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut edited = options.open(&beside).unwrap();
    edited.write_all(text.as_bytes()).unwrap();
    fs::rename(&beside, file).unwrap();
}

fn without(text: &str, id: &str) -> String {
    let kept = text.split_inclusive('\n');
    kept.filter(|line| !line.starts_with(&format!("{id} ")))
        .collect()
}

#[tokio::test]
async fn a_rotation_survives_kill_9() {
    let region = Region::new(81).await;
    let apps = region.fill().await;
    let old = region.census().await.into_keys().next().unwrap();
    let mut process = region.serve().await;
    let (sample, changed) = (&apps[..20], &apps[20..40]);
    let mut etags = Vec::new();
    for app in sample {
        etags.push(region.etag(app).await);
    }
    let new = region.rotate();
    for kill in 0..KILLS {
        let before = region.anchored();
        eventually("some to be sealed anew", || region.anchored() > before + 2).await;
        drop(process);
        let census = region.census().await;
        let left = census[&old].total();
        assert!(left > 0, "kill {kill} came too late");
        assert!(census[&new].total() > 0, "kill {kill} came too early");
        process = region.serve().await;
    }
    // While the rest goes on: what is changed stays changed.
    for app in changed {
        region.patch(app, "\"1\"").await;
    }
    eventually("everything to be sealed anew", || {
        region.rotations("done") == 1
    })
    .await;
    assert_eq!(region.rotations("begun"), KILLS + 1);
    let status = printed(&region.keys("status"));
    assert_eq!(status["keys"][0]["key_id"], *new, "{status}");
    assert_eq!(status["keys"][0]["records"], APPS, "{status}");
    assert_eq!(status["keys"][1]["seals"], "nothing", "{status}");
    for (app, etag) in sample.iter().zip(&etags) {
        assert_eq!(region.etag(app).await, *etag);
    }
    for app in changed {
        let shown: Value = region.show(app).await.json().await.unwrap();
        assert_eq!(shown["plan"], "basic", "a change was lost");
    }

    // The old key goes, while the gateway runs and for good.
    let keys = fs::read_to_string(region.path("seal.key")).unwrap();
    write_keys(&region.path("seal.key"), &without(&keys, &old));
    ends(&region.check(), 0, "");
    let log = process.end().await;
    assert!(!log.contains("stay as they were"), "{log}");
    assert_eq!(region.census().await.len(), 1);
    let process = region.serve().await;
    for app in apps.iter().step_by(50).chain(changed) {
        assert_eq!(region.served(app).await, 200, "{}", app.app);
    }
    process.end().await;
    region.world.finish().await;
}

/// Control: an old key that is taken out too early is told, whether the gateway runs or not.
#[tokio::test]
async fn a_key_in_use_is_not_let_go() {
    let region = Region::new(82).await;
    let registry = region.registry().await;
    let app = registered(&registry, 1).await;
    drop(registry);
    let file = region.path("seal.key");
    let good = fs::read_to_string(&file).unwrap();
    let old = KeyFile::<config::SealKey>::read(&file)
        .unwrap()
        .keys
        .remove(0);
    let process = region.serve().await;
    eventually("the first count", || region.path("keys.json").exists()).await;

    // Another key in place of the one in use, and then a file that is none: the last good one stays.
    let other = format!("fresh {}", "AAAA".repeat(10) + "AAA=\n");
    write_keys(&file, &other);
    let log = region.world.root().join("stderr");
    let logged = |text: &str| fs::read_to_string(&log).unwrap().contains(text);
    let refused = format!("the key `{}` is not in it, and still seals", old.id);
    eventually("the loss to be told", || logged(&refused)).await;
    write_keys(
        &file,
        &format!("{} {}", old.id, "AAAA".repeat(10) + "AAA=\n"),
    );
    eventually("another key to be told", || {
        logged("has other bytes than before")
    })
    .await;
    write_keys(&file, "nonsense\n");
    eventually("the bad file to be told", || logged("is not ID base64")).await;
    assert_eq!(region.served(&app).await, 200);
    process.end().await;

    write_keys(&file, &other);
    let fault = format!("the key {} is not in it, and seals 1 records", old.id);
    ends(&region.check(), 1, &fault);
    let config = region.path("gateway.yaml");
    let serve = ["serve", "--config", config.to_str().unwrap()];
    ends(&domicile(&serve), 1, &fault);

    // Without the count, the records themselves tell.
    fs::remove_file(region.path("keys.json")).unwrap();
    ends(&region.check(), 0, "");
    let told = format!(
        "sealed under the seal key `{}`, which is not in keys.seal",
        old.id
    );
    ends(&domicile(&serve), 1, &told);
    write_keys(
        &file,
        &format!("{} {}", old.id, "AAAA".repeat(10) + "AAA=\n"),
    );
    let told = format!("the seal key `{}` of keys.seal opens none", old.id);
    ends(&domicile(&serve), 1, &told);

    write_keys(&file, &good);
    let process = region.serve().await;
    assert_eq!(region.served(&app).await, 200);
    process.end().await;
    region.world.finish().await;
}

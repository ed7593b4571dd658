//! The seal key of a running gateway is replaced, with the real binary: nothing is lost when it is
//! killed in the midst of it, and the old key is not needed afterwards.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use domicile::config::{self, Config, KeyFile, RegistryStore};
use domicile::domain::{AppKey, SystemClock};
use domicile::registry::{
    Census, EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness,
    ensure_regions,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::region::{Mine, Region, domicile, ends, printed};
use crate::harness::{audit, eventually};

/// Several times what is sealed anew between two looks at the anchor.
const APPS: usize = 1_500;
const KILLS: usize = 3;

impl Region {
    fn configuration(&self) -> Config {
        config::load(&self.path("gateway.yaml")).unwrap().0
    }

    /// The region's registry as a stopped gateway has it.
    async fn registry(&self) -> Arc<Registry> {
        let config = self.configuration();
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

    fn keys(&self, command: &str) -> Output {
        let config = self.config();
        domicile(&["keys", command, "--output", "json", "--config", &config])
    }

    fn check(&self) -> Output {
        domicile(&["check", "--config", &self.config()])
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

#[track_caller]
fn faulted(check: &Output, fault: &str) {
    let told = String::from_utf8_lossy(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{told}");
    assert!(told.contains(fault), "{fault} is not in {told}");
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
        assert_eq!(region.served(app).await.0, 200, "{}", app.app);
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
    assert_eq!(region.served(&app).await.0, 200);
    process.end().await;

    write_keys(&file, &other);
    let fault = format!("the key {} is not in it, and seals 1 records", old.id);
    faulted(&region.check(), &fault);
    let config = region.config();
    let serve = ["serve", "--config", &config];
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
    assert_eq!(region.served(&app).await.0, 200);
    process.end().await;
    region.world.finish().await;
}

/// Control: `Rotation::is_settled`. A start with one key, which was counted, reads no records for it.
#[tokio::test]
async fn what_was_counted_is_not_counted_again() {
    let region = Region::new(83).await;
    let registry = region.registry().await;
    registered(&registry, 1).await;
    drop(registry);
    let (file, counts) = (region.path("seal.key"), region.path("keys.json"));
    let process = region.serve().await;
    eventually("the first count", || counts.exists()).await;
    process.end().await;

    let good = fs::read_to_string(&file).unwrap();
    let mut keys = KeyFile::<config::SealKey>::read(&file).unwrap().keys;
    let id = keys.remove(0).id;
    let count = |others: u64| {
        let keys =
            json!({&id: {"records": 7, "accounts": 1}, "gone": {"records": others, "accounts": 0}});
        json!({"format": 1, "time": "2026-01-01T00:00:00Z", "newest": id, "keys": keys}).to_string()
    };
    // Settled, though the number is another one by now.
    fs::write(&counts, count(0)).unwrap();
    let process = region.serve().await;
    // Two complaints are two looks: the first one's count would be over.
    let log = region.world.root().join("stderr");
    let logged = |text: &str| fs::read_to_string(&log).unwrap().contains(text);
    write_keys(&file, "nonsense\n");
    eventually("the bad file to be told", || logged("is not ID base64")).await;
    write_keys(&file, &format!("{id} {}", "AAAA".repeat(10) + "AAA=\n"));
    eventually("another key to be told", || {
        logged("has other bytes than before")
    })
    .await;
    assert_eq!(fs::read_to_string(&counts).unwrap(), count(0));
    process.end().await;

    // With a second key there may be something to seal anew.
    write_keys(
        &file,
        &format!("{good}older {}", "AAAA".repeat(10) + "AAA=\n"),
    );
    let process = region.serve().await;
    eventually("a new count", || {
        fs::read_to_string(&counts).unwrap() != count(0)
    })
    .await;
    process.end().await;
    region.world.finish().await;
}

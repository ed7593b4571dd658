//! `domicile demo`, run as a newcomer runs it (SPEC 5): the process, its document, its regions.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domicile::observe::Stopwatch;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// A running `domicile demo --json`.
struct Demo {
    child: Child,
    document: Value,
    http: Client,
}

impl Demo {
    fn start(data: &Path) -> Self {
        for _ in 0..5 {
            if let Some(demo) = Self::try_start(data, free_base()) {
                return demo;
            }
        }
        panic!("the demo does not start on any of five bases");
    }

    fn try_start(data: &Path, base: u16) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_domicile"))
            .args(["demo", "--json", "--port", &base.to_string(), "--data"])
            .arg(data)
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        let document = loop {
            if out.read_line(&mut text).unwrap() == 0 {
                let _ = child.wait();
                return None;
            }
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                break document;
            }
        };
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = out.read_to_end(&mut rest);
        });
        let ca = std::fs::read(document["ca"].as_str().unwrap()).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let http = Client::builder()
            .no_proxy()
            .tls_certs_only([ca])
            .build()
            .unwrap();
        Some(Self {
            child,
            document,
            http,
        })
    }

    fn app(&self, zone: &str) -> &Value {
        let apps = self.document["apps"].as_array().unwrap();
        apps.iter().find(|a| a["zone"] == zone).unwrap()
    }

    fn url(&self, region: &str, kind: &str) -> &str {
        self.document["regions"][region][kind].as_str().unwrap()
    }

    /// `GET users/{user}` of the App at a region's gateway, with the user's token.
    async fn user(&self, app: &Value, region: &str) -> (StatusCode, Value) {
        let path = format!(
            "{}/{}/users/{}",
            text(app, "org"),
            text(app, "app"),
            text(app, "user")
        );
        let url = format!("{}/{path}", self.url(region, "https"));
        let call = self.http.get(url).bearer_auth(text(app, "user_token"));
        let answer = call.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn metrics(&self, region: &str) -> String {
        let url = format!("{}/metrics", self.url(region, "ops"));
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Ends it as an operator does, and waits.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let told = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            let patience = Duration::from_secs(60);
            assert!(told.elapsed() < patience, "the demo does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// A base whose sixteen ports are free right now.
fn free_base() -> u16 {
    let offsets = || (0..4u16).flat_map(|tens| (1..=4).map(move |n| 10 * tens + n));
    loop {
        let any = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = any.local_addr().unwrap().port();
        let is_free = |port: Option<u16>| {
            port.is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if offsets().all(|offset| is_free(base.checked_add(offset))) {
            return base;
        }
    }
}

const REGIONS: [&str; 4] = ["beijing", "singapore", "frankfurt", "virginia"];
const ZONES: [&str; 5] = ["bj1", "vip6", "sg1", "fra1", "va1"];

/// P1: every App is served at home and nowhere else; nothing is counted as a violation.
#[tokio::test]
async fn every_app_is_served_at_home_and_refused_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    for zone in ZONES {
        let app = demo.app(zone);
        for region in REGIONS {
            let (status, body) = demo.user(app, region).await;
            if app["region"] == region {
                assert_eq!(status, 200, "{zone} at {region}: {body}");
                assert_eq!(body["entities"][0]["username"], app["user"]);
            } else {
                assert_eq!(status, 421, "{zone} at {region}: {body}");
                assert_eq!(body["code"], "app_lives_elsewhere");
                assert_eq!(body["home_region"], app["region"]);
                let home = demo.url(text(app, "region"), "https");
                assert_eq!(body["home_endpoints"]["rest"], json!([home]));
            }
        }
    }
    for region in REGIONS {
        let metrics = demo.metrics(region).await;
        for kind in ["foreign_path", "foreign_app"] {
            let line = format!(r#"domicile_residency_violations_total{{kind="{kind}"}} 0"#);
            assert!(metrics.contains(&line), "{region}");
        }
    }
    demo.stop();
}

/// P2: every spelling of a migration is refused, audited and counted.
#[tokio::test]
async fn an_app_cannot_be_moved() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let app = demo.app("fra1");
    let key = text(&demo.document["regions"]["frankfurt"], "admin_key");
    let base = format!(
        "{}/v1/apps/{}",
        demo.url("frankfurt", "admin"),
        text(app, "app_id")
    );
    let calls = [
        demo.http
            .put(format!("{base}/region"))
            .json(&json!({"region": "virginia"})),
        demo.http.patch(format!("{base}/region")),
        demo.http.post(format!("{base}/move")),
        demo.http.post(format!("{base}/migrate")),
        demo.http.post(format!("{base}/export")),
        demo.http.patch(&base).json(&json!({"region": "virginia"})),
    ];
    let attempts = calls.len();
    for call in calls {
        let answer = call.bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), 409);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["code"],
            "region_immutable"
        );
    }
    let line = format!("domicile_migration_attempts_total {attempts}");
    assert!(demo.metrics("frankfurt").await.contains(&line));
    let audit = crate::harness::audit::entries(&data.path().join("frankfurt/audit")).join("\n");
    assert!(
        audit.matches("region_immutable").count() >= attempts,
        "{audit}"
    );
    demo.stop();
}

/// What was registered and stored is there after a restart; the ports may be others.
#[tokio::test]
async fn a_restart_keeps_everything() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let before = demo.document["apps"].clone();
    demo.stop();
    let demo = Demo::start(data.path());
    for (old, new) in before
        .as_array()
        .unwrap()
        .iter()
        .zip(demo.document["apps"].as_array().unwrap())
    {
        for member in ["app_id", "app_key", "region", "zone", "certificate", "user"] {
            assert_eq!(old[member], new[member], "{member}");
        }
        let (status, _) = demo.user(old, text(old, "region")).await;
        assert_eq!(status, 200, "a token from before the restart");
    }
    demo.stop();
}

/// P6: no App certificate is on disk in the clear.
#[tokio::test]
async fn no_certificate_is_on_disk_in_the_clear() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let certificates: Vec<String> = ZONES
        .iter()
        .map(|zone| text(demo.app(zone), "certificate").to_owned())
        .collect();
    demo.stop();
    let mut searched = 0;
    search(data.path(), &mut |path, bytes| {
        searched += 1;
        for certificate in &certificates {
            let found = bytes
                .windows(certificate.len())
                .any(|w| w == certificate.as_bytes());
            assert!(!found, "a certificate is in {}", path.display());
        }
    });
    assert!(searched > 20, "only {searched} files");
}

fn search(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, look);
        } else {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}

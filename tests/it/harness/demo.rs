//! `domicile demo` as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domicile::observe::Stopwatch;
use parking_lot::Mutex;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::apps::TTL;
use super::plan::REGIONS;
use super::process::system_now;
use super::scrape::Metrics;

/// A running `domicile demo --json`.
pub struct Demo {
    child: Mutex<Child>,
    pub document: Value,
    pub http: Client,
}

/// An App that a test has registered at a demo.
#[derive(Clone)]
pub struct DemoApp {
    pub region: String,
    pub org: String,
    pub app: String,
    pub app_key: String,
    pub app_id: String,
    pub certificate: String,
}

impl Demo {
    pub fn start(data: &Path) -> Self {
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
            child: Mutex::new(child),
            document,
            http,
        })
    }

    /// The file of the CA that its gateways' certificates are from.
    pub fn ca(&self) -> &Path {
        Path::new(text(&self.document, "ca"))
    }

    /// # Panics
    /// When anything was found on a wrong path in any region.
    pub async fn is_clean(&self) {
        for (region, _) in REGIONS {
            let metrics = self.measured(region).await;
            let violations = metrics.sum("domicile_residency_violations_total", &[]);
            assert!(violations == 0.0, "{violations} violations in {region}");
        }
    }

    pub fn app(&self, zone: &str) -> &Value {
        let apps = self.document["apps"].as_array().unwrap();
        apps.iter().find(|a| a["zone"] == zone).unwrap()
    }

    pub fn url(&self, region: &str, kind: &str) -> &str {
        self.document["regions"][region][kind].as_str().unwrap()
    }

    pub async fn metrics(&self, region: &str) -> String {
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

    pub async fn measured(&self, region: &str) -> Metrics {
        Metrics {
            text: self.metrics(region).await,
        }
    }

    /// Registers `it#{app}` in a region.
    pub async fn register(&self, region: &str, app: &str) -> DemoApp {
        let body = json!({"org": "it", "app": app, "region": region});
        let made = self.admin(region, Method::POST, "apps", body).await;
        DemoApp {
            region: region.to_owned(),
            org: "it".to_owned(),
            app: app.to_owned(),
            app_key: text(&made, "app_key").to_owned(),
            app_id: text(&made, "app_id").to_owned(),
            certificate: text(&made["certificate"], "value").to_owned(),
        }
    }

    /// A call of the admin API that succeeds, under `/v1/`.
    pub async fn admin(&self, region: &str, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/v1/{path}", self.url(region, "admin"));
        let key = self.url(region, "admin_key");
        let call = self.http.request(method, url).bearer_auth(key).json(&body);
        let answer = call.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json().await.unwrap()
    }

    /// What the App's backend does: a REST call at home with the App's token, which succeeds.
    pub async fn rest(&self, app: &DemoApp, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/{}/{path}", self.url(&app.region, "https"), app.path());
        let call = self.http.request(method, url).bearer_auth(app.app_token());
        let answer = call.json(&body).send().await.unwrap();
        let status = answer.status();
        let body = answer.json().await.unwrap();
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    /// Ends it as an operator does, and waits.
    pub fn stop(&self) {
        let mut child = self.child.lock();
        terminate(&child);
        let told = Stopwatch::start();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            let patience = Duration::from_secs(60);
            assert!(told.elapsed() < patience, "the demo does not end");
            std::thread::yield_now();
        }
    }
}

fn terminate(child: &Child) {
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.unwrap().success());
}

impl DemoApp {
    /// `{org}/{app}`
    pub fn path(&self) -> String {
        format!("{}/{}", self.org, self.app)
    }

    fn app_token(&self) -> String {
        let (id, certificate) = (&self.app_id, &self.certificate);
        access_token::build_app_token(id, certificate, TTL, system_now(), SALT).unwrap()
    }

    /// A user's token that died an hour ago.
    pub fn expired_token(&self, user: &str) -> String {
        let (id, certificate) = (&self.app_id, &self.certificate);
        let long_ago = system_now() - 2 * TTL;
        access_token::build_user_token(id, certificate, user, TTL, long_ago, SALT).unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
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

/// Tokens need not differ here.
const SALT: u32 = 1;

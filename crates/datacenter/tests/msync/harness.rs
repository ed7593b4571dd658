//! A data centre with all three listeners behind a shared secret, and REST to it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datacenter::{Clock, DataCentre, GatewayAuth, SealKey, SealKeys, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const SECRET: &str = "between the two of us";
/// 2026-11-23T19:00:00Z
pub const NOW: u64 = 1_795_460_400_000;
pub const APP: &str = "/acme/chat";
pub const APP_KEY: &str = "acme#chat";
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Stands until it is moved.
pub struct StandingClock(AtomicU64);

impl Clock for StandingClock {
    fn unix_millis(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct Running {
    pub centre: DataCentre,
    pub clock: Arc<StandingClock>,
    data: TempDir,
    http: Client,
}

impl Running {
    /// With these users.
    pub async fn start(users: &[&str]) -> Running {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock(AtomicU64::new(NOW)));
        let centre = Running::open(data, clock).await;
        for user in users {
            centre.post("users", json!({ "username": user })).await;
        }
        centre
    }

    /// Shuts down and starts again with the same data.
    pub async fn restart(self) -> Running {
        self.centre.shutdown().await;
        Running::open(self.data, self.clock).await
    }

    async fn open(data: TempDir, clock: Arc<StandingClock>) -> Running {
        let centre = DataCentre::start(settings(&data, clock.clone()));
        #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
        let http = Client::builder().no_proxy().timeout(DEADLINE);
        Running {
            centre: centre.await.unwrap(),
            clock,
            data,
            http: http.build().unwrap(),
        }
    }

    pub fn pass(&self, millis: u64) {
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{APP}/{path}", self.centre.rest_addr());
        let request = self.http.request(method, url);
        request.header("Domicile-Gateway-Secret", SECRET)
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.request(Method::POST, path).json(&body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub async fn delete(&self, path: &str) {
        let response = self.request(Method::DELETE, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }

    /// A group of ann's.
    pub async fn group(&self, members: &[&str]) -> String {
        let new = json!({"groupname": "crew", "owner": "ann", "members": members});
        let made = self.post("chatgroups", new).await;
        made["data"]["groupid"].as_str().unwrap().to_owned()
    }

    /// A room of ann's.
    pub async fn room(&self, members: &[&str]) -> String {
        let new = json!({"name": "hall", "owner": "ann", "members": members});
        let made = self.post("chatrooms", new).await;
        made["data"]["id"].as_str().unwrap().to_owned()
    }
}

pub fn settings(data: &TempDir, clock: Arc<StandingClock>) -> Settings {
    Settings {
        region: "frankfurt".to_owned(),
        zone: "fra1".to_owned(),
        data: data.path().to_owned(),
        rest: "127.0.0.1:0".parse().unwrap(),
        websocket: Some("127.0.0.1:0".parse().unwrap()),
        msync: Some("127.0.0.1:0".parse().unwrap()),
        auth: GatewayAuth::Secret(SECRET.to_owned()),
        keys: keys(&[7]),
        away: Duration::from_millis(100),
        sweep_every: datacenter::SWEEP_EVERY,
        clock,
    }
}

/// Fails rather than hangs.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap()
}

/// Keys that are told by their bytes, newest first.
pub fn keys(bytes: &[u8]) -> SealKeys {
    let key = |byte: &u8| SealKey {
        id: format!("key-{byte}"),
        key: zeroize::Zeroizing::new([*byte; 32]),
    };
    SealKeys::new(bytes.iter().map(key).collect()).unwrap()
}

//! A data centre on a port that the system picks, a clock that stands, and a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datacenter::{Clock, DataCentre, GatewayAuth, SealKey, SealKeys, Settings, StartError};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const SECRET: &str = "between the two of us";
/// 2026-11-23T19:00:00Z
pub const NOW: u64 = 1_795_460_400_000;
/// `/{org}/{app}` of most tests.
pub const APP: &str = "/acme/chat";

/// Stands until it is moved.
pub struct StandingClock(AtomicU64);

impl Clock for StandingClock {
    fn unix_millis(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running data centre behind a shared secret.
pub struct Running {
    centre: DataCentre,
    pub data: TempDir,
    pub clock: Arc<StandingClock>,
    client: Client,
}

impl Running {
    pub async fn start() -> Running {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock(AtomicU64::new(NOW)));
        Running::open(data, clock).await
    }

    /// Shuts down and starts again with the same data.
    pub async fn restart(self) -> Running {
        self.centre.shutdown().await;
        Running::open(self.data, self.clock).await
    }

    async fn open(data: TempDir, clock: Arc<StandingClock>) -> Running {
        let started = Running::try_open(data, clock, &[7]).await;
        started.map_err(|(_, error)| error).unwrap()
    }

    /// With these keys, as [`keys`] makes them; gives the data back when it does not start.
    pub async fn with_keys(data: TempDir, keys: &[u8]) -> Result<Running, (TempDir, StartError)> {
        let clock = Arc::new(StandingClock(AtomicU64::new(NOW)));
        Running::try_open(data, clock, keys).await
    }

    pub async fn stop(self) -> TempDir {
        self.centre.shutdown().await;
        self.data
    }

    async fn try_open(
        data: TempDir,
        clock: Arc<StandingClock>,
        all: &[u8],
    ) -> Result<Running, (TempDir, StartError)> {
        let auth = GatewayAuth::Secret(SECRET.to_owned());
        let mut settings = settings(&data, auth, clock.clone());
        settings.keys = keys(all);
        let centre = match DataCentre::start(settings).await {
            Ok(centre) => centre,
            Err(error) => return Err((data, error)),
        };
        let client = client().build().unwrap();
        Ok(Running {
            centre,
            data,
            clock,
            client,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.centre.rest_addr()
    }

    pub fn pass(&self, millis: u64) {
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Unix milliseconds by its clock.
    pub fn now(&self) -> u64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    /// A request as a gateway sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address());
        self.client
            .request(method, url)
            .header("Domicile-Gateway-Secret", SECRET)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn connect(&self) -> TcpStream {
        #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Asks for a target byte for byte and gives back the whole answer.
    pub async fn raw(&self, target: &str) -> String {
        let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        self.send_raw(&head).await
    }

    /// Sends a head, completed by the secret, and gives back the whole answer.
    pub async fn send_raw(&self, head: &str) -> String {
        let head = format!("{head}Domicile-Gateway-Secret: {SECRET}\r\n\r\n");
        self.send_whole(&head).await
    }

    /// Sends these bytes as they are, and gives back the whole answer.
    pub async fn send_whole(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        tokio::time::timeout(DEADLINE, reading)
            .await
            .unwrap()
            .unwrap();
        answer
    }
}

pub fn settings(data: &TempDir, auth: GatewayAuth, clock: Arc<dyn Clock>) -> Settings {
    Settings {
        region: "frankfurt".to_owned(),
        zone: "fra1".to_owned(),
        data: data.path().to_owned(),
        rest: "127.0.0.1:0".parse().unwrap(),
        websocket: None,
        msync: None,
        auth,
        keys: keys(&[7]),
        away: datacenter::AWAY,
        sweep_every: datacenter::SWEEP_EVERY,
        clock,
    }
}

pub fn standing_clock() -> Arc<dyn Clock> {
    Arc::new(StandingClock(AtomicU64::new(NOW)))
}

/// Follows nothing, goes through nothing.
pub fn client() -> ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(DEADLINE)
}

pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// A header's text.
pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap().to_str().unwrap()
}

pub const DEADLINE: Duration = Duration::from_secs(20);

/// Keys that are told by their bytes, newest first.
pub fn keys(bytes: &[u8]) -> SealKeys {
    let key = |byte: &u8| SealKey {
        id: format!("key-{byte}"),
        key: zeroize::Zeroizing::new([*byte; 32]),
    };
    SealKeys::new(bytes.iter().map(key).collect()).unwrap()
}

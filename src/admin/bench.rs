//! The admin API over a real registry, called in-process.

use std::collections::BTreeMap;
use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::*;
use crate::audit::Entry;
use crate::domain::{AppId, ZoneId};
use crate::registry::{App, Home, NewAccount, Registry, Role, SystemRandomness};

mod region;

pub use region::Region;

pub const NOW: u64 = 1_760_000_000;

pub struct Bench {
    pub region: Region,
    pub events: Arc<Events>,
    pub eraser: Arc<Erasing>,
    service: TowerToHyperService<axum::Router>,
    keys: Vec<(Role, AdminKey)>,
    tasks: TaskTracker,
}

#[derive(Default)]
pub struct Events {
    pub migrations: AtomicU64,
    pub refusals: AtomicU64,
}

impl AdminEvents for Events {
    fn migration_attempt(&self) {
        self.migrations.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, _: &'static str) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }
}

struct Healthy;

/// A data centre that erases, or fails as it is told.
pub struct Erasing {
    pub asked: Mutex<Vec<(String, Subject)>>,
    pub fault: Mutex<Option<NotErased>>,
    /// A permit for each erasure behind which all has settled.
    pub settle: Semaphore,
}

impl Default for Erasing {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            fault: Mutex::default(),
            settle: Semaphore::new(0),
        }
    }
}

impl Eraser for Erasing {
    fn erase<'a>(
        &'a self,
        app: &'a App,
        subject: &'a Subject,
    ) -> BoxFuture<'a, Result<Erased, NotErased>> {
        let asked = (app.app_id.to_string(), subject.clone());
        self.asked.lock().push(asked);
        let erased = Erased {
            erasure_id: "00".repeat(16),
            counts: BTreeMap::from([("messages".to_owned(), 3)]),
            digest: format!("sha256:{}", "00".repeat(32)),
            completed_at: NOW * 1_000,
        };
        let fault = *self.fault.lock();
        Box::pin(ready(fault.map_or(Ok(erased), Err)))
    }

    fn settled<'a>(&'a self, _: &'a App) -> BoxFuture<'a, ()> {
        Box::pin(async { self.settle.acquire().await.unwrap().forget() })
    }
}

impl ZoneHealth for Healthy {
    fn is_healthy(&self, _: &ZoneId) -> Option<bool> {
        Some(true)
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    pub json: Value,
}

impl Answer {
    pub fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_default()
    }

    pub fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.text("code"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The fields that a 422 names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array();
        let fields = errors
            .into_iter()
            .flatten()
            .map(|e| e["field"].as_str().unwrap());
        fields.collect()
    }
}

impl Bench {
    /// Frankfurt, with an account for each role.
    pub async fn new() -> Self {
        let region = Region::open().await;
        let events = Arc::new(Events::default());
        let eraser = Arc::new(Erasing::default());
        let tasks = TaskTracker::new();
        let router = router(AdminState {
            region: region::id(),
            catalogue: Arc::clone(region.registry.catalogue()),
            registry: Arc::clone(&region.registry),
            audit: Arc::clone(&region.audit),
            clock: region.clock.clone(),
            randomness: Arc::new(SystemRandomness),
            events: events.clone(),
            zones: Arc::new(Healthy),
            eraser: eraser.clone(),
            tokens: TokenRules {
                max_age: Duration::from_secs(86_400),
            },
            tasks: tasks.clone(),
        });
        let keys = add_accounts(&region.registry).await;
        Self {
            region,
            events,
            eraser,
            service: TowerToHyperService::new(router),
            keys,
            tasks,
        }
    }

    /// Waits for what goes on behind the answers.
    pub async fn done(&self) {
        self.tasks.close();
        let done = tokio::time::timeout(Duration::from_secs(30), self.tasks.wait()).await;
        done.expect("what goes on ends");
    }

    pub fn service(&self) -> TowerToHyperService<axum::Router> {
        self.service.clone()
    }

    pub fn key(&self, role: Role) -> &str {
        let (_, key) = self.keys.iter().find(|(r, _)| *r == role).unwrap();
        key.expose()
    }

    /// A call by the owner.
    pub async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.call_with(self.key(Role::Owner), method, path, body, &[])
            .await
    }

    pub async fn call_with(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {key}");
        let mut all = vec![(AUTHORIZATION.as_str(), bearer.as_str())];
        all.extend(headers);
        self.send(method, path, body, &all).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        request.extensions_mut().insert(PeerAddr(peer));
        let response = self.service.call(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Registers an App and gives its id.
    pub async fn app(&self, name: &str) -> String {
        let body = format!(r#"{{"org": "acme", "app": "{name}", "region": "frankfurt"}}"#);
        let answer = self.call("POST", "/v1/apps", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.text("app_id").to_owned()
    }

    /// What the registry has of an App.
    pub async fn record(&self, app_id: &str) -> Arc<App> {
        let id = AppId::parse(app_id).unwrap();
        let known = self.region.registry.app(&id).await.unwrap().unwrap();
        match known.home {
            Home::Here(app) => app,
            Home::Elsewhere(region) => panic!("it lives in {region}"),
        }
    }

    pub fn audited(&self) -> Vec<Entry> {
        self.region.audit.read(None, 1_000).unwrap()
    }
}

async fn add_accounts(registry: &Registry) -> Vec<(Role, AdminKey)> {
    let mut keys = Vec::new();
    for role in [Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor] {
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        let account = NewAccount {
            name: format!("{role:?}"),
            role,
            apps: Vec::new(),
            orgs: Vec::new(),
            allow_from: Vec::new(),
            key_hash: key.hash().as_str().to_owned(),
        };
        registry.create_account(account).await.unwrap();
        keys.push((role, key));
    }
    keys
}

//! The etcd, filled with what a region's file has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domicile::config::{self, RegistryStore};
use domicile::registry::{EmbeddedStore, Entry, Key, Store};
use reqwest::Client;
use serde_json::{Value, json};

use crate::process::EtcdProcess;
use crate::region::Region;

pub struct Etcd {
    process: EtcdProcess,
    http: Client,
}

/// Operations of a transaction; etcd takes 128.
const BATCH: usize = 128;
const CHUNK: usize = 4_096;
/// Transactions that are under way at once.
const WRITERS: usize = 8;

impl Etcd {
    /// Moves everything that the region's file has into etcd.
    pub async fn of(region: &Region) -> Self {
        let etcd = Self {
            process: EtcdProcess::roomy(),
            #[expect(clippy::disallowed_methods, reason = "a bench fills etcd by itself")]
            http: Client::builder().no_proxy().build().unwrap(),
        };
        let (config, _) = config::load(&region.config()).expect("a configuration");
        let RegistryStore::Embedded { path } = &config.registry.store else {
            unreachable!("it is embedded")
        };
        let store = EmbeddedStore::open(path).unwrap();
        for kind in ["regions", "pins", "apps", "accounts", "chain"] {
            etcd.take(&*store, kind).await;
        }
        etcd
    }

    async fn take(&self, store: &dyn Store, kind: &str) {
        if kind == "regions" {
            let key = Key::regions();
            let value = store.read(vec![key.clone()]).await.unwrap();
            let value = value.into_iter().next().unwrap().unwrap();
            return self.put(&[(key, value)]).await;
        }
        let prefix = Key::from_text(&format!("{kind}/frankfurt/"));
        let mut after = None;
        loop {
            let entries = store.range(prefix.clone(), after, CHUNK).await.unwrap();
            let batches: Vec<&[Entry]> = entries.chunks(BATCH).collect();
            for some in batches.chunks(WRITERS) {
                futures_util::future::join_all(some.iter().map(|batch| self.put(batch))).await;
            }
            if entries.len() < CHUNK {
                return;
            }
            after = entries.last().map(|(key, _)| key.clone());
        }
    }

    async fn put(&self, entries: &[Entry]) {
        let put = |(key, value): &Entry| {
            let key = STANDARD.encode(format!("/domicile/{}", key.as_str()));
            json!({"request_put": {"key": key, "value": STANDARD.encode(value)}})
        };
        let puts: Vec<Value> = entries.iter().map(put).collect();
        self.ask("kv/txn", &json!({ "success": puts })).await;
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let post = self.http.post(format!("{}/v3/{path}", self.url()));
        let answer = post.json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    pub fn url(&self) -> String {
        self.process.url()
    }

    /// What the Apps take there.
    pub async fn size(&self, apps: usize) -> Vec<(&'static str, String)> {
        let status = self.ask("maintenance/status", &json!({})).await;
        let number = |name: &str| status[name].as_str().unwrap().parse::<usize>().unwrap();
        let memory = self.metric("process_resident_memory_bytes").await;
        vec![
            (
                "etcd's file in use, MiB",
                (number("dbSizeInUse") >> 20).to_string(),
            ),
            (
                "the same, bytes an App",
                (number("dbSizeInUse") / apps).to_string(),
            ),
            (
                "etcd's memory, MiB",
                format!("{:.0}", memory / f64::from(1 << 20)),
            ),
        ]
    }

    /// Requests that etcd has answered: reads are transactions, too.
    pub async fn requests(&self) -> f64 {
        let text = self.metrics().await;
        let counted = text.lines().filter(|line| {
            line.starts_with("grpc_server_handled_total")
                && (line.contains(r#"grpc_method="Txn""#)
                    || line.contains(r#"grpc_method="Range""#))
        });
        counted.map(last).sum()
    }

    async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(&format!("{name} ")));
        last(line.unwrap())
    }

    async fn metrics(&self) -> String {
        let get = self.http.get(format!("{}/metrics", self.url()));
        get.send().await.unwrap().text().await.unwrap()
    }
}

fn last(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

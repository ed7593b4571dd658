//! What a page of a registry in etcd costs, beside the same page asked for in one piece up to the
//! end of the range: `cargo bench --bench etcd_pages -- 1000 100000 300000`.
//!
//! It fills a real etcd (its data in memory) with entries as large as records, at names that are
//! hashes. What they say is not read here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench's own helpers")]
#![expect(
    clippy::print_stdout,
    reason = "a bench says what it found, for people"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench looks at the clock, and fills etcd by itself"
)]

#[path = "../src/registry/tests/etcd/process.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod process;

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domicile::config::EtcdConfig;
use domicile::domain::RegionId;
use domicile::registry::{EtcdStore, Key, Store as _};
use process::EtcdProcess;
use reqwest::Client;
use serde_json::{Value, json};

/// As large as the record of an App with one certificate, in bytes.
const RECORD: usize = 600;
/// Operations of a transaction; etcd takes 128.
const BATCH: usize = 128;
const PAGE: usize = 64;
/// Pages of which the median is told.
const PAGES: usize = 31;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only wants to see that it starts.
    if arguments.iter().any(|arg| arg == "--test") {
        return;
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 100_000];
    }
    println!("| entries | a page of {PAGE}, ms | in one piece, ms | ratio |\n|--:|--:|--:|--:|");
    for size in sizes {
        measure(size).await;
    }
}

async fn measure(size: usize) {
    let etcd = EtcdProcess::start();
    let http = Client::builder().no_proxy().build().unwrap();
    fill(&http, &etcd.url(), size).await;
    let region = RegionId::parse("frankfurt").unwrap();
    let config = EtcdConfig {
        endpoints: vec![etcd.url()],
        prefix: "/domicile".to_owned(),
        user: None,
        ca: None,
        identity: None,
    };
    let store = EtcdStore::open(&config, &region).unwrap();
    let prefix = Key::apps(&region);
    let (mut ours, mut whole) = (Vec::new(), Vec::new());
    for n in 0..PAGES {
        let after = name(n * size / PAGES);
        let began = Instant::now();
        let page = store.range(prefix.clone(), Some(Key::from_text(&after)), PAGE);
        let page = page.await.unwrap();
        ours.push(began.elapsed());
        let began = Instant::now();
        let found = in_one_piece(&http, &etcd.url(), &after).await;
        whole.push(began.elapsed());
        assert_eq!(found, page.len());
    }
    let (ours, whole) = (median(ours), median(whole));
    let ratio = ours.as_secs_f64() / whole.as_secs_f64();
    println!("| {size} | {} | {} | {ratio:.2} |", ms(ours), ms(whole));
}

async fn fill(http: &Client, url: &str, size: usize) {
    let value = STANDARD.encode([7; RECORD]);
    let numbers: Vec<usize> = (0..size).collect();
    for some in numbers.chunks(BATCH) {
        let put = |n: &usize| json!({"request_put": {"key": key(&name(*n)), "value": value}});
        let puts: Vec<Value> = some.iter().map(put).collect();
        let body = json!({ "success": puts });
        let answer = http.post(format!("{url}/v3/kv/txn")).json(&body).send();
        assert!(answer.await.unwrap().status().is_success());
    }
}

/// How many entries came.
async fn in_one_piece(http: &Client, url: &str, after: &str) -> usize {
    let range = json!({
        "key": STANDARD.encode(format!("/domicile/{after}\0")),
        "range_end": key("apps/frankfurt0"),
        "limit": PAGE,
    });
    let body = json!({ "success": [{ "request_range": range }] });
    let answer = http.post(format!("{url}/v3/kv/txn")).json(&body).send();
    let answer: Value = answer.await.unwrap().json().await.unwrap();
    let found = &answer["responses"][0]["response_range"]["kvs"];
    found.as_array().map_or(0, Vec::len)
}

fn name(n: usize) -> String {
    let hash = digest(&SHA256, &n.to_be_bytes());
    format!("apps/frankfurt/{}", hex::encode(hash))
}

fn key(key: &str) -> String {
    STANDARD.encode(format!("/domicile/{key}"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

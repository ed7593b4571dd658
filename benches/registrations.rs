//! How many durable registrations a second one file takes: `cargo bench --bench registrations`.

#![allow(clippy::unwrap_used, reason = "a bench's own helpers")]

#[path = "../tests/it/registry_kit.rs"]
mod registry_kit;

use std::sync::Arc;

use domicile::domain::{AppKey, Clock, SystemClock};
use domicile::registry::{AppName, NewApp};
use registry_kit::{open, registry};

const TOTAL: u64 = 20_000;
const TASKS: u64 = 256;

#[tokio::main]
async fn main() {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(folder.path()).await;
    let registry = registry(folder.path(), &store, "frankfurt").await;
    let start = SystemClock.unix_millis();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let registry = Arc::clone(&registry);
        tasks.spawn(async move {
            for n in 0..TOTAL / TASKS {
                registry
                    .register(new(&format!("rate#{task}-{n}")))
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let took = SystemClock.unix_millis() - start;
    println!(
        "{} registrations a second",
        TOTAL / TASKS * TASKS * 1_000 / took.max(1)
    );

    let start = SystemClock.unix_millis();
    for n in 0..TOTAL / TASKS {
        let name = AppName::Key(AppKey::parse(&format!("rate#7-{n}")).unwrap());
        assert!(registry.look_up(name).await.unwrap().is_some());
    }
    let took = SystemClock.unix_millis() - start;
    println!("{} cold look-ups in {took} ms", TOTAL / TASKS);
}

fn new(key: &str) -> NewApp {
    NewApp {
        app_id: None,
        app_key: AppKey::parse(key).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    }
}

//! Registrations through the API: how many a second, and none lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::gateway::Gateway;
use super::millis;
use super::region::Region;

/// Clients that register at once, each over a connection of its own.
const CLIENTS: usize = 128;

pub async fn run(region: Region, registrations: usize) {
    let gateway = Arc::new(Gateway::start(&region).await);
    let started = millis();
    let mut acknowledged = storm(&gateway, "first", registrations / CLIENTS).await;
    let took = (millis() - started).max(1);
    let count = acknowledged.len();
    assert_eq!(count, registrations / CLIENTS * CLIENTS, "all are answered");
    println!(
        "{count} registrations by {CLIENTS} clients in {took} ms: {} a second",
        count as u64 * 1_000 / took
    );

    // The second storm is cut off by kill -9 at its half.
    let storming = Arc::clone(&gateway);
    let per_client = registrations / CLIENTS;
    let second = tokio::spawn(async move { storm(&storming, "second", per_client).await });
    tokio::time::sleep(Duration::from_millis(took / 2)).await;
    gateway.kill();
    let survived = second.await.unwrap();
    drop(gateway);
    println!("kill -9 after {} more", survived.len());
    acknowledged.extend(survived);

    let gateway = Gateway::start(&region).await;
    let there = listed(&gateway).await;
    let lost = acknowledged.difference(&there).count();
    println!(
        "started again: {} Apps, {lost} of the {} acknowledged ones lost",
        there.len(),
        acknowledged.len()
    );
    assert_eq!(lost, 0);
}

/// Each client registers its Apps one after the other, until one is not acknowledged.
async fn storm(gateway: &Arc<Gateway>, name: &'static str, each: usize) -> HashSet<String> {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let gateway = Arc::clone(gateway);
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..each {
                let app = format!("{name}-{client}-{n}");
                match gateway.register(&app).await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 201, "{app}");
                        // Read whole, as a client that needs the certificate does.
                        if answer.bytes().await.is_err() {
                            break;
                        }
                        acknowledged.push(app);
                    }
                    Err(_) => break,
                }
            }
            acknowledged
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// The names of all Apps, as the API lists them.
async fn listed(gateway: &Gateway) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/apps?limit=1000{cursor}");
        let page = gateway.get(&path).await;
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|app| app["app"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return names,
        }
    }
}

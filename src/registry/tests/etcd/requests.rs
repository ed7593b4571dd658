//! How many requests reach etcd, as its own metrics count them.

use std::sync::Arc;

use futures_util::future::join_all;

use super::process::EtcdProcess;
use super::{Part, config_of, open};
use crate::registry::tests::kit::{World, id, key, registered};
use crate::registry::{Home, Registry};

/// Reads and commits that an etcd has answered.
#[expect(clippy::disallowed_methods, reason = "the test's own way to etcd")]
async fn answered(etcd: &EtcdProcess) -> u64 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http.get(format!("{}/metrics", etcd.url())).send().await;
    let text = asked.unwrap().text().await.unwrap();
    let counted = text.lines().filter(|line| {
        line.starts_with("grpc_server_handled_total")
            && ["Txn", "Range", "Put"]
                .iter()
                .any(|method| line.contains(&format!("\"{method}\"")))
    });
    counted
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Controls: the single flight, and the likely App ID's pin in the same read. Nothing else asks
/// etcd meanwhile.
#[tokio::test]
async fn a_cold_app_is_one_request_for_any_number_of_calls() {
    let etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    let world = World::new(Arc::new(Part {
        store: open(&config).await,
    }))
    .await;
    let home = world.open("frankfurt").await;
    for (app_id, app) in [("a1", "acme#named"), ("a2", "acme#unnamed")] {
        registered(&home, id(app_id), key(app)).await;
    }
    for (app, likely, wanted) in [
        ("acme#named", Some("a1"), 1),
        ("acme#unnamed", None, 2),
        ("acme#nobodys", None, 1),
    ] {
        let mut parts = world.parts("frankfurt");
        parts.store = open(&config).await;
        let cold = Registry::open(parts).await.unwrap();
        let before = answered(&etcd).await;
        let asks = (0..100).map(|_| cold.look_up_key(key(app), || likely.map(id)));
        for found in join_all(asks).await {
            let found = found.unwrap();
            let is_here = found.is_some_and(|known| matches!(known.home, Home::Here(_)));
            assert_eq!(is_here, app != "acme#nobodys", "{app}");
        }
        assert_eq!(answered(&etcd).await - before, wanted, "{app}");
    }
}

//! The newest link, and commits that get into each other's way.

use std::sync::Arc;

use super::{account, config, open, region};
use crate::registry::{Hash, Key, Link, Store};

async fn with_links(store: &crate::registry::EtcdStore, count: u64) {
    for n in 1..=count {
        store
            .tamper(&link(n).key(&region("frankfurt")), Some(link(n).value()))
            .await;
    }
}

fn link(n: u64) -> Link {
    let hash = Hash::of_bytes(&n.to_be_bytes());
    Link { n, hash }
}

/// Control: `Etcd::search`, which reads a few links of many, and `Etcd::step`, which goes on.
#[tokio::test]
async fn the_newest_link_of_a_long_chain_is_found() {
    let (config, home) = (config(), region("frankfurt"));
    let first = open(&config).await;
    assert_eq!(first.newest_link(&home).await, Ok(None));
    with_links(&first, 600).await;
    for store in [first, open(&config).await] {
        assert_eq!(store.newest_link(&home).await, Ok(Some(link(600))));
        assert_eq!(store.link(&home, 300).await, Ok(Some(link(300))));
    }
}

/// Control: the search ends only where nothing is behind, so that nothing is written into a gap
/// that somebody made.
#[tokio::test]
async fn a_gap_in_a_chain_is_no_end() {
    let (config, home) = (config(), region("frankfurt"));
    let store = open(&config).await;
    with_links(&store, 70).await;
    for missing in [1, 32, 64] {
        let gap = Key::link(&home, missing);
        store.tamper(&gap, None).await;
        let fresh = open(&config).await;
        assert_eq!(
            fresh.newest_link(&home).await,
            Ok(Some(link(70))),
            "{missing}"
        );
        let made = fresh.commit(account(&format!("a{missing}"))).await.unwrap();
        assert_eq!(made.n, 71);
        store.tamper(&made.key(&home), None).await;
        store.tamper(&gap, Some(link(missing).value())).await;
    }
}

/// A known link that is not there any more: the chain is shorter, or another one.
#[tokio::test]
async fn a_chain_that_was_rolled_back_is_seen_as_it_is() {
    let (config, home) = (config(), region("frankfurt"));
    let store = open(&config).await;
    with_links(&store, 9).await;
    assert_eq!(store.newest_link(&home).await, Ok(Some(link(9))));
    for n in 5..=9 {
        store.tamper(&Key::link(&home, n), None).await;
    }
    assert_eq!(store.newest_link(&home).await, Ok(Some(link(4))));
    let other = Link { n: 4, ..link(7) };
    store
        .tamper(&Key::link(&home, 4), Some(other.value()))
        .await;
    assert_eq!(store.newest_link(&home).await, Ok(Some(other)));
}

/// Control: a commit that only came behind another one is tried again, by `Etcd::commit_in_turn`.
#[tokio::test]
async fn gateways_of_a_region_commit_side_by_side() {
    let config = config();
    let stores = [open(&config).await, open(&config).await];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = Arc::clone(&stores[n % 2]);
        tasks.spawn(async move { store.commit(account(&format!("a{n}"))).await });
    }
    let links = tasks.join_all().await;
    let mut numbers: Vec<u64> = links.into_iter().map(|link| link.unwrap().n).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

/// Control: `Etcd::entries` asks for smaller pages when etcd or the way to it can't carry one.
#[tokio::test]
async fn large_ranges_come_in_pieces() {
    let (config, home) = (config(), region("frankfurt"));
    let store = open(&config).await;
    let keys: Vec<Key> = (0..300)
        .map(|n| Key::account(&home, &format!("a{n:03}")))
        .collect();
    for key in &keys {
        store.tamper(key, Some(vec![7; 40_000])).await;
    }
    let found = store
        .range(Key::accounts(&home), None, 1_000)
        .await
        .unwrap();
    assert!(found.iter().map(|(key, _)| key).eq(&keys));
    let after = Some(keys[9].clone());
    let found = store.range(Key::accounts(&home), after, 280).await.unwrap();
    assert!(found.iter().map(|(key, _)| key).eq(&keys[10..290]));
    // More keys than one request takes, in their order.
    let read = store.read(keys).await.unwrap();
    assert!(read.iter().all(Option::is_some));
    let absent: Vec<Key> = (0..300)
        .map(|n| Key::account(&home, &format!("b{n}")))
        .collect();
    assert_eq!(store.read(absent).await, Ok(vec![None; 300]));
}

//! A watch that was lost goes on where it ended, or everything is asked for again.

use std::sync::Arc;

use super::faults::through_a_link;
use super::link::Link;
use super::process::EtcdProcess;
use super::{Ear, Part, account, config_of, open, region, until};
use crate::config::EtcdConfig;
use crate::registry::tests::kit::{World, id, key, registered};
use crate::registry::{AppName, EtcdStore, Key, Store};

/// Frankfurt's store behind a link, and the direct way to the same etcd.
struct Linked {
    store: Arc<EtcdStore>,
    ear: Arc<Ear>,
    link: Link,
    direct: EtcdConfig,
}

impl Linked {
    async fn to(etcd: &EtcdProcess) -> Self {
        let direct = config_of(&etcd.url(), "/domicile");
        let link = Link::to(&direct.endpoints[0]).await;
        let linked = EtcdConfig {
            endpoints: vec![link.url.clone()],
            ..direct.clone()
        };
        // As a gateway does, which watches several ranges.
        let store = EtcdStore::open(&linked, &region("frankfurt")).unwrap();
        until("a watch", async || store.is_watching()).await;
        let ear = Ear::of(&store);
        Self {
            store,
            ear,
            link,
            direct,
        }
    }

    /// Until `open` of its link.
    async fn loses_its_watch(&self) {
        self.link.close();
        until("the watch to end", async || !self.store.is_watching()).await;
    }

    async fn commits(&self, name: &str) {
        self.store.commit(account(name)).await.unwrap();
    }

    /// Another one, that knows nothing of what was.
    async fn other_commits(&self, names: &[&str]) {
        let other = open(&self.direct).await;
        for name in names {
            other.commit(account(name)).await.unwrap();
        }
    }

    async fn hears(&self, name: &str) {
        let key = Key::account(&region("frankfurt"), name);
        until("news", async || self.ear.heard(&key) > 0).await;
    }
}

async fn misses_something(ear: &Ear) {
    until("everything to be asked for again", async || {
        ear.missed() > 0
    })
    .await;
}

/// Lets etcd forget what was before this revision.
#[expect(clippy::disallowed_methods, reason = "the test's own way to etcd")]
async fn compact(etcd: &EtcdProcess, revision: u64) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http.post(format!("{}/v3/kv/compaction", etcd.url()));
    let asked = asked.body(format!(r#"{{"revision":"{revision}"}}"#));
    assert!(asked.send().await.unwrap().status().is_success());
}

/// Controls: `Etcd::resume`: what another one wrote while the watch was lost comes, and nothing else
/// need be asked for; and `Heads::heard`, which proves what was read as soon as it is heard of.
#[tokio::test]
async fn a_watch_that_was_cut_goes_on_where_it_ended() {
    let (link, linked, direct) = through_a_link().await;
    let (store, other) = (open(&linked).await, open(&direct).await);
    store.commit(account("a")).await.unwrap();
    let ear = Ear::of(&store);
    // The second time from where the first one went on.
    for (before, meanwhile) in [("b", "c"), ("d", "e")] {
        let heard = |name| ear.heard(&Key::account(&region("frankfurt"), name)) > 0;
        other.commit(account(before)).await.unwrap();
        until("news", async || heard(before)).await;
        let key = Key::account(&region("frankfurt"), before);
        assert!(store.read(vec![key]).await.unwrap()[0].is_some());
        link.close();
        until("the watch to end", async || !store.is_watching()).await;
        other.commit(account(meanwhile)).await.unwrap();
        link.open();
        until("news of meanwhile", async || heard(meanwhile)).await;
    }
    assert_eq!(ear.missed(), 0);
}

/// Control: the same for an etcd that was killed and has its data.
#[tokio::test]
async fn a_watch_of_an_etcd_that_was_killed_goes_on_where_it_ended() {
    let mut etcd = EtcdProcess::start();
    let linked = Linked::to(&etcd).await;
    linked.commits("a").await;
    linked.loses_its_watch().await;
    etcd.restart();
    linked.other_commits(&["b"]).await;
    linked.link.open();
    linked.hears("b").await;
    assert_eq!(linked.ear.missed(), 0);
}

/// Controls: `Etcd::has`, which finds another link at the revision of one that was known; and
/// `Progress::started`, which forgets that revisions were this process's own: the lost ones' numbers
/// are used again.
#[tokio::test]
async fn an_older_state_is_not_taken_for_the_one_that_was_watched() {
    let mut etcd = EtcdProcess::start();
    let linked = Linked::to(&etcd).await;
    linked.commits("a").await;
    linked.loses_its_watch().await;
    etcd.save();
    linked.link.open();
    until("a watch", async || linked.store.is_watching()).await;
    linked.commits("b").await;
    linked.commits("c").await;
    assert_eq!(linked.ear.missed(), 0);
    linked.loses_its_watch().await;
    etcd.roll_back();
    linked.other_commits(&["d"]).await;
    linked.link.open();
    misses_something(&linked.ear).await;
    linked.other_commits(&["e"]).await;
    linked.hears("e").await;
}

/// Control: the mark is given up when etcd has compacted what came since.
#[tokio::test]
async fn what_was_compacted_meanwhile_is_asked_for_again() {
    let etcd = EtcdProcess::start();
    let linked = Linked::to(&etcd).await;
    linked.commits("a").await;
    linked.loses_its_watch().await;
    linked.other_commits(&["b", "c", "d"]).await;
    // Their revisions are 2 to 5.
    compact(&etcd, 5).await;
    linked.link.open();
    misses_something(&linked.ear).await;
    assert_eq!(linked.store.trouble(), None);
    linked.other_commits(&["e"]).await;
    linked.hears("e").await;
}

/// Control: a link that is not where it was, though nothing newer is there (`Etcd::step`). What was
/// read since then is no proof of what was before.
#[tokio::test]
async fn a_known_link_that_is_gone_forbids_to_go_on() {
    let (link, linked, direct) = through_a_link().await;
    let (store, other) = (open(&linked).await, open(&direct).await);
    let (ear, home) = (Ear::of(&store), region("frankfurt"));
    for name in ["a", "b"] {
        other.commit(account(name)).await.unwrap();
        let key = Key::account(&home, name);
        until("news", async || ear.heard(&key) > 0).await;
    }
    assert_eq!(store.newest_link(&home).await.unwrap().unwrap().n, 2);
    store.tamper(&Key::link(&home, 2), None).await;
    // Now the first link is the newest one that is known, and is there.
    assert_eq!(store.newest_link(&home).await.unwrap().unwrap().n, 1);
    assert_eq!(ear.missed(), 0);
    link.close();
    link.open();
    misses_something(&ear).await;
}

/// Control: `Etcd::reads` notes what it has read. Nothing proves that it is still so.
#[tokio::test]
async fn what_was_read_and_not_heard_of_forbids_to_go_on() {
    let (link, linked, direct) = through_a_link().await;
    let (store, other) = (open(&linked).await, open(&direct).await);
    store.commit(account("a")).await.unwrap();
    let ear = Ear::of(&store);
    link.mute_open_ones();
    other.commit(account("b")).await.unwrap();
    let key = Key::account(&region("frankfurt"), "b");
    assert!(store.read(vec![key]).await.unwrap()[0].is_some());
    link.close();
    until("the watch to end", async || !store.is_watching()).await;
    link.open();
    misses_something(&ear).await;
}

/// The promise to Apps: known ones stay known when etcd was away and is the same. Nobody waits for a
/// reading.
#[tokio::test]
async fn known_apps_stay_known_when_etcd_comes_back() {
    let mut etcd = EtcdProcess::start();
    let store = open(&config_of(&etcd.url(), "/domicile")).await;
    let part = Part {
        store: Arc::clone(&store),
    };
    let world = World::new(Arc::new(part)).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let name = AppName::Key(key("acme#chat"));
    let before = home.look_up(name).await.unwrap().unwrap();
    let watching = tokio::spawn(Arc::clone(&home).watch());
    etcd.stop();
    until("the watch to end", async || !store.is_watching()).await;
    etcd.restart();
    until("a watch", async || store.is_watching()).await;
    assert!(!before.is_stale());
    let after = home.look_up(name).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&before, &after));
    watching.abort();
}

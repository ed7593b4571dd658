//! Answers that get lost, silence, and an etcd that goes away.

use tokio::net::TcpListener;

use super::link::Link;
use super::process::{EtcdProcess, TlsFiles};
use super::{Ear, account, config, config_of, open, region, until};
use crate::config::EtcdConfig;
use crate::registry::{CommitError, EtcdStore, Key, Store, Unavailable};

pub(super) async fn through_a_link() -> (Link, EtcdConfig, EtcdConfig) {
    let direct = config();
    let link = Link::to(&direct.endpoints[0]).await;
    let linked = EtcdConfig {
        endpoints: vec![link.url.clone()],
        ..direct.clone()
    };
    (link, linked, direct)
}

/// Control: `Seen::own` knows a commit by its link. Without it the second attempt finds its own
/// writing, and calls it a conflict.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_again() {
    let (link, linked, direct) = through_a_link().await;
    let store = open(&linked).await;
    store.commit(account("a")).await.unwrap();
    for (name, n) in [("b", 2), ("c", 3)] {
        link.cut_next_answer();
        let made = store.commit(account(name)).await.unwrap();
        assert!(link.was_cut());
        assert_eq!(made.n, n);
    }
    let again = store.commit(account("b")).await;
    assert_eq!(again, Err(CommitError::Conflict));
    let newest = open(&direct).await.newest_link(&region("frankfurt")).await;
    assert_eq!(newest.unwrap().unwrap().n, 3);
}

/// Control: `Progress::is_overdue`. A connection that stays open and says nothing is no watch.
#[tokio::test]
async fn a_watch_that_falls_silent_is_replaced() {
    let (link, linked, direct) = through_a_link().await;
    let (store, other) = (open(&linked).await, open(&direct).await);
    let ear = Ear::of(&store);
    link.mute_open_ones();
    other.commit(account("a")).await.unwrap();
    let home = region("frankfurt");
    until(
        "the loss to be noticed, and what was not heard",
        async || {
            // As the regular check does.
            let _newest = store.newest_link(&home).await;
            ear.heard(&Key::account(&home, "a")) > 0
        },
    )
    .await;
    other.commit(account("b")).await.unwrap();
    until("news", async || ear.heard(&Key::account(&home, "b")) > 0).await;
    assert_eq!(ear.missed(), 0);
}

/// Control: news of others' commits come, and own ones are told before they are answered, once.
#[tokio::test]
async fn news_come_from_others() {
    let config = config();
    let (store, other) = (open(&config).await, open(&config).await);
    let (ear, others) = (Ear::of(&store), Ear::of(&other));
    let home = region("frankfurt");
    let key = |name: &str| Key::account(&home, name);
    store.commit(account("a")).await.unwrap();
    assert!(ear.heard(&key("a")) > 0);
    until("news", async || others.heard(&key("a")) == 1).await;
    other.commit(account("b")).await.unwrap();
    until("news", async || ear.heard(&key("b")) == 1).await;
    assert_eq!((ear.missed(), others.missed()), (0, 0));
}

/// Control: `Cluster::call` goes on to the next member.
#[tokio::test]
async fn members_that_are_away_or_hang_are_passed_over() {
    let config = config();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}", hangs.local_addr().unwrap());
    let several = EtcdConfig {
        endpoints: vec![closed, hanging, config.endpoints[0].clone()],
        ..config
    };
    let store = open(&several).await;
    store.commit(account("a")).await.unwrap();
    assert_eq!(store.trouble(), None);
}

/// Control: after silence the watch begins again without a restart, where it ended: what another one
/// writes is heard, and nothing is missed.
#[tokio::test]
async fn an_etcd_that_went_away_comes_back() {
    let mut etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    let store = open(&config).await;
    store.commit(account("a")).await.unwrap();
    let ear = Ear::of(&store);
    etcd.stop();
    let home = region("frankfurt");
    let key = Key::account(&home, "a");
    assert_eq!(store.read(vec![key.clone()]).await, Err(Unavailable));
    assert_eq!(store.trouble(), Some("no connection to etcd"));
    let refused = store.commit(account("b")).await;
    assert_eq!(refused, Err(CommitError::Unavailable(Unavailable)));
    until("the watch to end", async || !store.is_watching()).await;
    etcd.restart();
    until("answers", async || {
        store.read(vec![key.clone()]).await == Ok(vec![Some(b"a".to_vec())])
    })
    .await;
    let other = open(&config).await;
    other.commit(account("c")).await.unwrap();
    until("news", async || ear.heard(&Key::account(&home, "c")) > 0).await;
    until("a watch", async || store.is_watching()).await;
    assert_eq!(ear.missed(), 0);
    store.commit(account("d")).await.unwrap();
    assert_eq!(store.trouble(), None);
}

/// An etcd behind a link that swallows everything: bounded, and over with it.
#[tokio::test]
async fn silence_ends_in_time() {
    let (link, linked, _) = through_a_link().await;
    let store = open(&linked).await;
    store.commit(account("a")).await.unwrap();
    link.mute(true);
    let began = tokio::time::Instant::now();
    assert_eq!(store.read(vec![Key::regions()]).await, Err(Unavailable));
    assert!(began.elapsed().as_secs() < 10);
    assert_eq!(store.trouble(), Some("etcd does not answer in time"));
    let refused = store.commit(account("b")).await;
    assert_eq!(refused, Err(CommitError::Unavailable(Unavailable)));
    link.mute(false);
    link.mute_open_ones();
    until("answers", async || {
        store.read(vec![Key::regions()]).await.is_ok()
    })
    .await;
}

/// Control: `Absence`. Nobody waits for what another one waits for, or has just waited for in vain.
#[tokio::test]
async fn while_nobody_answers_everybody_is_told_so_at_once() {
    let (link, linked, _) = through_a_link().await;
    let store = open(&linked).await;
    link.mute(true);
    link.mute_open_ones();
    assert_eq!(store.read(vec![Key::regions()]).await, Err(Unavailable));
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(store.read(vec![Key::regions()]).await, Err(Unavailable));
    }
    // One now and then goes and sees.
    assert!(began.elapsed().as_secs() < 6, "{:?}", began.elapsed());
    link.mute(false);
    until("answers", async || {
        store.read(vec![Key::regions()]).await.is_ok()
    })
    .await;
    assert_eq!(store.trouble(), None);
}

/// Control: `http::client` trusts the CA that is named, and nobody else then.
#[tokio::test]
async fn only_a_certificate_of_the_named_ca_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let [right, wrong] =
        [(), ()].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    let files = TlsFiles {
        certificate: file("etcd.crt", right.cert.pem()),
        key: file("etcd.key", right.signing_key.serialize_pem()),
    };
    let wrong = file("wrong.crt", wrong.cert.pem());
    let etcd = EtcdProcess::with_tls(files.clone());
    let with = |ca| EtcdConfig {
        ca,
        ..config_of(&etcd.url(), "/domicile")
    };
    open(&with(Some(files.certificate)))
        .await
        .commit(account("a"))
        .await
        .unwrap();
    for ca in [None, Some(wrong)] {
        let store = EtcdStore::open(&with(ca), &region("frankfurt")).unwrap();
        assert_eq!(store.read(vec![Key::regions()]).await, Err(Unavailable));
        assert_eq!(store.trouble(), Some("etcd's certificate is not accepted"));
    }
}

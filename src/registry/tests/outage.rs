//! The store is away, slow, or asked by many at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::kit::{Seals, World, id, key, region, registered, seal_key};
use super::wrappers::Wrapped;
use crate::domain::{AppId, AppKey};
use crate::registry::seal::Subject;
use crate::registry::suite::{Backend, eventually};
use crate::registry::{
    Addressed, AppName, ChangeError, Hash, Health, Home, Listener, Locator, LookUpError, Place,
    Reason, RegisterError, Registry, Status, Store, SystemRandomness, Txn,
};

async fn wrapped(world: &World, region: &str) -> (Arc<Wrapped>, Arc<Registry>) {
    let store = Wrapped::new(Arc::clone(&world.store));
    let mut parts = world.parts(region);
    parts.store = Arc::clone(&store) as _;
    parts.anchor = world.anchor("wrapped");
    let registry = Registry::open(parts).await.unwrap();
    (store, registry)
}

/// Removing the single flight makes a hundred reads of one.
pub async fn concurrent_misses_become_one_read(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    registered(&*world.open("frankfurt").await, id("a1"), key("acme#chat")).await;
    let (store, registry) = wrapped(&world, "virginia").await;
    let before = store.reads.load(Ordering::SeqCst);
    for name in [key("acme#chat"), key("acme#none")] {
        let permits = store.gate.forget_permits(usize::MAX);
        let mut asks = join_all((0..100).map(|_| registry.look_up(AppName::Key(name))));
        assert!(futures_util::poll!(&mut asks).is_pending());
        store.gate.add_permits(permits);
        let answers = asks.await;
        assert!(answers.iter().all(Result::is_ok));
    }
    assert_eq!(store.reads.load(Ordering::SeqCst) - before, 2);
    // And then none at all.
    for name in [key("acme#chat"), key("acme#none"), key("acme#CHAT")] {
        registry.look_up(AppName::Key(name)).await.unwrap();
    }
    assert_eq!(store.reads.load(Ordering::SeqCst) - before, 2);
}

/// Control: `Registry::list_some`. An App alone would take a read.
pub async fn a_page_of_apps_is_read_together(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    for n in 0..100 {
        registered(&home, id(&format!("{n:x}")), key(&format!("acme#app{n}"))).await;
    }
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let before = store.reads.load(Ordering::SeqCst);
    let page = registry.list(None, 1_000, &|_, _| true).await.unwrap();
    assert_eq!((page.items.len(), page.untrusted), (100, 0));
    assert_eq!(store.reads.load(Ordering::SeqCst) - before, 2);
}

/// Control: the probe of the keys ends after `TRIED` records, and nothing else reads any.
pub async fn a_start_reads_few_records_of_many(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = region("frankfurt");
    let seals = Seals::new(
        "frankfurt",
        vec![seal_key("frankfurt")],
        Arc::new(SystemRandomness),
    );
    let hashes: Vec<Hash> = (0_u32..600)
        .map(|n| Hash::of_bytes(&n.to_be_bytes()))
        .collect();
    for some in hashes.chunks(60) {
        let put = |txn: Txn, hash: &Hash| {
            let sealed = seals.seal(Subject::Record(hash), 1, b"{}").unwrap();
            txn.put(&Place::App(*hash), sealed)
        };
        let txn = some.iter().fold(Txn::new(home.clone()), put);
        world.store.commit(txn).await.unwrap();
    }
    let (store, registry) = wrapped(&world, "frankfurt").await;
    assert_eq!(registry.state().health, Health::Ready);
    assert_eq!(store.ranged.load(Ordering::SeqCst), 512);
}

/// One read where the App ID is known beforehand; a wrong one costs no more than none.
pub async fn a_likely_app_id_saves_a_read_and_changes_no_answer(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, far) = (world.open("frankfurt").await, world.open("virginia").await);
    registered(&home, id("a1"), key("acme#chat")).await;
    registered(&home, id("a2"), key("acme#two")).await;
    registered(&far, id("b1"), key("acme#far")).await;
    for (asked, likely, wanted) in [
        ("acme#chat", None, 2),
        ("acme#chat", Some("a1"), 1),
        ("acme#chat", Some("a2"), 2),
        ("acme#chat", Some("b1"), 2),
        ("acme#chat", Some("c1"), 2),
        ("acme#far", Some("b1"), 1),
        ("acme#far", Some("a1"), 1),
    ] {
        let (store, registry) = wrapped(&world, "frankfurt").await;
        let before = store.reads.load(Ordering::SeqCst);
        let found = registry.look_up_key(key(asked), || likely.map(id)).await;
        let found = found.unwrap().unwrap();
        match &found.home {
            Home::Here(app) => assert_eq!(app.app_id, id("a1")),
            Home::Elsewhere(region) => assert_eq!(region.as_str(), "virginia"),
        }
        assert_eq!(matches!(found.home, Home::Here(_)), asked == "acme#chat");
        let reads = store.reads.load(Ordering::SeqCst) - before;
        assert_eq!(reads, wanted, "{asked}, {likely:?}");
        let registry = wrapped(&world, "frankfurt").await.1;
        let none = registry.look_up_key(key("acme#CHAT"), || likely.map(id));
        assert!(none.await.unwrap().is_none(), "spelt otherwise");
    }
    // A call that names it is found by one read, too.
    struct Call(AppKey);
    impl Addressed for Call {
        fn app_key(&self) -> &AppKey {
            &self.0
        }

        fn likely_app_id(&self) -> Option<AppId> {
            Some(id("a1"))
        }
    }
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let before = store.reads.load(Ordering::SeqCst);
    Locator::new(registry, 16)
        .locate(Call(key("acme#chat")))
        .await
        .map(drop)
        .unwrap();
    assert_eq!(store.reads.load(Ordering::SeqCst) - before, 1);
    // By App ID: its pin first, and then the rest at once.
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let before = store.reads.load(Ordering::SeqCst);
    registry
        .look_up(AppName::Id(id("a1")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(store.reads.load(Ordering::SeqCst) - before, 2);
}

pub async fn who_waits_takes_over_from_who_left(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    registered(&*world.open("frankfurt").await, id("a1"), key("acme#chat")).await;
    let (store, registry) = wrapped(&world, "virginia").await;
    let name = AppName::Key(key("acme#chat"));
    let all = store.gate.forget_permits(usize::MAX);
    let mut first = Box::pin(registry.look_up(name));
    assert!(futures_util::poll!(&mut first).is_pending());
    let mut second = Box::pin(registry.look_up(name));
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    store.gate.add_permits(all);
    assert!(second.await.unwrap().is_some());
}

/// A look-up that read before a registration answers nobody who asks after it.
pub async fn a_late_answer_is_not_remembered(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let name = AppName::Key(key("acme#chat"));
    let all = store.gate.forget_permits(usize::MAX);
    let mut early = Box::pin(registry.look_up(name));
    assert!(futures_util::poll!(&mut early).is_pending());
    registered(&home, id("a1"), key("acme#chat")).await;
    let mut late = Box::pin(registry.look_up(name));
    assert!(futures_util::poll!(&mut late).is_pending());
    store.gate.add_permits(all);
    let (early, late) = futures_util::future::join(early, late).await;
    assert!(early.is_ok());
    assert!(late.unwrap().is_some());
    assert!(registry.look_up(name).await.unwrap().is_some());
}

/// The same for a change: what was read before it is stale when it arrives.
pub async fn a_late_record_is_stale(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let name = AppName::Key(key("acme#chat"));
    let all = store.gate.forget_permits(usize::MAX);
    let mut early = Box::pin(registry.look_up(name));
    assert!(futures_util::poll!(&mut early).is_pending());
    home.suspend(&id("a1"), None).await.unwrap();
    store.gate.add_permits(all);
    let early = early.await.unwrap().unwrap();
    let Home::Here(app) = &early.home else {
        panic!("it lives here");
    };
    assert!(app.status == Status::Suspended || early.is_stale());
    let now = registry.look_up(name).await.unwrap().unwrap();
    assert!(matches!(&now.home, Home::Here(app) if app.status == Status::Suspended));
}

pub async fn a_miss_is_forgotten_after_its_time(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (store, registry) = wrapped(&world, "virginia").await;
    let name = AppName::Key(key("acme#none"));
    let asked = async |wanted: usize| {
        let before = store.reads.load(Ordering::SeqCst);
        assert!(registry.look_up(name).await.unwrap().is_none());
        assert_eq!(store.reads.load(Ordering::SeqCst) - before, wanted);
    };
    asked(1).await;
    world.clock.advance(Duration::from_millis(4_999));
    asked(0).await;
    world.clock.advance(Duration::from_millis(1));
    asked(1).await;
}

/// P9, and P3 for everybody else.
pub async fn known_apps_survive_an_outage(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    registered(&home, id("a2"), key("acme#cold")).await;
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let known = [AppName::Id(id("a1")), AppName::Key(key("acme#chat"))];
    for name in known {
        registry.look_up(name).await.unwrap().unwrap();
    }
    assert_eq!(registry.state().health, Health::Ready);

    store.set_away(true);
    for name in known {
        assert!(registry.look_up(name).await.unwrap().is_some());
    }
    for name in [AppName::Key(key("acme#cold")), AppName::Id(id("a2"))] {
        let unknown = registry.look_up(name).await.map(|_| ());
        assert_eq!(unknown, Err(LookUpError::Unavailable));
    }
    let reason = Reason::Unreachable;
    assert_eq!(registry.state().health, Health::Degraded { reason });
    assert!(!registry.state().up);
    let found = registry.app(&id("a1")).await.unwrap().map(|k| k.home);
    assert!(matches!(found, Some(Home::Here(_))));
    let refused = registry
        .register(super::kit::app(id("a3"), key("acme#new")))
        .await;
    assert!(matches!(refused, Err(RegisterError::Unavailable)));
    let refused = registry.suspend(&id("a1"), None).await;
    assert!(matches!(refused, Err(ChangeError::Unavailable)));

    store.set_away(false);
    assert!(
        registry
            .look_up(AppName::Key(key("acme#cold")))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(registry.state().health, Health::Ready);
}

/// A gap in the news: everything is asked for again, and goes on if that is impossible.
pub async fn missed_changes_are_asked_for(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let name = AppName::Key(key("acme#chat"));
    let before = registry.look_up(name).await.unwrap().unwrap();
    registry.memory.missed();
    assert!(before.is_stale());
    store.set_away(true);
    assert!(registry.look_up(name).await.unwrap().is_some());
    store.set_away(false);
    let after = registry.look_up(name).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&before, &after) && !after.is_stale());
}

/// A store that was never reached: not ready, and nothing is believed.
pub async fn a_gateway_starts_without_its_store(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let store = Wrapped::new(Arc::clone(&world.store));
    store.set_away(true);
    let mut parts = world.parts("frankfurt");
    parts.store = Arc::clone(&store) as Arc<dyn Store>;
    let registry = Registry::open(parts).await.unwrap();
    let reason = Reason::Unreachable;
    assert_eq!(registry.state().health, Health::Unready { reason });
    store.set_away(false);
    assert_eq!(registry.verify().await.health, Health::Ready);
}

/// Changed Apps stay known: they are read again without being asked for.
pub async fn changed_apps_are_read_again(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let (store, registry) = wrapped(&world, "frankfurt").await;
    let watching = tokio::spawn(Arc::clone(&registry).watch());
    let name = AppName::Key(key("acme#chat"));
    registry.look_up(name).await.unwrap().unwrap();
    home.suspend(&id("a1"), None).await.unwrap();
    eventually(async || registry.stats().home_entries == 1).await;
    store.set_away(true);
    let found = registry.look_up(name).await.unwrap().unwrap();
    assert!(matches!(&found.home, Home::Here(app) if app.status == Status::Suspended));
    watching.abort();
}

/// A core's own memory lets go of what is stale.
pub async fn a_locator_follows_changes(backend: Arc<dyn Backend>) {
    struct Call(AppKey);
    impl Addressed for Call {
        fn app_key(&self) -> &AppKey {
            &self.0
        }
    }
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let locator = Locator::new(Arc::clone(&home), 16);
    let before = locator.locate(Call(key("acme#chat"))).await.unwrap();
    assert_eq!(before.app().status, Status::Active);
    home.suspend(&id("a1"), None).await.unwrap();
    let after = locator.locate(Call(key("acme#chat"))).await.unwrap();
    assert_eq!(after.app().status, Status::Suspended);
}

//! A store that forgets what was acknowledged (SPEC 7, rollback).

use std::path::Path;
use std::sync::Arc;

use super::control::account;
use super::kit::{World, app, id, key, region, registered};
use super::wrappers::Wrapped;
use crate::registry::suite::Backend;
use crate::registry::{
    AppName, ChangeError, Distrust, Entry, Health, Key, Link, Listener, LookUpError, OpenError,
    Reason, RegisterError, Registry, Role, Store,
};

/// Undoes the newest commit of Frankfurt, which registered `app_id`, as a restore would.
async fn forget(world: &World, newest: Link, written: Vec<Key>) {
    let link = newest.key(&region("frankfurt"));
    for key in written.into_iter().chain([link]) {
        world.backend.tamper(key, None).await;
    }
}

async fn entries(store: &dyn Store) -> Vec<Entry> {
    let mut all = Vec::new();
    for prefix in ["accounts/", "apps/", "chain/", "pins/"] {
        let prefix = Key::from_text(prefix);
        all.extend(store.range(prefix, None, 1_000).await.unwrap());
    }
    all
}

/// Two Apps, the second one forgotten by the store but not by the anchor.
async fn rolled_back(world: &World, home: &Registry) {
    registered(home, id("a1"), key("acme#chat")).await;
    let before = entries(&*world.store).await;
    registered(home, id("a2"), key("acme#lost")).await;
    let newest = world.store.newest_link(&region("frankfurt")).await;
    let written = entries(&*world.store).await.into_iter();
    let written = written.filter(|e| !before.contains(e)).map(|(key, _)| key);
    forget(world, newest.unwrap().unwrap(), written.collect()).await;
}

pub async fn a_store_that_was_rolled_back_is_not_believed(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    rolled_back(&world, &*world.open("frankfurt").await).await;

    let home = world.open("frankfurt").await;
    let state = home.state();
    let reason = Reason::RolledBack {
        region: region("frankfurt"),
    };
    assert_eq!(state.health, Health::Unready { reason });
    assert!(state.up && !state.trusted);
    for name in ["acme#chat", "acme#lost", "acme#never"] {
        let answer = home.look_up(AppName::Key(key(name))).await.map(|_| ());
        assert_eq!(answer, Err(LookUpError::Untrusted), "{name}");
    }
    let refused = home.register(app(id("a3"), key("acme#new"))).await;
    assert!(matches!(refused, Err(RegisterError::Untrusted)));
    let refused = home.suspend(&id("a1"), None).await;
    assert!(matches!(refused, Err(ChangeError::Untrusted)));
    assert!(home.list(None, 10, &|_, _| true).await.is_err());
    assert!(home.stats().distrusts[Distrust::RolledBack as usize] > 0);
}

pub async fn a_gateway_that_was_ready_serves_known_apps_on_a_rolled_back_store(
    backend: Arc<dyn Backend>,
) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let other = world.open("virginia").await;
    registered(&home, id("a0"), key("acme#known")).await;
    let known = AppName::Key(key("acme#known"));
    for registry in [&home, &other] {
        registry.look_up(known).await.unwrap().unwrap();
    }
    rolled_back(&world, &home).await;
    // A region without an own commit has seen the newest link by its regular check only.
    let _before = other.verify().await;

    assert!(matches!(
        home.verify().await.health,
        Health::Degraded { .. }
    ));
    assert!(home.look_up(known).await.unwrap().is_some());
    assert!(other.look_up(known).await.unwrap().is_some());
    // Even after a gap in the news, since it can't be asked about.
    home.memory.missed();
    assert!(home.look_up(known).await.unwrap().is_some());
    let unknown = home
        .look_up(AppName::Key(key("acme#chat")))
        .await
        .map(|_| ());
    assert_eq!(unknown, Err(LookUpError::Untrusted));
}

/// The store is rolled back between two checks, and more is committed than was lost: without the
/// link in each transaction's conditions the anchor would follow the false history.
pub async fn a_rolled_back_store_cannot_catch_up_unseen(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    rolled_back(&world, &home).await;
    for n in 0..3 {
        let new = app(id(&format!("b{n}")), key(&format!("acme#new{n}")));
        let refused = home.register(new).await;
        assert!(matches!(refused, Err(RegisterError::Untrusted)));
    }
    assert!(!home.state().trusted);
}

/// Control: the anchor's links in each read. The retirement is lost, and no comparison has come
/// since: the App would be remembered as active.
pub async fn a_rolled_back_store_is_not_read_before_the_next_check(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let before = entries(&*world.store).await;
    home.retire(&id("a1"), None).await.unwrap();
    put_back(&*world.backend, &before).await;
    home.memory.missed();

    let chat = AppName::Key(key("acme#chat"));
    let answer = home.look_up(chat).await.map(|_| ());
    assert_eq!(answer, Err(LookUpError::Untrusted));
    assert!(!home.state().trusted);
}

/// Control: the links that are read behind the accounts. Who was deleted stays so.
pub async fn a_rolled_back_store_gives_no_accounts(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let new = |role| account("somebody", role);
    home.create_account(new(Role::Owner)).await.unwrap();
    let stolen = home.create_account(new(Role::Owner)).await.unwrap();
    let before = entries(&*world.store).await;
    home.delete_account(&stolen.id).await.unwrap();
    put_back(&*world.backend, &before).await;
    home.memory.missed();

    for _ in 0..2 {
        let answer = home.accounts().await.map(|_| ());
        assert_eq!(answer, Err(LookUpError::Untrusted));
        assert!(!home.verify().await.trusted);
    }
}

/// Control: the links of all regions in a registration. The store is rolled back between its
/// reading and its commit.
pub async fn names_that_another_region_has_lost_are_not_free(backend: Arc<dyn Backend>) {
    let world = World::new(Arc::clone(&backend)).await;
    let home = world.open("frankfurt").await;
    let wrapped = Wrapped::new(Arc::clone(&world.store));
    let mut parts = world.parts("virginia");
    parts.store = Arc::clone(&wrapped) as _;
    let other = Registry::open(parts).await.unwrap();
    let before = entries(&*world.store).await;
    registered(&home, id("a1"), key("acme#first")).await;
    assert!(other.verify().await.trusted);
    // Nothing that the other region has read tells of this one.
    let later = async move {
        registered(&home, id("a2"), key("acme#chat")).await;
        put_back(&*backend, &before).await;
    };
    *wrapped.before_commit.lock() = Some(Box::pin(later));

    let refused = other.register(app(id("a2"), key("acme#chat"))).await;
    assert!(matches!(refused, Err(RegisterError::Untrusted)));
}

/// All of the store as it was, as a restore does.
async fn put_back(backend: &dyn Backend, before: &[Entry]) {
    for (key, value) in entries(&*backend.store()).await {
        let old = before.iter().find(|(k, _)| *k == key);
        if old.is_none_or(|(_, old)| *old != value) {
            let old = old.map(|(_, old)| old.clone());
            backend.tamper(key, old).await;
        }
    }
}

/// As many links, but others.
pub async fn another_history_is_a_rollback(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    assert!(home.verify().await.trusted);
    let link = Link::next(None, &crate::registry::Txn::new(region("frankfurt")));
    let (place, value) = (link.key(&region("frankfurt")), link.value());
    world.backend.tamper(place, Some(value)).await;
    assert!(!home.verify().await.trusted);
}

pub async fn a_missing_anchor_is_believed_once(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    assert!(world.open("frankfurt").await.anchor_was_missing());
    let mut parts = world.parts("frankfurt");
    parts.require_anchor = true;
    let home = Registry::open(parts).await.unwrap();
    assert!(!home.anchor_was_missing());

    std::fs::remove_file(world.anchor("frankfurt")).unwrap();
    let mut parts = world.parts("frankfurt");
    parts.require_anchor = true;
    let refused = Registry::open(parts).await;
    assert!(matches!(refused, Err(OpenError::NoAnchor(path)) if path == world.anchor("frankfurt")));

    std::fs::write(world.anchor("frankfurt"), "{}").unwrap();
    let refused = Registry::open(world.parts("frankfurt")).await;
    assert!(matches!(refused, Err(OpenError::Anchor(_))));
}

pub async fn the_anchor_knows_a_commit_before_it_is_acknowledged(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    for n in 1..4 {
        registered(&home, id(&format!("a{n}")), key(&format!("acme#chat{n}"))).await;
        assert_eq!(anchored(&world.anchor("frankfurt")), n);
    }
    home.suspend(&id("a1"), None).await.unwrap();
    assert_eq!(anchored(&world.anchor("frankfurt")), 4);
}

/// Control: `Registry::anchored`, in each act that may find nothing to do.
pub async fn what_is_not_anchored_is_not_acknowledged_by_asking_again(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let (a1, a2) = (id("a1"), id("a2"));
    registered(&home, a1, key("acme#chat1")).await;
    // A folder in the place of the file that becomes the anchor: it cannot be written.
    let mut beside = world.anchor("frankfurt").into_os_string();
    beside.push(".new");
    std::fs::create_dir(&beside).unwrap();
    let again = async || home.register(app(a2, key("acme#chat2"))).await;
    for _ in 0..2 {
        assert!(matches!(again().await, Err(RegisterError::Unavailable)));
        let suspended = home.suspend(&a1, None).await;
        assert!(matches!(suspended, Err(ChangeError::Unavailable)));
    }
    for _ in 0..2 {
        let retired = home.retire(&a1, None).await;
        assert!(matches!(retired, Err(ChangeError::Unavailable)));
    }
    std::fs::remove_dir(&beside).unwrap();
    again().await.unwrap();
    home.retire(&a1, None).await.unwrap();
    assert_eq!(anchored(&world.anchor("frankfurt")), 4);
}

/// Control: `Registry::anchored` looks at the store. The gateway that asked first may be gone
/// before its own anchor was written.
pub async fn what_another_gateway_made_is_anchored_too(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let first = world.open("frankfurt").await;
    let mut parts = world.parts("frankfurt");
    parts.anchor = world.anchor("second");
    let second = Registry::open(parts).await.unwrap();
    let anchored = || anchored(&world.anchor("second"));
    registered(&first, id("a1"), key("acme#chat")).await;
    second
        .register(app(id("a1"), key("acme#chat")))
        .await
        .unwrap();
    assert_eq!(anchored(), 1);
    first.suspend(&id("a1"), None).await.unwrap();
    second.suspend(&id("a1"), None).await.unwrap();
    assert_eq!(anchored(), 2);
    first.retire(&id("a1"), None).await.unwrap();
    second.retire(&id("a1"), None).await.unwrap();
    assert_eq!(anchored(), 3);
}

fn anchored(path: &Path) -> u64 {
    let text = std::fs::read(path).unwrap();
    let anchor: serde_json::Value = serde_json::from_slice(&text).unwrap();
    anchor["regions"]["frankfurt"]["n"].as_u64().unwrap()
}

/// Only a file can be copied: what `cp` and a restore do.
#[tokio::test]
async fn an_old_copy_of_the_file_is_not_believed() {
    use crate::registry::EmbeddedStore;
    let file = Arc::new(super::embedded::File::new());
    let world = World::new(Arc::clone(&file) as _).await;
    let wrapped = Wrapped::new(Arc::clone(&world.store));
    let mut parts = world.parts("frankfurt");
    parts.store = Arc::clone(&wrapped) as _;
    let home = Registry::open(parts).await.unwrap();
    registered(&home, id("a1"), key("acme#chat")).await;
    let copy = file.path().with_extension("copy");
    std::fs::copy(file.path(), &copy).unwrap();
    registered(&home, id("a2"), key("acme#later")).await;
    home.look_up(AppName::Key(key("acme#chat")))
        .await
        .unwrap()
        .unwrap();

    let old: Arc<dyn Store> = EmbeddedStore::open(&copy).unwrap();
    wrapped.replace(old);
    assert!(matches!(
        home.verify().await.health,
        Health::Degraded { .. }
    ));
    assert!(
        home.look_up(AppName::Key(key("acme#chat")))
            .await
            .unwrap()
            .is_some()
    );
    let lost = home
        .look_up(AppName::Key(key("acme#later")))
        .await
        .map(|_| ());
    assert_eq!(lost, Err(LookUpError::Untrusted));
    let refused = home.register(app(id("a2"), key("acme#later"))).await;
    assert!(matches!(refused, Err(RegisterError::Untrusted)));

    // The right file is back.
    wrapped.replace(Arc::clone(&world.store));
    assert_eq!(home.verify().await.health, Health::Ready);
    assert!(
        home.look_up(AppName::Key(key("acme#later")))
            .await
            .unwrap()
            .is_some()
    );
}

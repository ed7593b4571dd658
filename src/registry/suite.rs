//! What every backend of the registry shows, with the same assertions.

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use super::tests::control::*;
use super::tests::kit::{World, app, catalogue, id, key, region, registered};
pub use super::tests::outage::*;
pub use super::tests::races::*;
pub use super::tests::rollback::*;
pub use super::tests::untrusted::{a_pin_key_ends_at_its_time, what_does_not_verify_is_refused};
use super::*;
use crate::domain::{AppId, ZoneId};

/// A fresh, empty store, and a way around its rules.
pub trait Backend: Send + Sync {
    fn store(&self) -> Arc<dyn Store>;

    /// Writes, or removes, behind the store's back.
    fn tamper(&self, key: Key, value: Option<Vec<u8>>) -> BoxFuture<'_, ()>;
}

/// Runs the suite over the backends that the expression makes.
macro_rules! tests {
    ($make:expr) => {
        $crate::registry::suite::tests!($make;
            a_transaction_is_all_or_nothing,
            ranges_and_counts_stay_in_their_prefix,
            each_commit_adds_the_next_link,
            regions_are_written_once,
            an_app_is_registered_and_found_by_both_names,
            the_answers_come_in_the_specified_order,
            another_spelling_is_unknown_and_taken,
            suspending_and_resuming_reach_every_gateway,
            a_retired_app_is_a_tombstone_for_ever,
            a_stale_revision_changes_nothing,
            lists_come_in_pages,
            a_miss_ends_with_the_registration,
            a_gateway_with_other_regions_registers_nothing,
            what_does_not_verify_is_refused,
            a_pin_key_ends_at_its_time,
            concurrent_misses_become_one_read,
            who_waits_takes_over_from_who_left,
            a_late_answer_is_not_remembered,
            a_late_record_is_stale,
            a_miss_is_forgotten_after_its_time,
            known_apps_survive_an_outage,
            missed_changes_are_asked_for,
            a_gateway_starts_without_its_store,
            changed_apps_are_read_again,
            a_locator_follows_changes,
            a_store_that_was_rolled_back_is_not_believed,
            a_gateway_that_was_ready_serves_known_apps_on_a_rolled_back_store,
            a_rolled_back_store_cannot_catch_up_unseen,
            another_history_is_a_rollback,
            a_missing_anchor_is_believed_once,
            the_anchor_knows_a_commit_before_it_is_acknowledged,
            one_registration_of_a_name_wins,
            the_same_registration_wins_once_and_is_found_by_the_others,
            concurrent_changes_are_all_made,
            settings_are_changed,
            certificates_rotate,
            users_are_revoked,
            accounts_live_in_the_store,
            the_last_owner_stays,
            unused_accounts_are_swept,
            a_foreign_account_lets_nobody_in,
        );
    };
    ($make:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            $crate::registry::suite::$name($make).await;
        })*
    };
}
pub(crate) use tests;

pub async fn a_transaction_is_all_or_nothing(backend: Arc<dyn Backend>) {
    let store = backend.store();
    let home = region("frankfurt");
    let (a, b) = (Key::account(&home, "a"), Key::account(&home, "b"));
    let place = |name: &str| Place::Account(name.to_owned());
    let first = Txn::new(home.clone())
        .absent(a.clone())
        .put(&place("a"), b"1".to_vec());
    store.commit(first.clone()).await.unwrap();
    assert_eq!(store.commit(first).await, Err(CommitError::Conflict));

    let mixed = Txn::new(home.clone())
        .put(&place("b"), b"1".to_vec())
        .equals(a.clone(), b"2".to_vec());
    assert_eq!(store.commit(mixed).await, Err(CommitError::Conflict));
    let there = store.read(vec![a.clone(), b.clone()]).await.unwrap();
    assert_eq!(there, [Some(b"1".to_vec()), None]);

    let right = Txn::new(home.clone())
        .put(&place("a"), b"2".to_vec())
        .put(&place("b"), b"2".to_vec())
        .equals(a.clone(), b"1".to_vec());
    store.commit(right).await.unwrap();
    let there = store.read(vec![b, a]).await.unwrap();
    assert_eq!(there, [Some(b"2".to_vec()), Some(b"2".to_vec())]);
}

pub async fn ranges_and_counts_stay_in_their_prefix(backend: Arc<dyn Backend>) {
    let store = backend.store();
    for (home, names) in [
        ("beijing", "xyz"),
        ("frankfurt", "cab"),
        ("virginia", "xyz"),
    ] {
        for name in names.chars().map(String::from) {
            let txn = Txn::new(region(home)).put(&Place::Account(name.clone()), name.into_bytes());
            store.commit(txn).await.unwrap();
        }
    }
    let home = region("frankfurt");
    let prefix = Key::accounts(&home);
    let all = store.range(prefix.clone(), None, 10).await.unwrap();
    let names: Vec<&str> = all.iter().filter_map(|(k, _)| k.after(&prefix)).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(store.count(prefix.clone()).await, Ok(3));
    let behind = store
        .range(prefix.clone(), Some(Key::account(&home, "a")), 1)
        .await;
    assert_eq!(behind.unwrap(), [(Key::account(&home, "b"), b"b".to_vec())]);
    let end = store
        .range(prefix, Some(Key::account(&home, "c")), 10)
        .await;
    assert_eq!(end.unwrap(), []);
}

pub async fn each_commit_adds_the_next_link(backend: Arc<dyn Backend>) {
    let store = backend.store();
    let home = region("frankfurt");
    let txn = |value: u8| Txn::new(home.clone()).put(&Place::Account("a".into()), vec![value]);
    assert_eq!(store.newest_link(&home).await, Ok(None));
    let first = store.commit(txn(1)).await.unwrap();
    let second = store.commit(txn(2)).await.unwrap();
    assert_eq!(first, Link::next(None, &txn(1)));
    assert_eq!(second, Link::next(Some(&first), &txn(2)));
    assert_eq!(store.newest_link(&home).await, Ok(Some(second)));
    assert_eq!(store.link(&home, 1).await, Ok(Some(first)));
    assert_eq!(store.link(&home, 3).await, Ok(None));
    assert_eq!(store.newest_link(&region("virginia")).await, Ok(None));
}

pub async fn regions_are_written_once(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    assert_eq!(
        ensure_regions(&*world.store, &world.catalogue).await,
        Ok(true)
    );
    let mut other = catalogue();
    other.regions.pop();
    assert_eq!(ensure_regions(&*world.store, &other).await, Ok(false));
}

pub async fn an_app_is_registered_and_found_by_both_names(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, other) = (world.open("beijing").await, world.open("virginia").await);
    let mut new = app(id("a1"), key("Acme#chat"));
    new.zone = Some(ZoneId::parse("vip6").unwrap());
    new.plan = Some(Plan::Advanced);
    let Registered::Created {
        app, certificate, ..
    } = home.register(new.clone()).await.unwrap()
    else {
        panic!("nothing was created");
    };
    assert_eq!(certificate.expose().len(), 32);
    assert_eq!(
        (app.plan, app.retention_days, app.revision),
        (Plan::Advanced, 180, 1)
    );
    for name in [AppName::Id(id("a1")), AppName::Key(key("Acme#chat"))] {
        let here = home.look_up(name).await.unwrap().unwrap();
        let Home::Here(found) = &here.home else {
            panic!("it lives here");
        };
        assert_eq!(found.zone.as_str(), "vip6");
        assert_eq!(found.certificates[0].expose(), certificate.expose());
        let there = other.look_up(name).await.unwrap().unwrap();
        assert!(matches!(&there.home, Home::Elsewhere(r) if r.as_str() == "beijing"));
        assert_eq!(there.app_key, key("Acme#chat"));
    }
    let again = home.register(new).await.unwrap();
    assert!(matches!(again, Registered::Existing(same) if same.app_id == id("a1")));
    assert_eq!(
        home.look_up(AppName::Key(key("acme#none")))
            .await
            .unwrap()
            .map(|_| ()),
        None
    );
}

pub async fn the_answers_come_in_the_specified_order(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, other) = (world.open("beijing").await, world.open("virginia").await);
    registered(&home, id("a1"), key("acme#chat")).await;
    registered(&home, id("a2"), key("acme#old")).await;
    home.retire(&id("a2"), None).await.unwrap();
    registered(&other, id("b1"), key("acme#far")).await;

    let mut wish = Wish::new(&home);
    wish.of(id("a2"), key("acme#old"))
        .in_region("virginia")
        .is("Retired")
        .await;
    wish.of(id("a2"), key("acme#new")).is("Retired").await;
    wish.of(id("a9"), key("acme#old")).is("Retired").await;
    wish.of(id("a9"), key("acme#chat"))
        .in_region("virginia")
        .is("AppKeyTaken")
        .await;
    wish.of(id("a9"), key("acme#far")).is("AppKeyTaken").await;
    wish.of(id("a1"), key("acme#new"))
        .in_region("virginia")
        .is("AppIdTaken")
        .await;
    wish.of(id("b1"), key("acme#new")).is("AppIdTaken").await;
    wish.of(id("a1"), key("acme#chat"))
        .in_region("virginia")
        .is("RegionImmutable")
        .await;
    wish.of(id("a1"), key("acme#chat"))
        .in_zone("vip6")
        .is("RegionImmutable")
        .await;
    wish.of(id("b1"), key("acme#far"))
        .is("RegionImmutable")
        .await;
    wish.of(id("b1"), key("acme#far"))
        .in_region("virginia")
        .is("NotThisRegion")
        .await;
    wish.of(id("a9"), key("acme#new"))
        .in_region("virginia")
        .is("NotThisRegion")
        .await;
    wish.of(id("a1"), key("acme#chat"))
        .with(Plan::Basic)
        .is("AlreadyRegistered")
        .await;
    wish.of(id("a1"), key("acme#chat"))
        .with(Plan::Free)
        .is("Existing")
        .await;
    wish.of(id("a9"), key("acme#new"))
        .in_zone("fra1")
        .is("UnknownZone")
        .await;
    wish.of(id("a9"), key("acme#new")).is("Created").await;
}

/// A registration that is built up, tried, and begun anew.
struct Wish<'a> {
    registry: &'a Registry,
    new: NewApp,
}

impl<'a> Wish<'a> {
    fn new(registry: &'a Registry) -> Self {
        let new = app(id("0"), key("a#b"));
        Self { registry, new }
    }

    fn of(&mut self, id: AppId, key: AppKey) -> &mut Self {
        self.new = app(id, key);
        self
    }

    fn in_region(&mut self, name: &str) -> &mut Self {
        self.new.region = Some(region(name));
        self
    }

    fn in_zone(&mut self, name: &str) -> &mut Self {
        self.new.zone = Some(ZoneId::parse(name).unwrap());
        self
    }

    fn with(&mut self, plan: Plan) -> &mut Self {
        self.new.plan = Some(plan);
        self
    }

    async fn is(&self, wanted: &str) {
        let answer = format!("{:?}", self.registry.register(self.new.clone()).await);
        let answer = answer.trim_start_matches("Ok(").trim_start_matches("Err(");
        assert!(
            answer.starts_with(wanted),
            "{:?}: {answer}, not {wanted}",
            self.new
        );
    }
}

pub async fn another_spelling_is_unknown_and_taken(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, other) = (world.open("beijing").await, world.open("virginia").await);
    registered(&home, id("ab"), key("acme#chat")).await;
    for registry in [&home, &other] {
        // Cold and, by the exact name in between, warm.
        for _ in 0..2 {
            for name in [AppName::Id(id("AB")), AppName::Key(key("ACME#chat"))] {
                assert!(registry.look_up(name).await.unwrap().is_none());
            }
            for name in [AppName::Id(id("ab")), AppName::Key(key("acme#chat"))] {
                assert!(registry.look_up(name).await.unwrap().is_some());
            }
        }
        let mut wish = Wish::new(registry);
        wish.of(id("ab"), key("ACME#chat")).is("AppKeyTaken").await;
        wish.of(id("AB"), key("acme#other")).is("AppIdTaken").await;
    }
}

pub async fn suspending_and_resuming_reach_every_gateway(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let mut parts = world.parts("frankfurt");
    parts.anchor = world.anchor("second");
    let second = Registry::open(parts).await.unwrap();
    registered(&home, id("a1"), key("acme#chat")).await;
    let name = AppName::Key(key("acme#chat"));
    let before = second.look_up(name).await.unwrap().unwrap();
    let Home::Here(app) = &before.home else {
        panic!("it lives here");
    };

    let suspended = home.suspend(&id("a1"), Some(1)).await.unwrap();
    assert_eq!(
        (suspended.status, suspended.revision),
        (Status::Suspended, 2)
    );
    until(|| before.is_stale()).await;
    let after = second.look_up(name).await.unwrap().unwrap();
    let Home::Here(now) = &after.home else {
        panic!("it lives here");
    };
    assert_eq!(now.status, Status::Suspended);
    assert!(
        Arc::ptr_eq(&now.load, &app.load),
        "what is in flight is counted on"
    );

    let same = home.suspend(&id("a1"), None).await.unwrap();
    assert_eq!(same.revision, 2);
    let resumed = home.resume(&id("a1"), None).await.unwrap();
    assert_eq!((resumed.status, resumed.revision), (Status::Active, 3));
    let unknown = home.suspend(&id("a2"), None).await;
    assert!(matches!(unknown, Err(ChangeError::Unknown)));
    let elsewhere = world.open("virginia").await.suspend(&id("a1"), None).await;
    assert!(matches!(elsewhere, Err(ChangeError::Elsewhere(r)) if r.as_str() == "frankfurt"));
}

pub async fn a_retired_app_is_a_tombstone_for_ever(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    let retired = home.retire(&id("a1"), None).await.unwrap();
    assert_eq!(retired.status, Status::Retired);
    assert!(retired.certificates.is_empty());
    let again = home.retire(&id("a1"), None).await.unwrap();
    assert_eq!(again.revision, retired.revision);
    for change in [
        home.suspend(&id("a1"), None).await,
        home.resume(&id("a1"), None).await,
    ] {
        assert!(matches!(change, Err(ChangeError::Retired)));
    }
    let found = home.app(&id("a1")).await.unwrap();
    assert!(matches!(found, Some(Home::Here(app)) if app.status == Status::Retired));
    let known = home.look_up(AppName::Id(id("a1"))).await.unwrap().unwrap();
    assert!(matches!(&known.home, Home::Here(app) if app.status == Status::Retired));
    Wish::new(&home)
        .of(id("a1"), key("acme#chat"))
        .is("Retired")
        .await;
}

pub async fn a_stale_revision_changes_nothing(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    home.suspend(&id("a1"), Some(1)).await.unwrap();
    let stale = home.resume(&id("a1"), Some(1)).await;
    assert!(matches!(stale, Err(ChangeError::Stale)));
    let found = home.app(&id("a1")).await.unwrap();
    assert!(matches!(found, Some(Home::Here(app)) if app.status == Status::Suspended));
}

pub async fn lists_come_in_pages(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let other = world.open("virginia").await;
    registered(&other, id("ff"), key("acme#far")).await;
    for n in 0..7 {
        registered(&home, id(&format!("a{n}")), key(&format!("acme#chat{n}"))).await;
    }
    home.suspend(&id("a3"), None).await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = home.list(cursor, 3, None).await.unwrap();
        assert!(page.items.len() <= 3 && page.untrusted == 0);
        seen.extend(page.items.iter().map(|app| app.app_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort();
    let wanted: Vec<AppId> = (0..7).map(|n| id(&format!("a{n}"))).collect();
    assert_eq!(seen, wanted);
    assert_eq!(home.count().await, Ok(7));
    let suspended = home.list(None, 50, Some(Status::Suspended)).await.unwrap();
    assert_eq!(suspended.items.len(), 1);
    assert_eq!(suspended.next_cursor, None);
}

pub async fn a_miss_ends_with_the_registration(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, other) = (world.open("frankfurt").await, world.open("virginia").await);
    let names = [AppName::Id(id("a1")), AppName::Key(key("acme#chat"))];
    for name in names {
        assert!(home.look_up(name).await.unwrap().is_none());
        assert!(other.look_up(name).await.unwrap().is_none());
    }
    registered(&home, id("a1"), key("acme#chat")).await;
    for name in names {
        // In its own process a gateway knows it at once.
        assert!(home.look_up(name).await.unwrap().is_some());
        eventually(async || other.look_up(name).await.unwrap().is_some()).await;
    }
}

pub async fn a_gateway_with_other_regions_registers_nothing(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let mut parts = world.parts("frankfurt");
    let mut other = catalogue();
    other.regions.retain(|r| r.id != region("virginia"));
    parts.catalogue = Arc::new(other);
    let home = Registry::open(parts).await.unwrap();
    let reason = Reason::OtherRegions;
    assert_eq!(home.state().health, Health::Degraded { reason });
    Wish::new(&home)
        .of(id("a1"), key("acme#chat"))
        .is("Degraded")
        .await;
}

async fn until(condition: impl Fn() -> bool) {
    eventually(async || condition()).await;
}

/// SPEC 7: within a second everywhere; the rest is for slow machines.
pub async fn eventually(condition: impl AsyncFn() -> bool) {
    let polled = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    let deadline = std::time::Duration::from_secs(10);
    tokio::time::timeout(deadline, polled).await.unwrap();
}

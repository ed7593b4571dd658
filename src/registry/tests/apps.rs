//! Registering, looking up, changing and listing Apps.

use std::sync::Arc;

use super::kit::{World, app, catalogue, id, key, region, registered};
use crate::domain::{AppId, AppKey, ZoneId};
use crate::registry::suite::{Backend, eventually};
use crate::registry::{
    AppName, ChangeError, Health, Home, NewApp, Plan, Reason, Registered, Registry, Status,
};

pub async fn an_app_is_registered_and_found_by_both_names(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, other) = (world.open("beijing").await, world.open("virginia").await);
    let mut new = app(id("a1"), key("Acme#chat"));
    new.zone = Some(ZoneId::parse("vip6").unwrap());
    new.plan = Some(Plan::Advanced);
    let Registered::Created {
        app,
        certificate,
        pins: made,
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
    // The audit log has them even if the first answer was never written there.
    assert!(
        matches!(again, Registered::Existing { app: same, pins } if same.app_id == id("a1") && pins == made)
    );
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
    eventually(async || before.is_stale()).await;
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
    let found = home.app(&id("a1")).await.unwrap().map(|k| k.home);
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
    let found = home.app(&id("a1")).await.unwrap().map(|k| k.home);
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
        let page = home.list(cursor, 3, &|_, _| true).await.unwrap();
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
    let suspended = home
        .list(None, 50, &|_, status| status == Status::Suspended)
        .await
        .unwrap();
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

//! Everything that must not be believed (SPEC 2, P2 and P3; SPEC 7, `registry_untrusted`).
//!
//! Each case writes behind the store's back, asks cold gateways, and puts the store right again.

use std::sync::Arc;

use super::kit::{World, app, id, key, pin_key, public, region, registered};
use crate::domain::{AppId, AppKey, RegionId};
use crate::registry::names::{id_hash, key_hash};
use crate::registry::suite::{Backend, eventually};
use crate::registry::{AppName, Distrust, Home, Key, LookUpError, RegisterError, Registry};

pub(super) const CHAT: &str = "acme#chat";

/// What is changed, what is asked for where, and why it isn't believed.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) edits: Vec<(Key, Option<Vec<u8>>)>,
    pub(super) asks: Vec<(&'static str, AppName)>,
    pub(super) reason: Distrust,
}

pub async fn what_does_not_verify_is_refused(backend: Arc<dyn Backend>) {
    let scene = Scene::new(backend).await;
    for case in scene.cases().await {
        let keys: Vec<Key> = case.edits.iter().map(|(key, _)| key.clone()).collect();
        let before = scene.world.store.read(keys.clone()).await.unwrap();
        for (key, value) in &case.edits {
            scene.world.backend.tamper(key.clone(), value.clone()).await;
        }
        scene.check(&case).await;
        for (key, value) in keys.into_iter().zip(before) {
            scene.world.backend.tamper(key, value).await;
        }
        scene.is_sound(case.name).await;
    }
}

/// Control: `Registry::app` answers from memory only where the store says nothing else. Who asks for the App's
/// tokens is told no other than who asks for its traffic.
pub async fn a_known_app_that_is_contradicted_is_nobodys(backend: Arc<dyn Backend>) {
    let scene = Scene::new(backend).await;
    let home = scene.world.open("frankfurt").await;
    let (app_id, chat) = (id("a1"), key(CHAT));
    for name in [AppName::Id(app_id), AppName::Key(chat)] {
        home.look_up(name).await.unwrap().unwrap();
    }
    let here = scene.value(&scene.frankfurt.id).await;
    let foreign = Key::pin(&region("virginia"), &id_hash(&app_id));
    scene.world.backend.tamper(foreign, Some(here)).await;
    let answer = home.app(&app_id).await.map(|_| ());
    assert_eq!(answer, Err(LookUpError::Untrusted));
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) frankfurt: PinPlaces,
    pub(super) other: PinPlaces,
    pub(super) far: PinPlaces,
}

/// Where an App's entries stand.
pub(super) struct PinPlaces {
    pub(super) id: Key,
    pub(super) key: Key,
    pub(super) record: Key,
}

impl Scene {
    async fn new(backend: Arc<dyn Backend>) -> Self {
        let world = World::new(backend).await;
        let (home, far) = (world.open("frankfurt").await, world.open("virginia").await);
        registered(&home, id("a1"), key(CHAT)).await;
        registered(&home, id("a2"), key("acme#other")).await;
        registered(&far, id("b1"), key("acme#far")).await;
        Self {
            world,
            frankfurt: PinPlaces::new("frankfurt", &id("a1"), &key(CHAT)),
            other: PinPlaces::new("frankfurt", &id("a2"), &key("acme#other")),
            far: PinPlaces::new("virginia", &id("b1"), &key("acme#far")),
        }
    }

    async fn check(&self, case: &Case) {
        for (place, name) in &case.asks {
            let asked = self.world.open(place).await;
            let answer = asked.look_up(*name).await.map(|_| ());
            assert_eq!(
                answer,
                Err(LookUpError::Untrusted),
                "{} at {place}",
                case.name
            );
            assert_eq!(reasons(&asked), [case.reason], "{} at {place}", case.name);
            self.cannot_be_registered(case, &asked, *name).await;
            self.no_guess_helps(case, place, *name).await;
        }
    }

    /// A guessed App ID, right or wrong, makes nothing true.
    async fn no_guess_helps(&self, case: &Case, place: &str, name: AppName) {
        let AppName::Key(asked) = name else { return };
        for likely in ["a1", "a2", "b1", "c9"] {
            let registry = self.world.open(place).await;
            let answer = registry.look_up_key(asked, || Some(id(likely))).await;
            let answer = answer.map(|_| ());
            assert_eq!(
                answer,
                Err(LookUpError::Untrusted),
                "{}, {likely}",
                case.name
            );
        }
    }

    /// What is in doubt isn't free.
    async fn cannot_be_registered(&self, case: &Case, asked: &Registry, name: AppName) {
        let new = match name {
            AppName::Key(key) => app(id("c1"), key),
            AppName::Id(id) => app(id, key("acme#new")),
        };
        let refused = asked.register(new).await.map(|_| ());
        let doubted = matches!(
            refused,
            Err(RegisterError::Untrusted | RegisterError::AppIdTaken)
        );
        assert!(doubted, "{}: {refused:?}", case.name);
    }

    async fn is_sound(&self, after: &str) {
        let home = self.world.open("frankfurt").await;
        for name in [AppName::Id(id("a1")), AppName::Key(key(CHAT))] {
            let found = home.look_up(name).await;
            assert!(matches!(found, Ok(Some(_))), "after {after}: {found:?}");
        }
    }

    async fn cases(&self) -> Vec<Case> {
        let mut cases = self.pin_cases().await;
        cases.extend(self.forged_cases());
        cases.extend(self.record_cases().await);
        cases
    }

    pub(super) async fn value(&self, key: &Key) -> Vec<u8> {
        let values = self.world.store.read(vec![key.clone()]).await.unwrap();
        values.into_iter().next().flatten().unwrap()
    }
}

impl PinPlaces {
    fn new(home: &str, id: &AppId, key: &AppKey) -> Self {
        let home = region(home);
        Self {
            id: Key::pin(&home, &id_hash(id)),
            key: Key::pin(&home, &key_hash(key)),
            record: Key::app(&home, &key_hash(key)),
        }
    }
}

fn reasons(registry: &Registry) -> Vec<Distrust> {
    let counts = registry.stats().distrusts;
    let counted = Distrust::ALL.into_iter().zip(counts);
    counted.filter(|(_, n)| *n > 0).map(|(d, _)| d).collect()
}

/// A replaced pin key goes on verifying what it signed before its end.
pub async fn a_pin_key_ends_at_its_time(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key(CHAT)).await;
    let made = super::kit::NOW;
    for (end, wanted) in [(made, Err(LookUpError::Untrusted)), (made + 1, Ok(true))] {
        let mut parts = world.parts("virginia");
        let mut catalogue = super::kit::catalogue();
        let entry = catalogue
            .regions
            .iter_mut()
            .find(|r| r.id == region("frankfurt"));
        entry.unwrap().pin_keys = vec![public(&pin_key("frankfurt"), Some(end))];
        parts.catalogue = Arc::new(catalogue);
        let asked = Registry::open(parts).await.unwrap();
        let answer = asked.look_up(AppName::Key(key(CHAT))).await;
        assert_eq!(answer.map(|found| found.is_some()), wanted);
    }
}

/// Control: news of a pin end what was said to live elsewhere. A region that takes its own pins
/// back leaves the names free, and must not stay the App's home for who had asked before.
pub async fn a_home_that_was_taken_back_is_asked_for_again(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (hostile, home) = (world.open("virginia").await, world.open("frankfurt").await);
    let asking = world.open("beijing").await;
    let chat = AppName::Key(key("acme#chat"));
    registered(&hostile, id("a1"), key("acme#chat")).await;
    assert_eq!(elsewhere(&asking, chat).await, region("virginia"));

    let pins = [id_hash(&id("a1")), key_hash(&key("acme#chat"))];
    for hash in pins {
        let pin = Key::pin(&region("virginia"), &hash);
        world.backend.tamper(pin, None).await;
    }
    registered(&home, id("a1"), key("acme#chat")).await;
    eventually(async || elsewhere(&asking, chat).await == region("frankfurt")).await;
}

async fn elsewhere(registry: &Registry, name: AppName) -> RegionId {
    match &registry.look_up(name).await.unwrap().unwrap().home {
        Home::Elsewhere(region) => region.clone(),
        Home::Here(_) => panic!("it lives elsewhere"),
    }
}

//! P3: in doubt, refuse; and P9: what is known survives an outage of the registry.

use std::sync::Arc;

use domicile::config::{KeyFile, PinSigningKey, SealKey};
use domicile::domain::{AppId, RegionId};
use domicile::registry::{FileKeys, Key, Parts, Registry, SystemRandomness};

use crate::harness::{Call, FaultyStore, Reply, Said, TestApp, World, eventually, in_time};

/// Control: `Locator::locate` refuses what no pin names.
#[tokio::test]
async fn an_unknown_app_is_refused_everywhere() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for region in ["beijing", "frankfurt"] {
        let call = Call::get("/acme/nobody/users").token(&app.app_token());
        assert_eq!(
            world.call(region, call).await.verdict(),
            (404, "app_unknown")
        );
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: there is no failover to another zone or region, however well that one is.
#[tokio::test]
async fn a_sick_data_centre_means_503_and_never_another() {
    let world = World::new().await;
    let (app, neighbour) = (world.app("bj1").await, world.app("vip6").await);
    world.centre("bj1").stop().await;
    for _ in 0..8 {
        let answer = world.call("beijing", Call::plain_of(&app)).await;
        assert_eq!(answer.verdict(), (503, "home_unavailable"));
        assert!(answer.header("retry-after").is_some());
    }
    let answer = world.call("beijing", Call::plain_of(&neighbour)).await;
    assert_eq!(answer.status, 200, "the neighbour's zone is well");
    assert_eq!(world.forwarded(), 1);
    world.finish().await;
}

/// Control: what breaks on the way back is answered as that, once, and not sent elsewhere.
#[tokio::test]
async fn a_data_centre_that_breaks_the_protocol_is_not_replaced() {
    for (reply, verdict) in [
        (Reply::Cut, (502, "upstream_protocol")),
        (Reply::CutAfterBody, (502, "upstream_protocol")),
        (
            Reply::Raw(b"garbage\r\n\r\n".to_vec()),
            (502, "upstream_protocol"),
        ),
        (
            Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
            (502, "upstream_protocol"),
        ),
        (
            Reply::Raw(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
                    .to_vec(),
            ),
            (502, "upstream_protocol"),
        ),
    ] {
        let world = World::new().await;
        let app = world.app("bj1").await;
        world.centre("bj1").answers(reply.clone());
        let answer = world.call("beijing", Call::plain_of(&app)).await;
        assert_eq!(answer.verdict(), verdict, "{reply:?}");
        assert_eq!(world.centre("bj1").requests().len(), 1, "{reply:?}");
        assert_eq!(world.forwarded(), 1);
        world.finish().await;
    }
}

/// Control: an answer that is cut short ends the client's connection; it never looks complete.
#[tokio::test]
async fn a_cut_answer_never_looks_whole() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for answer in [
        Said::new(200).short(100, "only this"),
        Said::new(200).chunked("5\r\nhello\r\n").closing(),
    ] {
        world.centre("fra1").answers(answer);
        let mut wire = world.wire("frankfurt").await;
        wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
            .await;
        assert!(wire.try_answer().await.is_none());
    }
    world.finish().await;
}

async fn untrusted(world: &World, app: &TestApp, what: &str) {
    let seen = world.forwarded();
    for region in ["beijing", "frankfurt"] {
        let answer = world.call(region, Call::plain_of(app)).await;
        assert_ne!(answer.status, 200, "{what} in {region}");
        if region == app.region {
            assert_eq!(answer.verdict(), (503, "registry_untrusted"), "{what}");
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert_eq!(world.forwarded(), seen, "{what}");
}

/// Control: the checks of `registry::trust`. Whatever was done to the store, the App is refused at
/// home and elsewhere, and other Apps are served.
#[tokio::test]
async fn what_does_not_verify_is_refused() {
    let store = FaultyStore::new();
    let world = World::of(World::plan().store(store.clone())).await;
    let other = world.app("fra1").await;
    let others = store.entries("pins/frankfurt/").await;
    let other_record = store.entries("apps/frankfurt/").await.remove(0).1;
    for what in [
        "a record with a flipped bit",
        "a record that is cut",
        "no record",
        "another App's record",
        "a pin with a flipped bit",
        "a pin that is gone",
        "another App's pin",
        "a pin of two regions",
    ] {
        let before = store.entries("pins/frankfurt/").await;
        let records = store.entries("apps/frankfurt/").await;
        let app = world.app("fra1").await;
        let is_new = |known: &[(Key, Vec<u8>)], key: &Key| known.iter().all(|(k, _)| k != key);
        let all = store.entries("apps/frankfurt/").await;
        let (record_key, record) = all.into_iter().find(|(k, _)| is_new(&records, k)).unwrap();
        let pins = store.entries("pins/frankfurt/").await;
        let pins: Vec<_> = pins
            .into_iter()
            .filter(|(k, _)| is_new(&before, k))
            .collect();
        // The AppKey's pin stands under the hash that its record has too.
        let hash = record_key.as_str().rsplit('/').next().unwrap().to_owned();
        let (pin_key, pin) = pins
            .into_iter()
            .find(|(k, _)| k.as_str().ends_with(&hash))
            .unwrap();
        let flipped = |mut bytes: Vec<u8>| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            Some(bytes)
        };
        match what {
            "a record with a flipped bit" => store.alter(record_key, flipped(record)),
            "a record that is cut" => store.alter(record_key, Some(record[..40].to_vec())),
            "no record" => store.alter(record_key, None),
            "another App's record" => store.alter(record_key, Some(other_record.clone())),
            "a pin with a flipped bit" => store.alter(pin_key, flipped(pin)),
            "a pin that is gone" => store.alter(pin_key, None),
            "another App's pin" => store.alter(pin_key, Some(others[0].1.clone())),
            _ => store.alter(Key::from_text(&format!("pins/beijing/{hash}")), Some(pin)),
        }
        if what == "a pin that is gone" {
            // By its AppKey nobody is there; what counts is that it goes nowhere.
            let answer = world.call("frankfurt", Call::plain_of(&app)).await;
            assert_ne!(answer.status, 200);
        } else {
            untrusted(&world, &app, what).await;
        }
        let answer = world.call("frankfurt", Call::plain_of(&other)).await;
        assert_eq!(answer.status, 200, "the other App, beside {what}");
    }
    let ended = world.finish().await;
    assert!(ended.refused("frankfurt", "registry_untrusted", None) >= 6);
}

/// Control: `Registry::ask` falls back to what was verified before; a miss has nothing to fall back to.
#[tokio::test]
async fn known_apps_go_on_while_the_registry_is_away() {
    let store = FaultyStore::new();
    let world = World::of(World::plan().store(store.clone()).cores(2)).await;
    let (known, unknown) = (world.app("fra1").await, world.app("fra1").await);
    let foreign = world.app("bj1").await;
    let call = |app: &TestApp| world.call("frankfurt", Call::plain_of(app));
    assert_eq!(call(&known).await.status, 200);
    assert_eq!(call(&foreign).await.status, 421);
    store.set_away(true);
    store.forget();
    for _ in 0..20 {
        assert_eq!(call(&known).await.verdict(), (200, "-"), "known at home");
        assert_eq!(call(&foreign).await.verdict(), (421, "app_lives_elsewhere"));
        let answer = call(&unknown).await;
        assert_eq!(answer.verdict(), (503, "registry_unavailable"));
        assert!(answer.header("retry-after").is_some());
    }
    let nobody = Call::get("/acme/nobody/users");
    assert_eq!(
        world.call("frankfurt", nobody).await.code(),
        "registry_unavailable"
    );
    assert_eq!(
        world
            .metrics("frankfurt")
            .await
            .sum("domicile_registry_up", &[]),
        0.0
    );
    store.set_away(false);
    in_time("the registry to heal", async {
        while call(&unknown).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    world.finish().await;
}

/// Control: what was written while the store was away is asked for once it is back.
#[tokio::test]
async fn a_suspension_made_meanwhile_arrives_when_the_registry_heals() {
    let store = FaultyStore::new();
    let world = World::of(World::plan().store(store.clone())).await;
    let app = world.app("fra1").await;
    let call = || world.call("frankfurt", Call::plain_of(&app));
    assert_eq!(call().await.status, 200);
    store.set_away(true);
    another_gateway(&world, &store)
        .await
        .suspend(&AppId::parse(&app.app_id).unwrap(), None)
        .await
        .unwrap();
    assert_eq!(call().await.status, 200, "the news has not arrived");
    store.set_away(false);
    in_time("the suspension", async {
        while call().await.verdict() != (403, "app_suspended") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    world.finish().await;
}

/// Frankfurt's registry as another gateway sees it, that reaches the store all the time.
async fn another_gateway(world: &World, store: &FaultyStore) -> Arc<Registry> {
    let dir = world.root().join("frankfurt");
    let shared = &world.gateway("frankfurt").shared();
    let mut pin_keys = KeyFile::<PinSigningKey>::read(&dir.join("pin.key"))
        .unwrap()
        .keys;
    let parts = Parts {
        region: RegionId::parse("frankfurt").unwrap(),
        catalogue: Arc::clone(&shared.catalogue),
        store: store.inner(),
        keys: Arc::new(
            FileKeys::new(
                KeyFile::<SealKey>::read(&dir.join("seal.key")).unwrap(),
                &pin_keys.remove(0),
            )
            .unwrap(),
        ),
        anchor: world.root().join("another.anchor"),
        cache_capacity: 100,
        negative_ttl: std::time::Duration::from_secs(1),
        clock: Arc::clone(&shared.clock),
        require_anchor: false,
        randomness: Arc::new(SystemRandomness),
    };
    Registry::open(parts).await.unwrap()
}

/// Control: a change of a record reaches requests at once.
#[tokio::test]
async fn suspending_and_retiring_stop_traffic() {
    let world = World::of(World::plan().cores(2)).await;
    let app = world.app("fra1").await;
    let call = || world.call("frankfurt", Call::plain_of(&app));
    assert_eq!(call().await.status, 200);
    world.suspend(&app).await;
    assert_eq!(call().await.verdict(), (403, "app_suspended"));
    world.resume(&app).await;
    assert_eq!(call().await.status, 200);
    world.retire(&app).await;
    assert_eq!(call().await.verdict(), (410, "app_retired"));
    assert_eq!(world.centre("fra1").requests().len(), 2);
    eventually("nothing more", || {
        world.centre("fra1").requests().len() == 2
    })
    .await;
    world.finish().await;
}

//! P1: an App's requests reach the zone that it is pinned to, and no other.

use crate::harness::{Call, Http2, REGIONS, TestApp, Via, World, rest_name};

/// Control: `Locator::locate` lets only Apps of this region pass, `Zones::bind` picks the pin's zone.
#[tokio::test]
async fn every_zone_gets_its_own_apps_and_no_others() {
    let world = World::of(World::plan().everywhere().cores(2)).await;
    for (_, zones) in REGIONS {
        for zone in zones {
            let app = world.app(zone).await;
            for via in Via::ALL {
                for (region, _) in REGIONS {
                    let answer = world.call(region, Call::plain_of(&app).via(via)).await;
                    if region == app.region {
                        assert_eq!(answer.verdict(), (200, "-"), "{zone} by {via:?}");
                        assert_eq!(answer.json()["zone"], *zone);
                    } else {
                        assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
                        assert_eq!(answer.json()["home_region"], app.region);
                    }
                }
            }
            assert_eq!(world.centre(zone).requests().len(), Via::ALL.len());
        }
    }
    assert_eq!(world.forwarded(), 5 * Via::ALL.len());
    world.finish().await;
}

/// Control: what a connection, a core's memory or a pool holds of one App never serves another.
#[tokio::test]
async fn apps_take_turns_on_one_connection_and_keep_apart() {
    let world = World::new().await;
    let apps = [
        world.app("bj1").await,
        world.app("vip6").await,
        world.app("fra1").await,
    ];
    let mut wire = world.wire("beijing").await;
    let mut http2 = Http2::connect(
        world.addresses("beijing").https.unwrap(),
        &rest_name("beijing"),
    )
    .await;
    for round in 0..5 {
        for app in &apps {
            let call = Call::plain_of(app);
            wire.send(call.bytes(&rest_name("beijing"))).await;
            let by_wire = wire.answer().await;
            let by_http2 = http2.call(&call, &rest_name("beijing")).await;
            for answer in [by_wire, by_http2] {
                match app.region {
                    "beijing" => assert_eq!(answer.json()["zone"], app.zone, "round {round}"),
                    _ => assert_eq!(answer.code(), "app_lives_elsewhere", "round {round}"),
                }
            }
        }
    }
    world.finish().await;
}

/// Control: the streams of one HTTP/2 connection are decided one by one.
#[tokio::test]
async fn streams_side_by_side_keep_apart() {
    let world = World::of(World::plan().cores(2)).await;
    let apps = [
        world.app("bj1").await,
        world.app("vip6").await,
        world.app("fra1").await,
    ];
    let calls = (0..60).map(|n| {
        let app = &apps[n % 3];
        let via = Via::ALL[n / 3 % 3];
        let call = Call::plain_of(app).via(via);
        let world = &world;
        async move { (app, world.call("beijing", call).await) }
    });
    for (app, answer) in futures_util::future::join_all(calls).await {
        match app.region {
            "beijing" => assert_eq!(answer.json()["zone"], app.zone),
            _ => assert_eq!(answer.code(), "app_lives_elsewhere"),
        }
    }
    world.finish().await;
}

/// Control: `classify::app_at` reads the AppKey behind `/api/sdk/v1` too.
#[tokio::test]
async fn the_sdks_prefix_changes_nothing() {
    let world = World::new().await;
    let (home, foreign) = (world.app("vip6").await, world.app("fra1").await);
    let prefixed = |app: &TestApp| {
        let path = format!("/api/sdk/v1{}", app.path("users"));
        Call::get(&path).token(&app.app_token())
    };
    let answer = world.call("beijing", prefixed(&home)).await;
    assert_eq!(answer.json()["zone"], "vip6");
    assert_eq!(
        world.centre("vip6").only().target(),
        "/api/sdk/v1".to_owned() + &home.path("users")
    );
    let answer = world.call("beijing", prefixed(&foreign)).await;
    assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
    world.finish().await;
}

/// Control: another region decides before token, headers and status are looked at.
#[tokio::test]
async fn elsewhere_nothing_but_the_home_matters() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    world.suspend(&app).await;
    for call in [
        Call::get(&app.path("users")),
        Call::get(&app.path("users")).token("garbage"),
        Call::plain_of(&app).header("x-app-id", "0123456789abcdef0123456789abcdef"),
        Call::post(&app.path("token")).body("not json"),
    ] {
        let answer = world.call("beijing", call).await;
        assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
    }
    world.retire(&app).await;
    let answer = world.call("beijing", Call::plain_of(&app)).await;
    assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
    world.finish().await;
}

/// Control: `refusals.hint: none` shows an App elsewhere and no App at all in the same words.
#[tokio::test]
async fn without_hints_nobody_learns_where_an_app_lives() {
    let world = World::of(World::plan().without_hints()).await;
    let app = world.app("fra1").await;
    let foreign = world.call("beijing", Call::plain_of(&app)).await;
    let unknown = world
        .call(
            "beijing",
            Call::get("/acme/nobody/users").token(&app.app_token()),
        )
        .await;
    assert_eq!(foreign.verdict(), (421, "app_not_served_here"));
    let known = |answer: &crate::harness::Answer| {
        let mut body = answer.json();
        body["request_id"].take();
        body["timestamp"].take();
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "domicile-request-id" && name != "date");
        (answer.status, headers, body)
    };
    assert_eq!(known(&foreign), known(&unknown));
    assert!(!foreign.text().contains("frankfurt"));
    world.finish().await;
}

/// A pin decides by its exact text: another spelling is nobody's.
#[tokio::test]
async fn another_spelling_of_the_app_key_is_unknown() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for path in [
        app.path("users").replace("acme", "Acme"),
        app.path("users").replace("chat", "CHAT"),
    ] {
        let answer = world
            .call("frankfurt", Call::get(&path).token(&app.app_token()))
            .await;
        assert_eq!(answer.verdict(), (404, "app_unknown"), "{path}");
    }
    // The same octets in percent-encodings are the same App.
    let encoded = app.path("users").replace("acme", "%61c%6de");
    let answer = world
        .call("frankfurt", Call::get(&encoded).token(&app.app_token()))
        .await;
    assert_eq!(answer.status, 200);
    world.finish().await;
}

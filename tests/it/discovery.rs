//! `/easemob/server.json`: any gateway tells where an App lives.

use crate::harness::{Call, World};

fn ask(query: &str) -> Call {
    Call::get(&format!("/easemob/server.json{query}"))
}

#[tokio::test]
async fn every_region_answers_with_the_endpoints_of_the_home() {
    let world = World::of(World::plan().everywhere()).await;
    let app = world.app("fra1").await;
    let key = app.app_key().replace('#', "%23");
    for region in ["beijing", "singapore", "frankfurt", "virginia"] {
        for query in [
            format!("?app_key={key}&_v=1"),
            format!("?app_id={}&sdk_version=4.10.0", app.app_id),
            format!("?app_id={}&app_key={key}", app.app_id),
        ] {
            let answer = world.call(region, ask(&query)).await;
            assert_eq!(answer.status, 200, "{region} {query}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            let body = answer.json();
            assert_eq!(body["app_key"], app.app_key());
            for (kind, protocol, domain, port) in [
                ("rest", "https", "rest.frankfurt.test", 443),
                ("msync-wx", "https", "ws.frankfurt.test", 443),
                ("msync-im", "tls", "msync.frankfurt.test", 443),
            ] {
                let host = &body[kind]["hosts"][0];
                assert_eq!(host["protocol"], protocol);
                assert_eq!(host["domain"], domain);
                assert_eq!(host["port"], port);
            }
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn who_names_no_app_or_two_gets_no_answer() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let other = world.app("bj1").await;
    let key = app.app_key().replace('#', "%23");
    for (query, verdict) in [
        (String::new(), (400, "app_missing")),
        ("?app=x".to_owned(), (400, "app_missing")),
        ("?app_key=acme".to_owned(), (400, "app_missing")),
        ("?app_id=123".to_owned(), (400, "app_missing")),
        ("?app_key=acme%23nobody".to_owned(), (404, "app_unknown")),
        (format!("?app_id={}", "0".repeat(32)), (404, "app_unknown")),
        (
            format!("?app_key={key}&app_key={key}"),
            (400, "bad_request"),
        ),
        (
            format!("?app_key={key}&app_id={}", other.app_id),
            (403, "app_mismatch"),
        ),
    ] {
        let answer = world.call("frankfurt", ask(&query)).await;
        assert_eq!(answer.verdict(), verdict, "{query}");
    }
    world.finish().await;
}

#[tokio::test]
async fn without_hints_only_apps_at_home_are_found() {
    let world = World::of(World::plan().without_hints()).await;
    let (here, elsewhere) = (world.app("fra1").await, world.app("bj1").await);
    let found = |id: &str| world.call("frankfurt", ask(&format!("?app_id={id}")));
    assert_eq!(found(&here.app_id).await.status, 200);
    let hidden = found(&elsewhere.app_id).await;
    let unknown = found(&"0".repeat(32)).await;
    assert_eq!(unknown.verdict(), (404, "app_unknown"));
    assert_eq!(hidden.verdict(), unknown.verdict());
    // Nor does it show by disagreeing with an App that is here.
    let key = elsewhere.app_key().replace('#', "%23");
    let beside = ask(&format!("?app_id={}&app_key={key}", here.app_id));
    let beside = world.call("frankfurt", beside).await;
    assert_eq!(beside.verdict(), unknown.verdict());
    world.finish().await;
}

/// Whoever knows AppKeys must not read the map of them at leisure.
#[tokio::test]
async fn an_address_may_ask_only_so_often() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let query = format!("?app_id={}", app.app_id);
    let mut client = crate::harness::Http2::connect(
        world.addresses("frankfurt").https.unwrap(),
        "rest.frankfurt.test",
    )
    .await;
    let mut last = (0, String::new());
    for _ in 0..1_300 {
        let answer = client.call(&ask(&query), "rest.frankfurt.test").await;
        last = (answer.status, answer.code().to_owned());
    }
    assert_eq!(last, (429, "rate_limited".to_owned()));
    world.finish().await;
}

//! Erasures in the real reference data centre. Ones that misbehave are in `src/zone/erase/tests.rs`.

use std::sync::Arc;

use domicile::domain::{AppId, Clock};
use domicile::registry::{App, AppName, Home};
use domicile::zone::{EraseError, Evidence};
use serde_json::{Value, json};

use crate::harness::{Call, TestApp, Wire, World, audit, eventually};

/// Two users, and a message from each.
async fn fill(world: &World, app: &TestApp) {
    let admin = app.app_token();
    for name in ["ann", "bob"] {
        let user = json!({"username": name});
        let message = json!({"from": name, "to": ["eve"], "type": "txt", "body": {"msg": "hi"}});
        for (path, body) in [("users", user), ("messages/users", message)] {
            let call = Call::post(&app.path(path)).token(&admin).json(&body);
            assert_eq!(world.call(app.region, call).await.status, 200);
        }
    }
}

/// Which of the two are there.
async fn there(world: &World, app: &TestApp) -> Vec<&'static str> {
    let admin = app.app_token();
    let mut found = Vec::new();
    for name in ["ann", "bob"] {
        let call = Call::get(&app.path(&format!("users/{name}"))).token(&admin);
        match world.call(app.region, call).await.status {
            200 => found.push(name),
            status => assert_eq!(status, 404),
        }
    }
    found
}

/// The App's record, which only its home has.
async fn record(world: &World, app: &TestApp) -> Arc<App> {
    let id = AppId::parse(&app.app_id).unwrap();
    let known = world.registry(app.region).look_up(AppName::Id(id)).await;
    match &known.unwrap().unwrap().home {
        Home::Here(app) => Arc::clone(app),
        Home::Elsewhere(region) => panic!("it lives in {region}"),
    }
}

async fn erase(world: &World, app: &TestApp, user: Option<&str>) -> Result<Evidence, EraseError> {
    let record = record(world, app).await;
    let homes = &world.gateway(app.region).shared().homes;
    homes.erase(&record, user).await
}

/// What was erased, without what was not there.
fn counts(evidence: &Evidence) -> Vec<(&str, u64)> {
    let all = evidence.erased.iter().map(|(name, n)| (name.as_str(), *n));
    all.filter(|(_, n)| *n != 0).collect()
}

#[tokio::test]
async fn a_retired_apps_data_and_one_users_are_erased_and_no_other() {
    let world = World::of(World::plan().reference()).await;
    let mut apps = Vec::new();
    for zone in ["bj1", "vip6", "fra1", "fra1"] {
        let app = world.app(zone).await;
        fill(&world, &app).await;
        apps.push(app);
    }
    let [bj1, vip6, retired, neighbour] = &apps[..] else {
        panic!("there are four")
    };

    let evidence = erase(&world, bj1, Some("ann")).await.unwrap();
    let one = [("messages", 1), ("timeline", 1), ("users", 1)];
    assert_eq!(counts(&evidence), one);
    assert_eq!(there(&world, bj1).await, ["bob"]);

    world.retire(retired).await;
    let evidence = erase(&world, retired, None).await.unwrap();
    let whole = [("messages", 2), ("timeline", 2), ("users", 2)];
    assert_eq!(counts(&evidence), whole);
    assert_eq!(evidence.remaining, 0);
    assert_eq!(evidence.completed_at, Clock::unix_millis(&*world.clock));
    let again = erase(&world, retired, None).await.unwrap();
    assert_eq!(counts(&again), []);
    assert_ne!(again.digest, evidence.digest);

    for app in [vip6, neighbour] {
        assert_eq!(there(&world, app).await, ["ann", "bob"], "{}", app.zone);
    }
    world.finish().await;
}

/// An upload that has begun, and what is still to be sent of it.
async fn begin_upload(world: &World, app: &TestApp) -> (Wire, &'static str) {
    let (head, tail) = (
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nfirst",
        "last\r\n--b--\r\n",
    );
    let mut wire = world.wire("frankfurt").await;
    let (path, token) = (app.path("chatfiles"), app.app_token());
    let length = head.len() + tail.len();
    wire.send(format!(
        "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{head}"
    ))
    .await;
    let record = record(world, app).await;
    eventually("the upload to be under way", || {
        record.load.in_flight.in_use() == 1
    })
    .await;
    (wire, tail)
}

/// Retires the App through the admin API, which has it erased.
async fn retire(world: &World, app: &TestApp) {
    let admin = world.addresses("frankfurt").admin.unwrap();
    let mut caller = Wire::tls(admin, "admin.frankfurt.test").await;
    let (id, key) = (&app.app_id, world.admin_key("frankfurt"));
    caller
        .send(format!(
            "DELETE /v1/apps/{id} HTTP/1.1\r\nHost: admin.frankfurt.test\r\nAuthorization: Bearer {}\r\n\r\n",
            key.trim()
        ))
        .await;
    let retired = caller.answer().await.json();
    assert_eq!(retired["erasure"]["done"], true, "{retired}");
}

/// How the erasures of an App ended that the gateway made by itself.
fn by_itself(world: &World, app: &TestApp) -> Vec<String> {
    let log = audit::entries(&world.root().join("frankfurt/audit"));
    let log = log
        .iter()
        .map(|entry| serde_json::from_str::<Value>(entry).unwrap());
    let own = log.filter(|entry| {
        entry["action"] == "app.erase"
            && entry["actor"] == "gateway"
            && entry["app_id"] == app.app_id.as_str()
    });
    own.map(|entry| entry["outcome"].as_str().unwrap().to_owned())
        .collect()
}

/// Control: the gateway erases once more by itself, when what was under way has ended.
#[tokio::test]
async fn what_is_written_behind_an_erasure_does_not_stay() {
    let world = World::of(World::plan().reference().regions(&["frankfurt"])).await;
    let app = world.app("fra1").await;
    let (mut upload, rest) = begin_upload(&world, &app).await;
    retire(&world, &app).await;
    let files = world.root().join("datacenter/fra1/files");
    let stored = || std::fs::read_dir(&files).unwrap().count();
    upload.send(rest).await;
    assert_eq!(upload.answer().await.status, 200, "it is stored");
    eventually("the gateway to erase once more", || {
        by_itself(&world, &app) == ["begun", "done"]
    })
    .await;
    assert_eq!(stored(), 0);
    world.finish().await;
}

/// Control: a gateway that ends does at once what it was to do later.
#[tokio::test]
async fn a_gateway_that_ends_erases_once_more_first() {
    let mut world = World::of(World::plan().reference().regions(&["frankfurt"])).await;
    let app = world.app("fra1").await;
    fill(&world, &app).await;
    retire(&world, &app).await;
    world.stop_gateways().await;
    assert_eq!(by_itself(&world, &app), ["begun", "done"]);
    world.finish().await;
}

/// Control: the org `management` is reserved, so the gateway takes the path for nobody's.
#[tokio::test]
async fn no_client_reaches_the_erasures() {
    let world = World::of(World::plan().reference().regions(&["frankfurt"])).await;
    let app = world.app("fra1").await;
    fill(&world, &app).await;
    let body = json!({"app_key": app.app_key()});
    for path in [
        "/management/erasures",
        "/%6danagement/erasures",
        "/management/erasures/",
        "/api/sdk/v1/management/erasures",
        &app.path("../../management/erasures"),
        &app.path("%2e%2e/%2e%2e/management/erasures"),
        &app.path("management/erasures"),
    ] {
        let call = Call::post(path).token(&app.app_token()).json(&body);
        let call = call
            .header("domicile-zone", "fra1")
            .header("domicile-app-id", &app.app_id);
        let status = world.call("frankfurt", call).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    assert_eq!(there(&world, &app).await, ["ann", "bob"]);
    world.finish().await;
}

//! What is past its App's retention: never served, deleted by sweeps, told of in reports.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::erasure::kit::{made, say, upload};
use crate::harness::{APP, DEADLINE, NOW, Running, answer};

const DAY: u64 = 86_400_000;

/// Asks as a gateway whose clock says `now`. `acknowledged`: of each App.
async fn ask(centre: &Running, now: u64, apps: &[(&str, u64)], acknowledged: Value) -> Value {
    let kept = apps.iter();
    let kept = kept.map(|(app, days)| json!({ "app_key": app, "retention_days": days }));
    let apps: Vec<_> = kept.collect();
    let body = json!({ "now": now, "apps": apps, "acknowledged": acknowledged });
    let (status, answer) = answer(management(centre).json(&body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn management(centre: &Running) -> RequestBuilder {
    centre
        .request(Method::POST, "/management/sweeps")
        .header("Domicile-Zone", "fra1")
        .header("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c")
}

/// One App's sweep: `complete`, and its `sweeps`.
async fn sweep(centre: &Running, app: &str, days: u64, acknowledged: Option<&str>) -> Value {
    let told = acknowledged.map(|id| json!({ "app_key": app, "sweep_id": id }));
    let told: Vec<_> = told.into_iter().collect();
    let answer = ask(centre, centre.now(), &[(app, days)], json!(told)).await;
    let of = answer["apps"].get(0);
    if let Some(of) = of {
        assert_eq!(of["app_key_sha256"], sha256(app));
    }
    let sweeps = of.map_or(json!([]), |of| of["sweeps"].clone());
    json!({ "complete": answer["complete"], "sweeps": sweeps })
}

fn sha256(app: &str) -> String {
    hex::encode(digest(&SHA256, app.as_bytes()))
}

/// Members that messages and queues are of.
async fn fill(centre: &Running, app: &str) -> String {
    for name in ["ann", "bob"] {
        let user = json!({ "username": name });
        centre.post(&format!("{app}/users"), user).await;
    }
    let group = made(centre, app, "chatgroups", "ann", &["bob"]).await;
    let room = made(centre, app, "chatrooms", "ann", &["bob"]).await;
    say(centre, app, "users", "ann", "bob", "old").await;
    say(centre, app, "chatgroups", "ann", &group, "old").await;
    say(centre, app, "chatrooms", "ann", &room, "old").await;
    upload(centre, app, None, "old").await
}

/// What history has of an hour of a day, at whatever age.
async fn history(centre: &Running, app: &str, hour: &str) -> usize {
    let path = format!("{app}/chatmessages/{hour}/lines");
    let lines = centre.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(lines.status(), 200);
    lines.text().await.unwrap().lines().count()
}

#[tokio::test]
async fn what_is_past_goes_from_every_place_and_the_rest_stays() {
    let centre = Running::start().await;
    let old = fill(&centre, APP).await;
    let other = fill(&centre, "/acme/other").await;
    centre.pass(7 * DAY + 1);
    let new = fill(&centre, "/acme/chat").await;
    let swept = sweep(&centre, "acme#chat", 7, None).await;
    assert_eq!(swept["complete"], true);
    assert_eq!(
        swept["sweeps"][0]["deleted"],
        json!({
            "one_to_one": { "messages": 1, "waiting": 1 },
            "group": { "messages": 1, "waiting": 1 },
            "room": { "messages": 1 },
            "general": { "files": 1, "bytes": 3 },
        })
    );
    assert_eq!(history(&centre, APP, "2026112319").await, 0);
    assert_eq!(history(&centre, APP, "2026113019").await, 3);
    assert_eq!(history(&centre, "/acme/other", "2026112319").await, 3);
    let files = centre.data.path().join("files");
    assert!(!files.join(&old).exists() && files.join(&new).exists() && files.join(other).exists());
    assert_eq!(centre.get(&format!("{APP}/chatfiles/{old}")).await.0, 404);
    let file = centre.request(Method::GET, &format!("{APP}/chatfiles/{new}"));
    assert_eq!(file.send().await.unwrap().text().await.unwrap(), "old");
    assert_eq!(centre.get(&format!("{APP}/users/ann")).await.0, 200);
}

/// To the millisecond: a message is past its retention when it is older, not when it is as old.
#[tokio::test]
async fn what_is_as_old_as_the_retention_stays() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(7 * DAY);
    assert_eq!(
        sweep(&centre, "acme#chat", 7, None).await["sweeps"],
        json!([])
    );
    centre.pass(1);
    assert_ne!(
        sweep(&centre, "acme#chat", 7, None).await["sweeps"],
        json!([])
    );
}

/// Control: a report is stored with what it tells of, and goes when it is acknowledged.
#[tokio::test]
async fn a_report_is_told_until_it_is_acknowledged() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(8 * DAY);
    let first = sweep(&centre, "acme#chat", 7, None).await;
    let centre = centre.restart().await;
    let again = sweep(&centre, "acme#chat", 7, None).await;
    assert_eq!(first["sweeps"], again["sweeps"]);
    let id = first["sweeps"][0]["sweep_id"].as_str().unwrap();
    let after = sweep(&centre, "acme#chat", 7, Some(id)).await;
    assert_eq!(after["sweeps"], json!([]));
}

/// More than a batch, of messages and of what waits.
#[tokio::test]
async fn a_sweep_goes_on_batch_by_batch() {
    let centre = Running::start().await;
    centre
        .post(&format!("{APP}/users"), json!({ "username": "bob" }))
        .await;
    let senders: Vec<String> = (0..1_201).map(|n| format!("s{n}")).collect();
    let new = json!({ "from": "bob", "to": senders, "type": "txt", "body": { "msg": "x" } });
    assert_eq!(
        centre.post(&format!("{APP}/messages/users"), new).await.0,
        200
    );
    for sender in &senders[..3] {
        say(&centre, APP, "users", sender, "bob", "x").await;
    }
    centre.pass(8 * DAY);
    let swept = sweep(&centre, "acme#chat", 7, None).await;
    let deleted = &swept["sweeps"][0]["deleted"]["one_to_one"];
    assert_eq!(deleted["messages"], 1_204);
    assert_eq!(history(&centre, APP, "2026112319").await, 0);
}

#[tokio::test]
async fn a_file_past_its_retention_is_not_served_before_a_sweep() {
    let centre = Running::start().await;
    let file = fill(&centre, APP).await;
    centre.pass(8 * DAY);
    let asked = |days: &str| {
        let request = centre.request(Method::GET, &format!("{APP}/chatfiles/{file}"));
        request.header("Domicile-Retention-Days", days).send()
    };
    assert_eq!(asked("7").await.unwrap().status(), 404);
    assert_eq!(asked("90").await.unwrap().status(), 200);
}

/// The last word of a gateway counts, also for an App that nobody calls, and after a restart.
#[tokio::test]
async fn an_app_that_nobody_calls_is_swept() {
    let centre = Running::start().await;
    let file = fill(&centre, APP).await;
    let request = centre.request(Method::GET, &format!("{APP}/users/ann"));
    let request = request.header("Domicile-Retention-Days", "7");
    assert_eq!(answer(request).await.0, 200);
    centre.pass(8 * DAY);
    let centre = centre.restart().await;
    let content = centre.data.path().join("files").join(file);
    let gone = async {
        while content.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
}

/// Nothing was ever said of this App, so nothing of it goes.
#[tokio::test]
async fn an_app_without_a_retention_keeps_everything() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(1_000 * DAY);
    let centre = centre.restart().await;
    fill(&centre, "/acme/other").await;
    sweep(&centre, "acme#other", 7, None).await;
    assert_eq!(history(&centre, APP, "2026112319").await, 3);
}

/// A wrong clock must not delete what a right one would keep.
#[tokio::test]
async fn a_clock_that_leaps_by_years_deletes_nothing() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    sweep(&centre, "acme#chat", 7, None).await;
    centre.pass(10 * 366 * DAY);
    let swept = sweep(&centre, "acme#chat", 7, None).await;
    assert_eq!(swept["complete"], false);
    assert_eq!(history(&centre, APP, "2026112319").await, 3);
}

/// Control: the time of its making is noted in a new store, so that there is something to leap from.
#[tokio::test]
async fn a_clock_that_leaps_before_the_first_sweep_deletes_nothing() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(10 * 366 * DAY);
    let centre = centre.restart().await;
    let swept = sweep(&centre, "acme#chat", 7, None).await;
    assert_eq!(swept, json!({ "complete": false, "sweeps": [] }));
    assert_eq!(history(&centre, APP, "2026112319").await, 3);
}

/// Control: two clocks that differ. The data centre's own sweeps delete nothing, either, until they agree.
#[tokio::test]
async fn nothing_is_deleted_while_the_gateways_clock_differs() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(8 * DAY);
    for now in [centre.now() - 8 * DAY, centre.now() + 300_001] {
        let answer = ask(&centre, now, &[("acme#chat", 7)], json!([])).await;
        assert_eq!(
            (&answer["complete"], &answer["apps"]),
            (&json!(false), &json!([]))
        );
        assert_eq!(history(&centre, APP, "2026112319").await, 3);
    }
    let answer = ask(
        &centre,
        centre.now() - 300_000,
        &[("acme#chat", 7)],
        json!([]),
    )
    .await;
    assert_eq!(answer["complete"], true);
    assert_eq!(history(&centre, APP, "2026112319").await, 0);
}

/// Reports of those that have any, each with the hash of its App.
#[tokio::test]
async fn a_page_of_many_apps_is_swept_at_once() {
    let centre = Running::start().await;
    let busy = ["acme#a7", "acme#a500", "acme#a999"];
    for app in busy {
        let path = format!("/{}", app.replace('#', "/"));
        say(&centre, &path, "users", "ann", "bob", "old").await;
    }
    centre.pass(8 * DAY);
    let all: Vec<String> = (0..1_000).map(|n| format!("acme#a{n}")).collect();
    let days = |app: &str| if app == "acme#a500" { 90 } else { 7 };
    let page: Vec<_> = all.iter().map(|app| (app.as_str(), days(app))).collect();
    let answer = ask(&centre, centre.now(), &page, json!([])).await;
    assert_eq!(
        (&answer["complete"], &answer["more"]),
        (&json!(true), &json!(false))
    );
    let told = answer["apps"].as_array().unwrap();
    let hashes: Vec<_> = told.iter().map(|of| of["app_key_sha256"].clone()).collect();
    assert_eq!(hashes, [sha256(busy[0]), sha256(busy[2])]);

    // What is acknowledged goes, and a plan that became shorter counts.
    let acknowledged = told.iter().zip([busy[0], busy[2]]);
    let acknowledged = acknowledged
        .map(|(of, app)| json!({ "app_key": app, "sweep_id": of["sweeps"][0]["sweep_id"] }));
    let acknowledged: Vec<_> = acknowledged.collect();
    let page: Vec<_> = all.iter().map(|app| (app.as_str(), 7)).collect();
    let answer = ask(&centre, centre.now(), &page, json!(acknowledged)).await;
    let told = answer["apps"].as_array().unwrap();
    assert_eq!(
        (told.len(), &told[0]["app_key_sha256"]),
        (1, &json!(sha256(busy[1])))
    );
}

/// An answer is bounded, and says that there is more.
#[tokio::test]
async fn more_reports_than_an_answer_holds_are_told_in_several() {
    let centre = Running::start().await;
    let apps: Vec<String> = (0..9).map(|n| format!("acme#a{n}")).collect();
    let page: Vec<_> = apps.iter().map(|app| (app.as_str(), 7)).collect();
    for _ in 0..65 {
        for app in &apps {
            let path = format!("/{}", app.replace('#', "/"));
            say(&centre, &path, "users", "ann", "bob", "old").await;
        }
        centre.pass(8 * DAY);
        ask(&centre, centre.now(), &page, json!([])).await;
    }
    let mut answer = ask(&centre, centre.now(), &page, json!([])).await;
    let mut told = Vec::new();
    let mut rounds = 0;
    loop {
        rounds += 1;
        assert!(rounds < 9, "what was acknowledged is told again");
        let mut acknowledged = Vec::new();
        for of in answer["apps"].as_array().unwrap() {
            let sweeps = of["sweeps"].as_array().unwrap();
            told.extend(sweeps.iter().map(|sweep| sweep["sweep_id"].clone()));
            let app = apps.iter().find(|app| sha256(app) == of["app_key_sha256"]);
            let id = sweeps.last().unwrap()["sweep_id"].clone();
            acknowledged.push(json!({ "app_key": app.unwrap(), "sweep_id": id }));
        }
        if answer["more"] == false {
            break;
        }
        answer = ask(&centre, centre.now(), &page, json!(acknowledged)).await;
    }
    let mut each = told.clone();
    each.sort_by_key(ToString::to_string);
    each.dedup();
    assert_eq!((told.len(), each.len()), (9 * 65, 9 * 65));
    assert_eq!(rounds, 3);
}

#[tokio::test]
async fn what_is_no_page_is_refused() {
    let centre = Running::start().await;
    let app = json!({ "app_key": "acme#chat", "retention_days": 7 });
    let many: Vec<_> = (0..1_001).map(|_| app.clone()).collect();
    for body in [
        json!({ "app_key": "acme#chat", "retention_days": 7 }),
        json!({ "now": NOW, "apps": many }),
        json!({ "now": NOW, "apps": [{ "app_key": "acme", "retention_days": 7 }] }),
        json!({ "now": NOW, "apps": [], "acknowledged": [{ "app_key": "acme#chat", "sweep_id": "x" }] }),
    ] {
        let (status, answer) = answer(management(&centre).json(&body)).await;
        assert_eq!(status, 400, "{answer}");
    }
    let long = "x".repeat(600 * 1024);
    let (status, _) = answer(management(&centre).body(long)).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_longer_plan_brings_nothing_back() {
    let centre = Running::start().await;
    fill(&centre, APP).await;
    centre.pass(8 * DAY);
    sweep(&centre, "acme#chat", 7, None).await;
    sweep(&centre, "acme#chat", 36_500, None).await;
    assert_eq!(history(&centre, APP, "2026112319").await, 0);
}

//! A whole App.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::kit::{List, counts, erase, expected, fill, full, say, stored};
use crate::harness::{DEADLINE, NOW, Running, SECRET};

/// Every two of them share a half, or look alike when joined.
const APPS: [&str; 5] = ["o#a", "o#ab", "oo#a", "o#b", "a#o"];

#[tokio::test]
async fn an_app_is_erased_and_those_that_look_alike_are_not() {
    let centre = Running::start().await;
    let mut lists = Vec::new();
    for app in APPS {
        lists.push(fill(&centre, app, &format!("the text of {app}")).await);
    }
    // One after the other: each is still whole when it comes to it, the values as well.
    for (app, list) in APPS.iter().zip(lists) {
        let text = format!("the text of {app}");
        let path = format!("/{}/users/ann", app.replace('#', "/"));
        let ann = centre.get(&path).await.1;
        assert_eq!(ann["entities"][0]["nickname"], json!(text));
        let evidence = erase(&centre, json!({ "app_key": app })).await;
        assert_eq!(counts(&evidence), full(&text), "{app}");
        assert_eq!(evidence["digest"], json!(list.digest()), "{app}");
        assert_eq!(centre.get(&path).await.0, 404);
    }
    assert_eq!(stored(&centre), 0);
}

#[tokio::test]
async fn evidence_names_the_app_by_its_hash_and_nobody_else() {
    let centre = Running::start().await;
    fill(&centre, "o#a", "text").await;
    let evidence = erase(&centre, json!({ "app_key": "o#a" })).await;
    let hash = hex::encode(digest(&SHA256, b"o#a"));
    assert_eq!(evidence["app_key_sha256"], json!(hash));
    assert_eq!(
        (&evidence["started_at"], &evidence["completed_at"]),
        (&json!(NOW), &json!(NOW))
    );
    let id = evidence["erasure_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(evidence.as_object().unwrap().len(), 7);
    assert_eq!(evidence["erased"].as_object().unwrap().len(), 13);
    let again = erase(&centre, json!({ "app_key": "o#a" })).await;
    assert_ne!(again["erasure_id"], evidence["erasure_id"]);
}

#[tokio::test]
async fn erasing_again_or_what_is_not_there_counts_nothing() {
    let centre = Running::start().await;
    fill(&centre, "o#a", "text").await;
    erase(&centre, json!({ "app_key": "o#a" })).await;
    for body in [
        json!({ "app_key": "o#a" }),
        json!({ "app_key": "o#unknown" }),
        json!({ "app_key": "O#A" }),
        json!({ "app_key": "o#a", "user_id": "ann" }),
    ] {
        let evidence = erase(&centre, body).await;
        assert_eq!(counts(&evidence), expected(&[]));
        assert_eq!(evidence["digest"], json!(List::default().digest()));
    }
}

#[tokio::test]
async fn an_app_larger_than_a_batch_goes_whole_and_stays_gone() {
    let centre = Running::start().await;
    let users: Vec<Value> = (0..2_500)
        .map(|n| json!({ "username": format!("u{n}") }))
        .collect();
    assert_eq!(centre.post("/o/a/users", json!(users)).await.0, 200);
    let few: Vec<Value> = users[..3].to_vec();
    assert_eq!(centre.post("/o/ab/users", json!(few)).await.0, 200);
    let evidence = erase(&centre, json!({ "app_key": "o#a" })).await;
    assert_eq!(counts(&evidence), expected(&[("users", 2_500)]));
    let centre = centre.restart().await;
    assert_eq!(centre.get("/o/a/users").await.1["count"], 0);
    assert_eq!(centre.get("/o/ab/users").await.1["count"], 3);
    assert_eq!(
        centre.post("/o/a/users", json!(few)).await.0,
        200,
        "a new App can begin"
    );
}

/// Control: the erasure is a task of its own, and does not end with the request.
#[tokio::test]
async fn a_gateway_that_leaves_does_not_stop_an_erasure_half_way() {
    let centre = Running::start().await;
    let users: Vec<Value> = (0..6_000)
        .map(|n| json!({ "username": format!("u{n}") }))
        .collect();
    assert_eq!(centre.post("/o/a/users", json!(users)).await.0, 200);
    let body = json!({ "app_key": "o#a" }).to_string();
    let length = body.len();
    let mut stream = centre.connect().await;
    let head = format!(
        "POST /management/erasures HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\
         Domicile-App-Id: x\r\nDomicile-Zone: fra1\r\nDomicile-Request-Id: x\r\n\
         Domicile-Gateway-Secret: {SECRET}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It has begun when the first batch is gone.
    let first =
        || async { centre.get("/o/a/users?limit=1").await.1["entities"][0]["username"].clone() };
    let before = first().await;
    let begun = async { while first().await == before {} };
    tokio::time::timeout(DEADLINE, begun).await.unwrap();
    drop(stream);
    let gone = async { while centre.get("/o/a/users").await.1["count"] != 0 {} };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
}

/// Control: nobody writes while the store is renewed: what was acknowledged is in the new file.
#[tokio::test]
async fn others_go_on_while_an_app_is_erased() {
    let centre = Running::start().await;
    let writing = async {
        let mut ids = Vec::new();
        for n in 0..120 {
            ids.push(say(&centre, "/o/ab", "users", "ann", "bob", &n.to_string()).await);
        }
        ids
    };
    let erasing = async {
        for _ in 0..8 {
            fill(&centre, "o#a", "text").await;
            let evidence = erase(&centre, json!({ "app_key": "o#a" })).await;
            assert_eq!(counts(&evidence), full("text"));
        }
    };
    let (sent, ()) = tokio::join!(writing, erasing);
    let centre = centre.restart().await;
    let lines = centre.request(reqwest::Method::GET, "/o/ab/chatmessages/2026112319/lines");
    let lines = lines.send().await.unwrap().text().await.unwrap();
    let found: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["msg_id"].clone())
        .map(|id| id.as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(found, sent);
}

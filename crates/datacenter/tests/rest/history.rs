use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APP, Running, answer};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

async fn send(centre: &Running, channel: &str, from: &str, to: &str, text: &str) -> String {
    let body =
        json!({"from": from, "to": [to], "type": "txt", "body": {"msg": text}, "ext": {"k": 1}});
    let (status, body) = centre
        .post(&format!("{APP}/messages/{channel}"), body)
        .await;
    assert_eq!(status, 200);
    body["data"][to].as_str().unwrap().to_owned()
}

async fn roam(centre: &Running, user: &str, body: Value) -> (u16, Value) {
    let (status, body) = centre
        .post(&format!("{APP}/users/{user}/messageroaming"), body)
        .await;
    (status, body["data"].clone())
}

fn texts(messages: &Value) -> Vec<&str> {
    let messages = messages.as_array().unwrap();
    messages
        .iter()
        .map(|m| m["payload"]["bodies"][0]["msg"].as_str().unwrap())
        .collect()
}

async fn lines(centre: &Running, hour: &str, days: Option<u32>) -> (u16, Vec<Value>) {
    let mut request = centre.request(Method::GET, &format!("{APP}/chatmessages/{hour}/lines"));
    if let Some(days) = days {
        request = request.header("Domicile-Retention-Days", days);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (
        status,
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[tokio::test]
async fn an_hour_holds_the_messages_of_all_channels_in_order() {
    let centre = Running::start().await;
    let id = send(&centre, "users", "ann", "bob", "one").await;
    centre.pass(1);
    send(&centre, "chatrooms", "ann", "r", "two").await;
    centre.pass(1);
    send(&centre, "chatgroups", "bob", "g", "three").await;
    centre.pass(HOUR);
    send(&centre, "users", "ann", "bob", "later").await;

    let request = centre.request(Method::GET, &format!("{APP}/chatmessages/2026112319"));
    let request = request
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "a71.example.com");
    let (status, body) = answer(request).await;
    assert_eq!(status, 200);
    assert_eq!(
        body["data"][0]["url"],
        format!("https://a71.example.com{APP}/chatmessages/2026112319/lines")
    );

    let (status, found) = lines(&centre, "2026112319", None).await;
    assert_eq!(
        (status, texts(&Value::Array(found.clone()))),
        (200, vec!["one", "two", "three"])
    );
    assert_eq!(found[0]["msg_id"], id);
    assert_eq!(found[0]["payload"]["ext"], json!({"k": 1}));
    let kinds: Vec<_> = found
        .iter()
        .map(|line| line["chat_type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["chat", "chatroom", "groupchat"]);
    for other in ["2026112318", "1970010100", "9999010100", "2583010100"] {
        assert_eq!(lines(&centre, other, None).await.1.len(), 0, "{other}");
    }
    assert_eq!(
        centre.get(&format!("{APP}/chatmessages/today")).await.0,
        400
    );
}

#[tokio::test]
async fn an_hour_of_many_messages_is_whole() {
    let centre = Running::start().await;
    let to: Vec<String> = (0..1203).map(|n| format!("u{n}")).collect();
    let body = json!({"to": to, "type": "txt", "body": {"msg": "hi"}});
    assert_eq!(
        centre.post(&format!("{APP}/messages/users"), body).await.0,
        200
    );
    let found = lines(&centre, "2026112319", None).await.1;
    let received: Vec<_> = found
        .iter()
        .map(|line| line["to"].as_str().unwrap())
        .collect();
    assert_eq!(received, to);
}

#[tokio::test]
async fn a_conversation_roams_newest_first_in_pages() {
    let centre = Running::start().await;
    for n in 0..5 {
        let (from, to) = if n % 2 == 0 {
            ("ann", "bob")
        } else {
            ("bob", "ann")
        };
        send(&centre, "users", from, to, &n.to_string()).await;
        centre.pass(1);
    }
    send(&centre, "users", "eve", "bob", "other").await;
    let page = |start: Value| json!({"queue": "bob@easemob.com", "start": start, "end": -1, "pull_number": 3});
    let (status, first) = roam(&centre, "ann", page(json!(-1))).await;
    assert_eq!((status, texts(&first["msgs"])), (200, vec!["4", "3", "2"]));
    assert_eq!(first["is_last"], false);
    let (_, second) = roam(&centre, "ann", page(first["next_key"].clone())).await;
    assert_eq!(texts(&second["msgs"]), ["1", "0"]);
    assert_eq!(second["is_last"], true);

    let queue = format!("{APP}/users/bob/messageroaming?queue=ann%40easemob.com&start=-1");
    let (status, body) = centre.get(&queue).await;
    assert_eq!((status, texts(&body["data"]["msgs"]).len()), (200, 5));
}

#[tokio::test]
async fn groups_and_rooms_roam_for_their_members_only() {
    let centre = Running::start().await;
    for (kind, id, name) in [
        ("chatgroups", "groupid", "groupname"),
        ("chatrooms", "id", "name"),
    ] {
        let new = json!({name: "x", "owner": "ann", "members": ["bob"], "public": true});
        let made = centre.post(&format!("{APP}/{kind}"), new).await.1;
        let id = made["data"][id].as_str().unwrap().to_owned();
        send(&centre, kind, "ann", &id, "hi").await;
        let queue =
            json!({"queue": format!("{id}@conference.easemob.com"), "start": -1, "end": -1});
        assert_eq!(
            texts(&roam(&centre, "bob", queue.clone()).await.1["msgs"]),
            ["hi"]
        );
        assert_eq!(roam(&centre, "eve", queue.clone()).await.0, 403);
        centre.delete(&format!("{APP}/{kind}/{id}")).await;
        assert_eq!(roam(&centre, "bob", queue).await.0, 404);
    }
}

#[tokio::test]
async fn nothing_past_the_retention_is_served() {
    let centre = Running::start().await;
    send(&centre, "users", "ann", "bob", "old").await;
    centre.pass(HOUR / 2);
    send(&centre, "users", "ann", "bob", "young").await;
    centre.pass(7 * DAY - HOUR / 2 + 1);

    let found = lines(&centre, "2026112319", Some(7)).await.1;
    assert_eq!(texts(&Value::Array(found)), ["young"]);
    let request = centre.request(Method::POST, &format!("{APP}/users/ann/messageroaming"));
    let request = request
        .header("Domicile-Retention-Days", "7")
        .json(&json!({"queue": "bob@easemob.com"}));
    assert_eq!(texts(&answer(request).await.1["data"]["msgs"]), ["young"]);

    centre.pass(HOUR);
    let request = centre.request(Method::GET, &format!("{APP}/chatmessages/2026112319"));
    assert_eq!(
        answer(request.header("Domicile-Retention-Days", "7"))
            .await
            .0,
        400
    );
    assert_eq!(lines(&centre, "2026112319", Some(8)).await.1.len(), 2);
    let request = centre.request(Method::GET, &format!("{APP}/chatmessages/2026112319"));
    assert_eq!(
        answer(request.header("Domicile-Retention-Days", "all"))
            .await
            .0,
        400
    );
}

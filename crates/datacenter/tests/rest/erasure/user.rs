//! One user.

use serde_json::{Value, json};

use super::kit::{
    List, befriend, counts, describe, erase, expected, key, made, part, say, stored, upload,
};
use crate::harness::Running;

/// From the public samples of AgoraIO/Tools: a token of the user 2882341273.
const TOKEN: &str = "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyADCrAyMDIxgPheDkYWFkbGJoZG5MQAfpR64";
const ANN: &str = "2882341273";
const APP: &str = "/acme/chat";
const KEY: &str = "acme#chat";

async fn users(centre: &Running) {
    // The names of the others begin with hers, or hers with theirs.
    let names = [ANN, "bob", "eve", "28823412730", "288234127"];
    let users: Vec<Value> = names.iter().map(|n| json!({ "username": n })).collect();
    assert_eq!(
        centre.post(&format!("{APP}/users"), json!(users)).await.0,
        200
    );
}

async fn members(centre: &Running, kind: &str, id: &str) -> Value {
    centre.get(&format!("{APP}/{kind}/{id}/users")).await.1["data"].clone()
}

async fn history(centre: &Running) -> Vec<String> {
    let path = format!("{APP}/chatmessages/2026112319/lines");
    let lines = centre
        .request(reqwest::Method::GET, &path)
        .send()
        .await
        .unwrap();
    let lines = lines.text().await.unwrap();
    let texts = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["payload"]["bodies"][0]["msg"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    texts.collect()
}

#[tokio::test]
async fn a_user_is_erased_and_others_keep_what_is_theirs() {
    let centre = Running::start().await;
    users(&centre).await;
    let mut list = List::default();
    let key = |rest: &[&[u8]]| key(KEY, rest);
    let ann = ANN.as_bytes();
    list.entry("users", &key(&[ann]));

    for (one, other) in [(ANN, "bob"), ("bob", "eve"), ("28823412730", "288234127")] {
        befriend(&centre, APP, one, other).await;
    }
    let contact = part("contact");
    list.entry("general", &key(&[&contact, &part(ANN), b"bob"]));
    list.entry("general", &key(&[&contact, &part("bob"), ann]));
    describe(&centre, APP, ANN, "hers").await;
    describe(&centre, APP, "bob", "his").await;
    list.entry("general", &key(&[&part("metadata"), ann]));

    let mut one_to_one = Vec::new();
    for (from, to) in [
        (ANN, "bob"),
        ("bob", ANN),
        ("nobody", ANN),
        ("bob", "eve"),
        ("28823412730", "288234127"),
    ] {
        one_to_one.push(say(&centre, APP, "users", from, to, &format!("{from} to {to}")).await);
    }
    for (id, low, high, waits) in [
        (one_to_one[0], ANN, "bob", Some(("bob", ANN))),
        (one_to_one[1], ANN, "bob", Some((ANN, "bob"))),
        (one_to_one[2], ANN, "nobody", Some((ANN, "nobody"))),
    ] {
        let id = id.to_be_bytes();
        list.entry("messages_one_to_one", &key(&[&part(low), &part(high), &id]));
        list.entry("timeline", &key(&[&id]));
        if let Some((user, from)) = waits {
            list.entry("queues_one_to_one", &key(&[&part(user), &part(from), &id]));
        }
    }

    let hers = made(&centre, APP, "chatgroups", ANN, &["bob", "eve"]).await;
    let his = made(&centre, APP, "chatgroups", "bob", &[ANN, "eve"]).await;
    let theirs = made(&centre, APP, "chatgroups", "bob", &["eve"]).await;
    let room = made(&centre, APP, "chatrooms", "bob", &[ANN]).await;
    let from_her = say(&centre, APP, "chatgroups", ANN, &his, "her group text").await;
    let from_him = say(&centre, APP, "chatgroups", "bob", &his, "his group text").await;
    say(
        &centre,
        APP,
        "chatgroups",
        "bob",
        &theirs,
        "their group text",
    )
    .await;
    let in_room = say(&centre, APP, "chatrooms", ANN, &room, "her room text").await;
    say(&centre, APP, "chatrooms", "bob", &room, "his room text").await;
    let id = from_her.to_be_bytes();
    list.entry("messages_group", &key(&[&part(&his), &id]));
    list.entry("timeline", &key(&[&id]));
    for user in ["bob", "eve"] {
        list.entry("queues_group", &key(&[&part(user), &part(&his), &id]));
    }
    let id = from_him.to_be_bytes();
    list.entry("queues_group", &key(&[&part(ANN), &part(&his), &id]));
    let id = in_room.to_be_bytes();
    list.entry("messages_room", &key(&[&part(&room), &id]));
    list.entry("timeline", &key(&[&id]));

    let file = upload(&centre, APP, Some(TOKEN), "her file").await;
    let other = upload(&centre, APP, None, "a file of the App's").await;
    list.entry("files", &key(&[file.as_bytes()]));
    list.content(&key(&[file.as_bytes()]), b"her file");

    let evidence = erase(&centre, json!({ "app_key": KEY, "user_id": ANN })).await;
    assert!(!evidence.to_string().contains(ANN));
    let told = [
        ("users", 1),
        ("contacts", 2),
        ("attributes", 1),
        ("memberships", 3),
        ("messages", 5),
        ("timeline", 5),
        ("waiting", 6),
        ("files", 1),
        ("bytes", 8),
    ];
    assert_eq!(counts(&evidence), expected(&told));
    assert_eq!(evidence["digest"], json!(list.digest()));

    for name in ["bob", "eve", "28823412730", "288234127"] {
        assert_eq!(
            centre.get(&format!("{APP}/users/{name}")).await.0,
            200,
            "{name}"
        );
    }
    assert_eq!(centre.get(&format!("{APP}/users/{ANN}")).await.0, 404);
    let contacts = centre
        .get(&format!("{APP}/users/bob/contacts/users"))
        .await
        .1;
    assert_eq!(contacts["data"], json!(["eve"]));
    let attributes = centre.get(&format!("{APP}/metadata/user/bob")).await.1;
    assert_eq!(attributes["data"], json!({"about": "his"}));
    assert_eq!(
        history(&centre).await,
        [
            "bob to eve",
            "28823412730 to 288234127",
            "his group text",
            "their group text",
            "his room text"
        ]
    );
    // Her group goes on without an owner.
    let left = json!([{"member": "bob"}, {"member": "eve"}]);
    assert_eq!(members(&centre, "chatgroups", &hers).await, left);
    let left = json!([{"member": "eve"}, {"owner": "bob"}]);
    assert_eq!(members(&centre, "chatgroups", &his).await, left);
    assert_eq!(
        members(&centre, "chatrooms", &room).await,
        json!([{"owner": "bob"}])
    );
    let shown = centre.get(&format!("{APP}/chatgroups/{hers}")).await.1;
    assert_eq!(
        (
            &shown["data"][0]["owner"],
            &shown["data"][0]["affiliations_count"]
        ),
        (&json!(""), &json!(2))
    );
    assert_eq!(stored(&centre), 1);
    let path = format!("{APP}/chatfiles/{other}");
    let kept = centre
        .request(reqwest::Method::GET, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(kept.text().await.unwrap(), "a file of the App's");
    let gone = erase(&centre, json!({ "app_key": KEY, "user_id": ANN })).await;
    assert_eq!(counts(&gone), expected(&[]));
}

#[tokio::test]
async fn a_group_without_an_owner_lives() {
    let centre = Running::start().await;
    users(&centre).await;
    let group = made(&centre, APP, "chatgroups", ANN, &["bob"]).await;
    erase(&centre, json!({ "app_key": KEY, "user_id": ANN })).await;
    say(&centre, APP, "chatgroups", "bob", &group, "anybody there?").await;
    let join = format!("{APP}/chatgroups/{group}/users/eve");
    assert_eq!(centre.post(&join, json!({})).await.0, 200);
    let all = json!([{"member": "bob"}, {"member": "eve"}]);
    assert_eq!(members(&centre, "chatgroups", &group).await, all);
    assert_eq!(
        centre.delete(&format!("{APP}/chatgroups/{group}")).await.0,
        200
    );
}

#[tokio::test]
async fn what_a_user_has_is_found_behind_a_batch_of_what_others_have() {
    let centre = Running::start().await;
    users(&centre).await;
    let crowd: Vec<String> = (0..1_100).map(|n| format!("r{n}")).collect();
    let message = json!({"from": "bob", "to": crowd, "type": "txt", "body": {"msg": "all"}});
    let path = format!("{APP}/messages/users");
    assert_eq!(centre.post(&path, message).await.0, 200);
    say(&centre, APP, "users", "zoe", "zed", "hers").await;
    let evidence = erase(&centre, json!({ "app_key": KEY, "user_id": "zoe" })).await;
    assert_eq!(
        counts(&evidence),
        expected(&[("messages", 1), ("timeline", 1)])
    );
    assert_eq!(history(&centre).await.len(), 1_100);
}

#[tokio::test]
async fn the_same_name_in_another_app_is_somebody_else() {
    let centre = Running::start().await;
    for app in ["/acme/chat", "/acme/chat2"] {
        centre
            .post(&format!("{app}/users"), json!({ "username": "ann" }))
            .await;
        say(&centre, app, "users", "ann", "bob", "hi").await;
    }
    let evidence = erase(&centre, json!({ "app_key": "acme#chat", "user_id": "ann" })).await;
    let told = [("users", 1), ("messages", 1), ("timeline", 1)];
    assert_eq!(counts(&evidence), expected(&told));
    let evidence = erase(
        &centre,
        json!({ "app_key": "acme#chat2", "user_id": "ann" }),
    )
    .await;
    assert_eq!(counts(&evidence), expected(&told));
}

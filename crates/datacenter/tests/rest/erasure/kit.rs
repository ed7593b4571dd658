//! Asking for erasures, Apps full of data, and the digest as docs/data-centre.md has it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256, digest};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Running, answer};

pub const PATH: &str = "/management/erasures";

/// A request as a gateway makes it.
pub fn request(centre: &Running) -> RequestBuilder {
    centre
        .request(Method::POST, PATH)
        .header("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33")
        .header("Domicile-Zone", "fra1")
        .header("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c")
}

pub async fn erase(centre: &Running, body: Value) -> Value {
    let (status, answer) = answer(request(centre).json(&body)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["remaining"], 0);
    answer
}

/// What was there, as an auditor's list has it.
#[derive(Default, Clone)]
pub struct List(Vec<[u8; 32]>);

impl List {
    pub fn entry(&mut self, keyspace: &str, key: &[u8]) {
        self.0.push(hash(&[keyspace.as_bytes(), key]));
    }

    pub fn content(&mut self, key: &[u8], content: &[u8]) {
        let content = digest(&SHA256, content);
        self.0.push(hash(&[b"content", key, content.as_ref()]));
    }

    pub fn digest(mut self) -> String {
        self.0.sort_unstable();
        let mut all = Context::new(&SHA256);
        all.update(b"domicile-erasure-v1\0");
        self.0.iter().for_each(|hash| all.update(hash));
        format!("sha256:{}", hex::encode(all.finish()))
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let parts = parts.iter().flat_map(part);
    let bytes: Vec<u8> = parts.collect();
    digest(&SHA256, &bytes).as_ref().try_into().unwrap()
}

/// With its length in front.
pub fn part(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [&(text.len() as u64).to_be_bytes(), text].concat()
}

/// `acme#chat`, its length in front, and what follows.
pub fn key(app_key: &str, rest: &[&[u8]]) -> Vec<u8> {
    [part(app_key), rest.concat()].concat()
}

/// The counts that are not 0.
pub fn counts(answer: &Value) -> BTreeMap<String, u64> {
    let all = answer["erased"].as_object().unwrap().iter();
    let all = all.map(|(name, count)| (name.clone(), count.as_u64().unwrap()));
    all.filter(|(_, count)| *count != 0).collect()
}

pub fn expected(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect()
}

pub async fn say(centre: &Running, app: &str, kind: &str, from: &str, to: &str, text: &str) -> u64 {
    let message = json!({"from": from, "to": [to], "type": "txt", "body": {"msg": text}});
    let path = format!("{app}/messages/{kind}");
    let (status, sent) = centre.post(&path, message).await;
    assert_eq!(status, 200);
    sent["data"][to].as_str().unwrap().parse().unwrap()
}

pub async fn upload(centre: &Running, app: &str, token: Option<&str>, content: &str) -> String {
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{content}\r\n--b--\r\n"
    );
    let mut request = centre
        .request(Method::POST, &format!("{app}/chatfiles"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let (status, body) = answer(request).await;
    assert_eq!(status, 200);
    body["entities"][0]["uuid"].as_str().unwrap().to_owned()
}

pub async fn made(
    centre: &Running,
    app: &str,
    kind: &str,
    owner: &str,
    members: &[&str],
) -> String {
    let new = json!({"groupname": "crew", "name": "hall", "owner": owner, "members": members});
    let (status, made) = centre.post(&format!("{app}/{kind}"), new).await;
    assert_eq!(status, 200);
    let id = if kind == "chatgroups" {
        "groupid"
    } else {
        "id"
    };
    made["data"][id].as_str().unwrap().to_owned()
}

pub async fn befriend(centre: &Running, app: &str, one: &str, other: &str) {
    let path = format!("{app}/users/{one}/contacts/users/{other}");
    assert_eq!(centre.post(&path, json!({})).await.0, 200);
}

pub async fn describe(centre: &Running, app: &str, user: &str, text: &str) {
    let path = format!("{app}/metadata/user/{user}");
    let request = centre.request(Method::PUT, &path);
    assert_eq!(answer(request.json(&json!({ "about": text }))).await.0, 200);
}

/// Something of everything, and the list of it.
pub async fn fill(centre: &Running, app_key: &str, text: &str) -> List {
    let app = &format!("/{}", app_key.replace('#', "/"));
    let users = json!([{"username": "ann", "nickname": text}, {"username": "bob"}]);
    assert_eq!(centre.post(&format!("{app}/users"), users).await.0, 200);
    befriend(centre, app, "ann", "bob").await;
    describe(centre, app, "ann", text).await;
    let group = made(centre, app, "chatgroups", "ann", &["bob"]).await;
    let room = made(centre, app, "chatrooms", "ann", &["bob"]).await;
    let to_bob = say(centre, app, "users", "ann", "bob", text).await;
    let to_group = say(centre, app, "chatgroups", "ann", &group, text).await;
    let to_room = say(centre, app, "chatrooms", "ann", &room, text).await;
    let file = upload(centre, app, None, text).await;

    let mut list = List::default();
    let key = |rest: &[&[u8]]| key(app_key, rest);
    list.entry("users", &key(&[b"ann"]));
    list.entry("users", &key(&[b"bob"]));
    let (contact, metadata) = (part("contact"), part("metadata"));
    list.entry("general", &key(&[&contact, &part("ann"), b"bob"]));
    list.entry("general", &key(&[&contact, &part("bob"), b"ann"]));
    list.entry("general", &key(&[&metadata, b"ann"]));
    list.entry("groups", &key(&[group.as_bytes()]));
    list.entry("rooms", &key(&[room.as_bytes()]));
    let id = to_bob.to_be_bytes();
    list.entry(
        "messages_one_to_one",
        &key(&[&part("ann"), &part("bob"), &id]),
    );
    list.entry(
        "queues_one_to_one",
        &key(&[&part("bob"), &part("ann"), &id]),
    );
    list.entry("timeline", &key(&[&id]));
    let id = to_group.to_be_bytes();
    list.entry("messages_group", &key(&[&part(&group), &id]));
    list.entry("queues_group", &key(&[&part("bob"), &part(&group), &id]));
    list.entry("timeline", &key(&[&id]));
    let id = to_room.to_be_bytes();
    list.entry("messages_room", &key(&[&part(&room), &id]));
    list.entry("timeline", &key(&[&id]));
    list.entry("files", &key(&[file.as_bytes()]));
    list.content(&key(&[file.as_bytes()]), text.as_bytes());
    list
}

/// What [`fill`] leaves.
pub fn full(text: &str) -> BTreeMap<String, u64> {
    expected(&[
        ("users", 2),
        ("contacts", 2),
        ("attributes", 1),
        ("groups", 1),
        ("rooms", 1),
        ("messages", 3),
        ("timeline", 3),
        ("waiting", 2),
        ("files", 1),
        ("bytes", text.len() as u64),
    ])
}

/// Files that were uploaded, on disk.
pub fn stored(centre: &Running) -> usize {
    let files = centre.data.path().join("files");
    std::fs::read_dir(files).unwrap().count()
}

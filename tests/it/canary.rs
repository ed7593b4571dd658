//! What is at rest in the data centre, from outside: texts planted by every way in, by REST and by sessions,
//! through the gateway, and then looked for in all that is below its folder.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use msync::schema::{CommSyncDl, Jid, MessageBody, Meta};
use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::apps::Wish;
use crate::harness::sdk::{BOTH, Sdk, envelope, meta, sync};
use crate::harness::{Call, TestApp, World};

/// In front of every planted text; what is behind tells which it is.
const CANARY: &str = "canary-7f3e90d1";
/// By themselves in the store, as the names of nothing else.
const ORG: &str = "canaryorg-41bd";
const APP: &str = "canaryapp-9c02";

/// One word with a canary in it.
fn planted(what: &str) -> String {
    format!("{CANARY}-{what}")
}

struct Client<'a> {
    world: &'a World,
    app: TestApp,
}

impl Client<'_> {
    async fn call(&self, call: Call) -> Value {
        let call = call.token(&self.app.app_token());
        let answer = self.world.call(self.app.region, call).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{text}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Call::post(&self.app.path(path)).json(body)).await
    }

    /// A user and all that belongs to one.
    async fn users(&self) -> [String; 2] {
        let users = [planted("ann"), planted("bob")];
        for user in &users {
            let new = json!({ "username": user, "password": planted("password"), "nickname": planted("nick") });
            self.post("users", &new).await;
            let form = format!("avatar={}", planted("attribute"));
            let call = Call::new("PUT", &self.app.path(&format!("metadata/user/{user}")));
            let kind = "application/x-www-form-urlencoded";
            self.call(call.header("content-type", kind).body(form))
                .await;
        }
        let contact = format!("users/{}/contacts/users/{}", users[0], users[1]);
        self.post(&contact, &json!({})).await;
        users
    }

    /// A group and a room, of both.
    async fn conferences(&self, [ann, bob]: &[String; 2]) -> [String; 2] {
        let new = json!({
            "groupname": planted("group"), "name": planted("room"), "description": planted("description"),
            "owner": ann, "members": [bob],
        });
        let group = self.post("chatgroups", &new).await;
        let room = self.post("chatrooms", &new).await;
        let id = |told: &Value| told.as_str().unwrap().to_owned();
        [id(&group["data"]["groupid"]), id(&room["data"]["id"])]
    }

    async fn say(&self, [ann, bob]: &[String; 2], [group, room]: &[String; 2]) {
        for (path, to) in [("users", bob), ("chatgroups", group), ("chatrooms", room)] {
            let text = planted(&format!("rest-{path}"));
            let message = json!({
                "from": ann, "to": [to], "type": "txt", "body": { "msg": text }, "ext": { "of": text },
            });
            self.post(&format!("messages/{path}"), &message).await;
        }
    }

    async fn upload(&self, text: &str, times: usize) {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: text/{}\r\n\r\n{}\r\n--b--\r\n",
            planted("filename"),
            planted("filetype"),
            text.repeat(times),
        );
        let call = Call::post(&self.app.path("chatfiles"));
        let kind = "multipart/form-data; boundary=b";
        self.call(call.header("content-type", kind).body(form))
            .await;
    }
}

fn conference(id: &str) -> Jid {
    Jid {
        domain: Some("conference.easemob.com".to_owned()),
        name: Some(id.to_owned()),
        ..Jid::default()
    }
}

async fn send(sdk: &mut Sdk, meta: &Meta) {
    sdk.send(&sync(meta)).await;
    let answer: CommSyncDl = sdk.sync_answer().await;
    let code = answer.status.and_then(|status| status.error_code);
    assert_eq!(code.unwrap_or(0), 0);
}

/// Messages of a session, which are kept as they came, and what is in no history but waits.
async fn talk(client: &Client<'_>, [ann, bob]: &[String; 2], [group, room]: &[String; 2]) {
    for by in BOTH {
        let mut sdk = client.world.session(&client.app, ann, by).await;
        let text = planted(&format!("session-{by:?}"));
        let key = client.app.app_key();
        let person = meta(Some(&key), 1, bob, &text);
        send(&mut sdk, &person).await;
        for (id, to) in [(2, group), (3, room)] {
            let to = Some(conference(to));
            let message = Meta {
                to,
                ..meta(Some(&key), id, "", &text)
            };
            send(&mut sdk, &message).await;
        }
        let receipt = MessageBody {
            r#type: Some(5),
            ack_content: Some(planted("receipt")),
            ..MessageBody::default()
        };
        let payload = Some(receipt.encode_to_vec());
        send(
            &mut sdk,
            &Meta {
                id: Some(4),
                payload,
                ..person
            },
        )
        .await;
        sdk.send(&envelope(1, Vec::new())).await;
    }
}

/// All forms that a text may stand in.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        text.as_bytes().to_vec(),
        hex.to_uppercase().into(),
        hex.into(),
    ];
    // Base64 of a text with 0, 1 or 2 bytes in front, without the digits that have a part of what is around.
    for front in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; front][..], text.as_bytes()].concat());
        let (skip, whole) = ([0, 2, 3][front], (front + text.len()) * 8 / 6);
        let digits = encoded[skip..whole].to_owned();
        forms.push(digits.replace('+', "-").replace('/', "_").into());
        forms.push(digits.into());
    }
    let wide = text.encode_utf16();
    forms.push(wide.flat_map(u16::to_le_bytes).collect());
    forms
}

/// The files whose names or bytes hold one of these texts in any form.
fn holding(folder: &Path, texts: &[&str]) -> Vec<PathBuf> {
    let forms: Vec<Vec<u8>> = texts.iter().flat_map(|text| forms(text)).collect();
    let holds = |bytes: &[u8]| {
        let found = |form: &Vec<u8>| memchr::memmem::find(bytes, form).is_some();
        forms.iter().any(found)
    };
    let name = |path: &PathBuf| path.file_name().unwrap().as_encoded_bytes().to_vec();
    let mut all = files(folder);
    all.retain(|path| holds(&name(path)) || holds(&fs::read(path).unwrap_or_default()));
    all
}

/// Files and folders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let below = |path: PathBuf| match path.is_dir() {
        true => [vec![path.clone()], files(&path)].concat(),
        false => vec![path],
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(below).collect()
}

/// Control: with a seal that keeps values, or places, as they are, these are found.
#[tokio::test]
async fn nothing_planted_is_found_in_the_data_centres_files() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app_named("fra1", ORG, APP, Wish::default()).await;
    let client = Client { world: &world, app };
    let users = client.users().await;
    let conferences = client.conferences(&users).await;
    client.say(&users, &conferences).await;
    talk(&client, &users, &conferences).await;
    client.upload(&planted("short"), 1).await;
    client.upload(&planted("long"), 9_000).await;

    // It is there, for who may read it.
    let roaming = format!("users/{}/messageroaming", users[0]);
    let asked = json!({ "queue": format!("{}@easemob.com", users[1]) });
    let history = client.post(&roaming, &asked).await.to_string();
    for text in ["rest-users", "session-Tcp", "session-Websocket"] {
        assert!(history.contains(&planted(text)), "{history}");
    }
    let folder = world.root().join("datacenter");
    let all = files(&folder);
    assert!(all.contains(&folder.join("fra1/fra1.redb")));
    let uploads = all
        .iter()
        .filter(|path| path.parent().unwrap().ends_with("fra1/files"));
    assert_eq!(uploads.count(), 2);
    assert_eq!(holding(&folder, &[CANARY, ORG, APP]), [] as [PathBuf; 0]);
    world.finish().await;
}

/// The search itself: it finds a text in each form, wherever it begins, and in a name.
#[test]
fn the_search_finds_what_is_planted_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("files");
    fs::create_dir(&below).unwrap();
    let found = |name: &str, content: &[u8]| {
        let path = below.join(name);
        fs::write(&path, content).unwrap();
        let found = holding(folder.path(), &[CANARY]);
        fs::remove_file(&path).unwrap();
        found == [path]
    };
    assert!(!found("nothing", b"canary-7f3e90d"));
    assert!(found(&planted("name"), b""));
    for front in ["", "x", "xy", "xyz"] {
        let text = format!("{front}{}", planted("text"));
        let base64 = STANDARD_NO_PAD.encode(&text);
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for content in [text.as_bytes(), base64.as_bytes(), hex.as_bytes(), &wide] {
            assert!(
                found("file", content),
                "{}",
                String::from_utf8_lossy(content)
            );
        }
    }
}

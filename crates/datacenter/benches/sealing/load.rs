//! What is put and read: one-to-one messages of 200 bytes to users who are not there, and a file.

use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};

use crate::app_key::AppKey;
use crate::blobs::Blobs;
use crate::messages::{self, Conversation, Message};
use crate::msync::translate;
use crate::post::{self, Post};
use crate::queues::{self, Item, Queue};
use crate::store::cipher::Keyspace;
use crate::store::{Edit, Order, Store, StoreError, View};
use crate::users;

/// Users who get messages; each has one conversation.
pub const USERS: usize = 100;

pub fn app() -> AppKey {
    AppKey::new("acme", "chat").unwrap()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn user(number: usize) -> String {
    format!("user-{:04}", number % USERS)
}

/// What is in a message's body: 200 bytes of text.
pub fn text(number: usize) -> String {
    format!("{number:08} {}", "what people say ".repeat(12))[..200].to_owned()
}

pub async fn register(store: &Store) {
    let write = |edit: &Edit<'_>| {
        (0..USERS).try_for_each(|number| {
            let name = user(number);
            let stored = json!({
                "uuid": users::new_uuid(NOW), "username": name, "created": NOW, "modified": NOW, "nickname": null,
            });
            edit.put(Keyspace::Users, &users::key(&app(), &name), &stored)
        })
    };
    store.write::<_, StoreError, _>(write).await.unwrap();
}

/// As `POST messages/users` keeps them: the message, its place in the timeline, and what waits.
pub async fn say(store: &Store, numbers: std::ops::Range<usize>) {
    let write = move |edit: &Edit<'_>| numbers.clone().try_for_each(|number| say_one(edit, number));
    store.write::<_, StoreError, _>(write).await.unwrap();
}

fn say_one(edit: &Edit<'_>, number: usize) -> Result<(), StoreError> {
    let (app, to) = (app(), user(number));
    let conversation = Conversation::between(FROM, &to);
    let message = Message {
        id: edit.next_id(NOW + number as u64)?,
        time: NOW + number as u64,
        from: FROM.to_owned(),
        to,
        kind: "txt".to_owned(),
        body: object(&json!({ "msg": text(number) })),
        ext: Map::new(),
        meta: None,
    };
    messages::keep(edit, &app, &conversation, &message)?;
    let post = Post {
        app: &app,
        from: FROM,
        conversation: &conversation,
        id: message.id,
        item: Some(Item::Message(conversation.clone())),
        only: &[],
        meta: translate::meta(&app, &conversation, &message),
    };
    post::queue(edit, &post).map(drop)
}

/// All conversations, in pages; how many messages there were.
pub async fn read_history(store: &Store) -> usize {
    let mut found = 0;
    for number in 0..USERS {
        let conversation = Conversation::between(FROM, &user(number));
        let mut before = u64::MAX;
        loop {
            let range = conversation.key(&app()).below_ids(0..before);
            let keyspace = conversation.keyspace();
            let read =
                move |view: &View<'_>| view.scan(keyspace, &range, Order::Falling, queues::PAGE);
            let page: Vec<Message> = store.read::<_, StoreError, _>(read).await.unwrap();
            let Some(last) = page.last() else { break };
            (before, found) = (last.id, found + page.len());
        }
    }
    found
}

/// All that waits, with its content, in pages; how many messages there were.
pub async fn read_queues(store: &Store) -> usize {
    let mut found = 0;
    for number in 0..USERS {
        let mut oldest = 0;
        loop {
            let (name, queue) = (user(number), Queue::Person(FROM.to_owned()));
            let read = move |view: &View<'_>| queues::first(view, &app(), &name, &queue, oldest);
            let page = store.read::<_, StoreError, _>(read).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            (oldest, found) = (last + 1, found + page.len());
        }
    }
    found
}

/// Uploads a file, durably.
pub async fn upload(blobs: &Blobs, uuid: uuid::Uuid, size: usize) {
    let chunk = Bytes::from(vec![7; 64 * 1024]);
    let mut upload = blobs.create(&app(), uuid).await.unwrap();
    for _ in 0..size / chunk.len() {
        upload.push(chunk.clone()).await.unwrap();
    }
    upload.finish().await.unwrap().keep().await.unwrap();
}

pub async fn download(blobs: &Blobs, uuid: uuid::Uuid, size: usize) -> usize {
    let stream = blobs.read(&app(), uuid, size as u64).await.unwrap();
    let adding = stream.try_fold(0, async |sum, piece: Bytes| Ok(sum + piece.len()));
    adding.await.unwrap()
}

const FROM: &str = "ann";
pub const NOW: u64 = 1_795_460_400_000;

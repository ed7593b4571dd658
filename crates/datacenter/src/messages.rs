//! `messages`: sending, and how messages are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app_key::AppKey;
use crate::msync::translate;
use crate::post::{self, Delivery, Post};
use crate::queues::Item;
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, StoreError};

/// A stored message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: u64,
    /// When it was sent, in Unix milliseconds. The id has it in front, so a key tells it as well.
    pub(crate) time: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: String,
    pub(crate) body: Map<String, Value>,
    pub(crate) ext: Map<String, Value>,
    /// The encoded `Meta` of a message that was not sent by REST, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<String>,
}

/// Where a message belongs: the two who talk, or the id of a group or room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Conversation {
    OneToOne(String, String),
    Group(String),
    Room(String),
}

pub(crate) async fn to_users(call: Call) -> Result<Response, Fault> {
    send(call, Conversation::between).await
}

pub(crate) async fn to_groups(call: Call) -> Result<Response, Fault> {
    send(call, |_, to| Conversation::Group(to.to_owned())).await
}

pub(crate) async fn to_rooms(call: Call) -> Result<Response, Fault> {
    send(call, |_, to| Conversation::Room(to.to_owned())).await
}

/// Keeps a message; the timeline points to it in the order of time.
pub(crate) fn keep(
    edit: &Edit<'_>,
    app: &AppKey,
    conversation: &Conversation,
    message: &Message,
) -> Result<(), StoreError> {
    let key = conversation.key(app).id(message.id);
    edit.put(conversation.keyspace(), &key, message)?;
    edit.put(
        Keyspace::Timeline,
        &Pointer::key(app, message.id),
        &Pointer::to(conversation, message.id),
    )
}

/// Takes a message out of the history, and so out of the queues that point to it.
pub(crate) fn forget(
    edit: &Edit<'_>,
    app: &AppKey,
    conversation: &Conversation,
    id: u64,
) -> Result<(), StoreError> {
    edit.remove(conversation.keyspace(), &conversation.key(app).id(id))?;
    edit.remove(Keyspace::Timeline, &Key::of(app).id(id))
}

/// What the timeline holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pointer {
    pub(crate) conversation: Conversation,
    pub(crate) id: u64,
}

impl Pointer {
    /// Where the pointer to a message of this id is.
    pub(crate) fn key(app: &AppKey, id: u64) -> Key {
        Key::of(app).id(id)
    }

    fn to(conversation: &Conversation, id: u64) -> Pointer {
        let conversation = conversation.clone();
        Pointer { conversation, id }
    }
}

impl Conversation {
    /// The same, whoever of the two sends.
    pub(crate) fn between(one: &str, other: &str) -> Conversation {
        let (low, high) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        Conversation::OneToOne(low.to_owned(), high.to_owned())
    }

    pub(crate) fn keyspace(&self) -> Keyspace {
        match self {
            Conversation::OneToOne(..) => Keyspace::MessagesOneToOne,
            Conversation::Group(_) => Keyspace::MessagesGroup,
            Conversation::Room(_) => Keyspace::MessagesRoom,
        }
    }

    /// What the keys of its messages begin with; a message's id follows.
    pub(crate) fn key(&self, app: &AppKey) -> Key {
        match self {
            Conversation::OneToOne(low, high) => Key::of(app).part(low).part(high),
            Conversation::Group(id) | Conversation::Room(id) => Key::of(app).part(id),
        }
    }

    /// Whether this user is one of two who talk.
    pub(crate) fn is_with(&self, user: &str) -> bool {
        match self {
            Conversation::OneToOne(low, high) => low == user || high == user,
            Conversation::Group(_) | Conversation::Room(_) => false,
        }
    }

    /// As `Domicile-Channel` names it.
    pub(crate) fn channel(&self) -> &'static str {
        match self {
            Conversation::OneToOne(..) => "one_to_one",
            Conversation::Group(_) => "group",
            Conversation::Room(_) => "room",
        }
    }

    fn chat_type(&self) -> &'static str {
        match self {
            Conversation::OneToOne(..) => "chat",
            Conversation::Group(_) => "groupchat",
            Conversation::Room(_) => "chatroom",
        }
    }
}

impl Message {
    /// Whether this user sent it, or had it sent to them alone.
    pub(crate) fn concerns(&self, user: &str, keyspace: Keyspace) -> bool {
        self.from == user || (keyspace == Keyspace::MessagesOneToOne && self.to == user)
    }

    /// How history shows it.
    pub(crate) fn history(&self, conversation: &Conversation) -> Value {
        let mut body = self.body.clone();
        body.insert("type".to_owned(), json!(self.kind));
        json!({
            "msg_id": self.id.to_string(),
            "timestamp": self.time,
            "from": self.from,
            "to": self.to,
            "chat_type": conversation.chat_type(),
            "payload": { "bodies": [body], "ext": self.ext, "from": self.from, "to": self.to },
        })
    }
}

/// The body of `POST messages/…`.
#[derive(Deserialize)]
struct NewMessage {
    #[serde(default = "administrator")]
    from: String,
    to: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    body: Map<String, Value>,
    #[serde(default)]
    ext: Map<String, Value>,
}

impl NewMessage {
    fn check(&self) -> Result<(), Fault> {
        if self.to.is_empty() {
            return Err(Fault::Illegal("to names nobody"));
        }
        let mut names = self.to.iter().chain([&self.from]);
        if names.any(|name| name.is_empty() || name.len() > NAME_MAX) {
            return Err(Fault::Illegal("from or to has a name that is not legal"));
        }
        Ok(())
    }

    fn message(&self, to: &str, id: u64, time: u64) -> Message {
        Message {
            id,
            time,
            from: self.from.clone(),
            to: to.to_owned(),
            kind: self.kind.clone(),
            body: self.body.clone(),
            ext: self.ext.clone(),
            meta: None,
        }
    }
}

/// Sender and recipients need not exist, as in the service.
async fn send(
    mut call: Call,
    conversation: fn(&str, &str) -> Conversation,
) -> Result<Response, Fault> {
    let new: NewMessage = call.json().await?;
    new.check()?;
    let (app, now) = (call.app.clone(), call.received);
    let write = move |edit: &Edit<'_>| send_all(edit, &app, now, &new, conversation);
    let centre = &call.centre;
    let posting = centre.posting.lock().await;
    let (ids, deliveries) = centre.store.write(write).await?;
    for delivery in deliveries {
        delivery.deliver(&centre.sessions, None);
    }
    drop(posting);
    Ok(call.answer(json!({ "data": ids })))
}

type Sent = (Map<String, Value>, Vec<Delivery>);

fn send_all(
    edit: &Edit<'_>,
    app: &AppKey,
    now: u64,
    new: &NewMessage,
    conversation: fn(&str, &str) -> Conversation,
) -> Result<Sent, Fault> {
    let (mut ids, mut deliveries) = Sent::default();
    for to in &new.to {
        if ids.contains_key(to) {
            continue;
        }
        let message = new.message(to, edit.next_id(now)?, now);
        ids.insert(to.clone(), json!(message.id.to_string()));
        deliveries.push(send_one(edit, app, &conversation(&new.from, to), &message)?);
    }
    Ok((ids, deliveries))
}

fn send_one(
    edit: &Edit<'_>,
    app: &AppKey,
    conversation: &Conversation,
    message: &Message,
) -> Result<Delivery, StoreError> {
    keep(edit, app, conversation, message)?;
    let post = Post {
        app,
        from: &message.from,
        conversation,
        id: message.id,
        item: Some(Item::Message(conversation.clone())),
        only: &[],
        meta: translate::meta(app, conversation, message),
    };
    post::queue(edit, &post)
}

/// Who sends when nobody is named.
fn administrator() -> String {
    "admin".to_owned()
}

const NAME_MAX: usize = 255;

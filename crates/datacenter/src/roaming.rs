//! `users/{u}/messageroaming`: a conversation of a user, newest first, a page at a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app_key::AppKey;
use crate::messages::{Conversation, Message};
use crate::msync::jid::{CONFERENCES, PEOPLE};
use crate::msync::translate;
use crate::roster::{self, Roster};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::{Order, View, first_id_at};

pub(crate) async fn pull(mut call: Call) -> Result<Response, Fault> {
    let asked = Asked::of(&mut call).await?;
    let user = call.parameter("u")?;
    let conversation = conversation(&call, user, &asked.queue).await?;
    let (app, ids, wanted) = (call.app.clone(), asked.ids(&call)?, asked.page());
    let read = move |view: &View<'_>| {
        let range = conversation.key(&app).below_ids(ids);
        let found =
            view.scan::<Message>(conversation.keyspace(), &range, Order::Falling, wanted + 1)?;
        Ok::<_, Fault>(page(found, wanted, |message| {
            entry(&app, &conversation, message)
        }))
    };
    let data = call.centre.store.read(read).await?;
    Ok(call.answer(json!({ "data": data })))
}

/// What is asked for, in the body or, without one, in the query.
#[derive(Deserialize)]
struct Asked {
    /// `bob@easemob.com`, or the id of a group or room with `@conference.easemob.com`.
    queue: String,
    /// Only what is older than this message; -1 begins with the newest.
    #[serde(default)]
    start: Value,
    /// Only what is newer than this message; -1 goes back as far as there is anything.
    #[serde(default)]
    end: Value,
    pull_number: Option<usize>,
}

impl Asked {
    async fn of(call: &mut Call) -> Result<Asked, Fault> {
        let body = call.bytes().await?;
        if !body.is_empty() {
            return serde_json::from_slice(&body).map_err(Fault::Json);
        }
        let query = |name| call.query.value(name);
        let number = query("pull_number").map(str::parse).transpose();
        Ok(Asked {
            queue: query("queue")
                .ok_or(Fault::Illegal("queue is missing"))?
                .to_owned(),
            start: json!(query("start")),
            end: json!(query("end")),
            pull_number: number.map_err(|_| Fault::Illegal("pull_number is not a number"))?,
        })
    }

    fn ids(&self, call: &Call) -> Result<std::ops::Range<u64>, Fault> {
        let before = message_id(&self.start)?.unwrap_or(u64::MAX);
        let after = message_id(&self.end)?.map_or(0, |id| id.saturating_add(1));
        Ok(after.max(first_id_at(call.oldest_served()?))..before)
    }

    fn page(&self) -> usize {
        self.pull_number.unwrap_or(PAGE).clamp(1, PAGE_MAX)
    }
}

/// SDKs send ids as texts, other clients as numbers.
fn message_id(value: &Value) -> Result<Option<u64>, Fault> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.is_empty() || text == "-1" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Fault::Illegal("start or end is no message id"))
}

/// The user's conversation with a queue. Of groups and rooms, only those that they belong to.
async fn conversation(call: &Call, user: String, queue: &str) -> Result<Conversation, Fault> {
    let (name, domain) = queue.rsplit_once('@').unwrap_or((queue, PEOPLE));
    match domain {
        PEOPLE => Ok(Conversation::between(&user, name)),
        CONFERENCES => conference(call, user, name.to_owned()).await,
        _ => Err(Fault::Illegal("the queue is of no known kind")),
    }
}

async fn conference(call: &Call, user: String, id: String) -> Result<Conversation, Fault> {
    let key = roster::key(&call.app, &id);
    let read = move |view: &View<'_>| {
        if let Some(group) = view.get::<Roster>(Keyspace::Groups, &key)? {
            return Ok::<_, Fault>((group, Conversation::Group(id)));
        }
        let room = view.get::<Roster>(Keyspace::Rooms, &key)?;
        Ok((room.ok_or(Fault::NotFound)?, Conversation::Room(id)))
    };
    let (roster, conversation) = call.centre.store.read(read).await?;
    if roster.has(&user) {
        Ok(conversation)
    } else {
        Err(Fault::Forbidden("the user is not a member"))
    }
}

/// As history has it, and the encoded `Meta` that SDKs read.
fn entry(app: &AppKey, conversation: &Conversation, message: &Message) -> Value {
    let mut entry = message.history(conversation);
    let meta = translate::meta(app, conversation, message);
    entry["msg"] = json!(STANDARD.encode(meta));
    entry
}

fn page(mut found: Vec<Message>, wanted: usize, entry: impl Fn(&Message) -> Value) -> Value {
    let is_last = found.len() <= wanted;
    found.truncate(wanted);
    let next_key = found
        .last()
        .filter(|_| !is_last)
        .map(|message| message.id.to_string());
    json!({
        "msgs": found.iter().map(entry).collect::<Vec<_>>(),
        "next_key": next_key.unwrap_or_default(),
        "is_last": is_last,
    })
}

const PAGE: usize = 20;
const PAGE_MAX: usize = 50;

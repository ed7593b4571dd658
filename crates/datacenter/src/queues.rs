//! What waits for users: one queue for each of their conversations, kept until a device of theirs
//! acknowledges it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::app_key::AppKey;
use crate::messages::{Conversation, Message};
use crate::msync::{jid, translate};
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Entry, Order, StoreError, View};

/// A queue of a user, named by who is on the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Queue {
    Person(String),
    /// A group or a room.
    Conference(String),
}

/// One item that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) queue: Queue,
    pub(crate) id: u64,
    pub(crate) item: Item,
}

/// Where the item's content is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Item {
    /// In the history of this conversation, under the same id.
    Message(Conversation),
    /// Here: receipts and the like are no history. An encoded `Meta` in base64.
    Meta(String),
}

impl Queue {
    pub(crate) fn name(&self) -> &str {
        match self {
            Queue::Person(name) | Queue::Conference(name) => name,
        }
    }

    fn keyspace(&self) -> Keyspace {
        match self {
            Queue::Person(_) => Keyspace::QueuesOneToOne,
            Queue::Conference(_) => Keyspace::QueuesGroup,
        }
    }

    fn key(&self, app: &AppKey, user: &str) -> Key {
        Key::of(app).part(user).part(self.name())
    }
}

impl Item {
    pub(crate) fn of_meta(encoded: &[u8]) -> Item {
        Item::Meta(STANDARD.encode(encoded))
    }
}

/// Makes an item wait for a user.
pub(crate) fn add(
    edit: &Edit<'_>,
    app: &AppKey,
    user: &str,
    waiting: &Waiting,
) -> Result<(), StoreError> {
    let key = waiting.queue.key(app, user).id(waiting.id);
    edit.put(waiting.queue.keyspace(), &key, waiting)
}

/// The oldest items of a queue whose ids are not below `oldest`, as encoded `Meta`s.
pub(crate) fn first(
    view: &View<'_>,
    app: &AppKey,
    user: &str,
    queue: &Queue,
    oldest: u64,
) -> Result<Vec<(u64, Bytes)>, StoreError> {
    let (mut found, mut next) = (Vec::new(), oldest);
    // Behind a page of which nothing is left there may be more.
    while found.is_empty() {
        let range = queue.key(app, user).below_ids(next..u64::MAX);
        let waiting: Vec<Waiting> = view.scan(queue.keyspace(), &range, Order::Rising, PAGE)?;
        let Some(last) = waiting.last() else { break };
        next = last.id + 1;
        for Waiting { id, item, .. } in waiting {
            if let Some(meta) = content(view, app, id, &item)? {
                found.push((id, meta));
            }
        }
    }
    Ok(found)
}

/// The ids that wait in each queue of a user and are not below `oldest`.
pub(crate) fn unread(
    view: &View<'_>,
    app: &AppKey,
    user: &str,
    oldest: u64,
) -> Result<BTreeMap<Queue, BTreeSet<u64>>, StoreError> {
    let mut queues: BTreeMap<Queue, BTreeSet<u64>> = BTreeMap::new();
    for keyspace in KEYSPACES {
        let range = Key::of(app).part(user).below();
        let all: Vec<Waiting> = view.scan(keyspace, &range, Order::Rising, UNREAD_MAX)?;
        for waiting in all.into_iter().filter(|waiting| waiting.id >= oldest) {
            queues.entry(waiting.queue).or_default().insert(waiting.id);
        }
    }
    Ok(queues)
}

/// Whether anything waits in a queue up to and including an id.
pub(crate) fn any(
    view: &View<'_>,
    app: &AppKey,
    user: &str,
    queue: &Queue,
    id: u64,
) -> Result<bool, StoreError> {
    let range = queue.key(app, user).below_ids(0..id.saturating_add(1));
    let found: Vec<Waiting> = view.scan(queue.keyspace(), &range, Order::Rising, 1)?;
    Ok(!found.is_empty())
}

/// Lets go of a queue's items up to and including an id.
pub(crate) fn acknowledge(
    edit: &Edit<'_>,
    app: &AppKey,
    user: &str,
    queue: &Queue,
    id: u64,
) -> Result<(), StoreError> {
    let front = queue.key(app, user);
    let range = front.below_ids(0..id.saturating_add(1));
    let gone: Vec<Waiting> = edit.scan(queue.keyspace(), &range)?;
    let mut gone = gone.iter();
    gone.try_for_each(|waiting| edit.remove(queue.keyspace(), &front.clone().id(waiting.id)))
}

/// Lets go of all that waits for a user who is deleted.
pub(crate) fn forget(edit: &Edit<'_>, app: &AppKey, user: &str) -> Result<(), StoreError> {
    for keyspace in KEYSPACES {
        let all: Vec<Waiting> = edit.scan(keyspace, &Key::of(app).part(user).below())?;
        for waiting in all {
            edit.remove(keyspace, &waiting.queue.key(app, user).id(waiting.id))?;
        }
    }
    Ok(())
}

/// Whether what waits is for this user, from them, or points to a message that is gone.
pub(crate) fn concerns(
    view: &View<'_>,
    app: &AppKey,
    user: &str,
    entry: &Entry<'_>,
) -> Result<bool, StoreError> {
    let own = Key::of(app).part(user);
    let waiting: Waiting = entry.open()?;
    if entry.key().behind(&own).is_some() || waiting.queue == Queue::Person(user.to_owned()) {
        return Ok(true);
    }
    match &waiting.item {
        Item::Meta(text) => {
            let meta = STANDARD.decode(text).unwrap_or_default();
            Ok(jid::is_from(user, &meta))
        }
        Item::Message(conversation) => {
            let key = conversation.key(app).id(waiting.id);
            let keyspace = conversation.keyspace();
            let message: Option<Message> = view.get(keyspace, &key)?;
            Ok(message.is_none_or(|message| message.concerns(user, keyspace)))
        }
    }
}

/// Nothing when the history does not have it any more.
fn content(
    view: &View<'_>,
    app: &AppKey,
    id: u64,
    item: &Item,
) -> Result<Option<Bytes>, StoreError> {
    match item {
        Item::Meta(text) => Ok(STANDARD.decode(text).ok().map(Bytes::from)),
        Item::Message(conversation) => {
            let key = conversation.key(app).id(id);
            let message: Option<Message> = view.get(conversation.keyspace(), &key)?;
            Ok(message.map(|message| translate::meta(app, conversation, &message)))
        }
    }
}

const KEYSPACES: [Keyspace; 2] = [Keyspace::QueuesOneToOne, Keyspace::QueuesGroup];
/// Items that are delivered at a time, at most.
pub(crate) const PAGE: usize = 50;
/// Items of a keyspace that are counted for a user, at most.
const UNREAD_MAX: usize = 10_000;

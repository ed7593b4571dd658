//! `users`: who an App knows.
//!
//! Passwords are taken, since the documented call has them, and not kept: this data centre has no
//! password log-in.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app_key::AppKey;
use crate::mailbox::Kick;
use crate::page::Page;
use crate::path::is_forbidden;
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Entry, Order, StoreError};
use crate::{contacts, metadata, queues, roster};

/// A stored user.
#[derive(Serialize, Deserialize)]
pub(crate) struct User {
    uuid: Uuid,
    username: String,
    created: u64,
    modified: u64,
    nickname: Option<String>,
}

pub(crate) async fn create(mut call: Call) -> Result<Response, Fault> {
    let wanted: OneOrMany = call.json().await?;
    let users = wanted.users(call.received)?;
    let app = call.app.clone();
    let write = move |edit: &Edit<'_>| insert_all(edit, &app, users);
    let users = call.centre.store.write(write).await?;
    Ok(call.answer(entities(&users)))
}

pub(crate) async fn list(call: Call) -> Result<Response, Fault> {
    let page = Page::asked(&call.query)?;
    let range = Key::of(&call.app).below_after(&page.after);
    let limit = page.look_up();
    let read = call
        .centre
        .store
        .read(move |view| view.scan(Keyspace::Users, &range, Order::Rising, limit));
    let mut users: Vec<User> = read.await?;
    let cursor = page.cut(&mut users, |user| &user.username);
    let mut members = entities(&users);
    members["count"] = json!(users.len());
    if let Some(cursor) = cursor {
        members["cursor"] = json!(cursor);
    }
    Ok(call.answer(members))
}

pub(crate) async fn read(call: Call) -> Result<Response, Fault> {
    let user = find(&call, call.parameter("u")?).await?;
    let user = user.ok_or(Fault::NotFound)?;
    Ok(call.answer(entities(&[user])))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Fault> {
    let (app, name) = (call.app.clone(), call.parameter("u")?);
    let write = move |edit: &Edit<'_>| remove(edit, &app, &name);
    let user = call.centre.store.write(write).await?;
    let sessions = &call.centre.sessions;
    sessions.kick(&call.app, &user.username, Kick::UserRemoved);
    Ok(call.answer(entities(&[user])))
}

/// The stored user of a name.
pub(crate) async fn find(call: &Call, name: String) -> Result<Option<User>, Fault> {
    let key = key(&call.app, &name);
    call.centre
        .store
        .read(move |view| Ok(view.get(Keyspace::Users, &key)?))
        .await
}

/// Whether there is a user of this name.
pub(crate) fn exists(edit: &Edit<'_>, app: &AppKey, name: &str) -> Result<bool, StoreError> {
    let user: Option<User> = edit.get(Keyspace::Users, &key(app, name))?;
    Ok(user.is_some())
}

/// Whether a text can name a user: it must fit into a path.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= NAME_MAX;
    fits && text != "." && text != ".." && !text.bytes().any(is_forbidden)
}

impl User {
    /// How answers show a user.
    pub(crate) fn entity(&self) -> Value {
        let mut entity = json!({
            "uuid": self.uuid,
            "type": "user",
            "created": self.created,
            "modified": self.modified,
            "username": self.username,
            "activated": true,
        });
        if let Some(nickname) = &self.nickname {
            entity["nickname"] = json!(nickname);
        }
        entity
    }
}

/// The body of `POST users`.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(NewUser),
    Many(Vec<NewUser>),
}

#[derive(Deserialize)]
struct NewUser {
    username: String,
    nickname: Option<String>,
}

impl OneOrMany {
    fn users(self, now: u64) -> Result<Vec<User>, Fault> {
        let all = match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(all) if all.is_empty() => {
                return Err(Fault::Illegal("there is no user in the body"));
            }
            OneOrMany::Many(all) => all,
        };
        all.into_iter().map(|new| new.user(now)).collect()
    }
}

impl NewUser {
    fn user(self, now: u64) -> Result<User, Fault> {
        if !is_name(&self.username) {
            return Err(Fault::Illegal("the username is not legal"));
        }
        Ok(User {
            uuid: new_uuid(now),
            username: self.username,
            created: now,
            modified: now,
            nickname: self.nickname,
        })
    }
}

/// A random id that sorts by time.
pub(crate) fn new_uuid(now: u64) -> Uuid {
    let (seconds, millis) = (now / 1000, now % 1000);
    let nanos = u32::try_from(millis).unwrap_or_default() * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

/// All or none.
fn insert_all(edit: &Edit<'_>, app: &AppKey, users: Vec<User>) -> Result<Vec<User>, Fault> {
    for user in &users {
        let key = key(app, &user.username);
        if edit.get::<User>(Keyspace::Users, &key)?.is_some() {
            return Err(Fault::Duplicate(user.username.clone()));
        }
        edit.put(Keyspace::Users, &key, user)?;
    }
    Ok(users)
}

/// Removes a user and what belongs to them; messages stay for as long as messages stay.
fn remove(edit: &Edit<'_>, app: &AppKey, name: &str) -> Result<User, Fault> {
    let key = key(app, name);
    let user = edit.get(Keyspace::Users, &key)?.ok_or(Fault::NotFound)?;
    edit.remove(Keyspace::Users, &key)?;
    contacts::forget(edit, app, name)?;
    metadata::forget(edit, app, name)?;
    roster::forget(edit, app, name)?;
    queues::forget(edit, app, name)?;
    Ok(user)
}

fn entities(users: &[User]) -> Value {
    json!({ "entities": users.iter().map(User::entity).collect::<Vec<_>>() })
}

/// Whether an entry is this user's.
pub(crate) fn concerns(app: &AppKey, user: &str, entry: &Entry<'_>) -> bool {
    entry.key() == key(app, user)
}

pub(crate) fn key(app: &AppKey, name: &str) -> Key {
    Key::of(app).end(name)
}

const NAME_MAX: usize = 64;

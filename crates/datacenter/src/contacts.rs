//! `users/{u}/contacts/users`: who is a contact of whom, always both ways.

use serde_json::json;

use crate::app_key::AppKey;
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Entry, Order, StoreError};
use crate::users::{self, is_name};

pub(crate) async fn list(call: Call) -> Result<Response, Fault> {
    let range = front(&call.app, &call.parameter("u")?).below();
    let read = move |view: &crate::store::View<'_>| {
        view.scan(Keyspace::General, &range, Order::Rising, usize::MAX)
    };
    let names: Vec<String> = call.centre.store.read(read).await?;
    let count = names.len();
    Ok(call.answer(json!({ "data": names, "count": count })))
}

pub(crate) async fn add(call: Call) -> Result<Response, Fault> {
    let (app, one, other) = (call.app.clone(), call.parameter("u")?, call.parameter("v")?);
    if !is_name(&one) || !is_name(&other) {
        return Err(Fault::Illegal("the username is not legal"));
    }
    let added = users::find(&call, other.clone())
        .await?
        .ok_or(Fault::NotFound)?;
    let write = move |edit: &Edit<'_>| {
        edit.put(Keyspace::General, &key(&app, &one, &other), &other)?;
        edit.put(Keyspace::General, &key(&app, &other, &one), &one)
    };
    call.centre.store.write(write).await?;
    Ok(call.answer(json!({ "entities": [added.entity()] })))
}

pub(crate) async fn remove(call: Call) -> Result<Response, Fault> {
    let (app, one, other) = (call.app.clone(), call.parameter("u")?, call.parameter("v")?);
    let removed = other.clone();
    let write = move |edit: &Edit<'_>| {
        edit.get::<String>(Keyspace::General, &key(&app, &one, &other))?
            .ok_or(Fault::NotFound)?;
        Ok::<_, Fault>(unlink(edit, &app, &one, &other)?)
    };
    call.centre.store.write(write).await?;
    Ok(call.answer(json!({ "entities": [{ "type": "user", "username": removed }] })))
}

/// Removes a user who is deleted from everybody's contacts.
pub(crate) fn forget(edit: &Edit<'_>, app: &AppKey, user: &str) -> Result<(), StoreError> {
    let contacts: Vec<String> = edit.scan(Keyspace::General, &front(app, user).below())?;
    contacts
        .iter()
        .try_for_each(|other| unlink(edit, app, user, other))
}

fn unlink(edit: &Edit<'_>, app: &AppKey, one: &str, other: &str) -> Result<(), StoreError> {
    edit.remove(Keyspace::General, &key(app, one, other))?;
    edit.remove(Keyspace::General, &key(app, other, one))
}

/// Whether a key is one of contacts at all; what is known of users is in the same keyspace.
pub(crate) fn is_key(app: &AppKey, key: &Key) -> bool {
    key.behind(&all(app)).is_some()
}

/// Whether an entry is of this user's contacts, or of this user as a contact.
pub(crate) fn concerns(app: &AppKey, user: &str, entry: &Entry<'_>) -> Result<bool, StoreError> {
    let key = entry.key();
    if key.behind(&front(app, user)).is_some() {
        return Ok(true);
    }
    Ok(is_key(app, &key) && entry.open::<String>()? == user)
}

fn key(app: &AppKey, of: &str, contact: &str) -> Key {
    front(app, of).end(contact)
}

fn front(app: &AppKey, of: &str) -> Key {
    all(app).part(of)
}

fn all(app: &AppKey) -> Key {
    Key::of(app).part("contact")
}

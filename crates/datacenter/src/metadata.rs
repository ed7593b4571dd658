//! `metadata/user/{u}`: attributes that a user has given themselves.

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::app_key::AppKey;
use crate::path::Query;
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Entry, StoreError, View};

type Attributes = BTreeMap<String, String>;

pub(crate) async fn read(call: Call) -> Result<Response, Fault> {
    let key = key(&call.app, &call.parameter("u")?);
    let read = move |view: &View<'_>| view.get::<Attributes>(Keyspace::General, &key);
    let attributes = call.centre.store.read::<_, StoreError, _>(read).await?;
    Ok(call.answer(json!({ "data": attributes.unwrap_or_default() })))
}

/// Changes the attributes that are given, and keeps the others.
pub(crate) async fn change(mut call: Call) -> Result<Response, Fault> {
    let given = given(&mut call).await?;
    let key = key(&call.app, &call.parameter("u")?);
    let write = move |edit: &Edit<'_>| {
        let mut all: Attributes = edit.get(Keyspace::General, &key)?.unwrap_or_default();
        all.extend(given);
        edit.put(Keyspace::General, &key, &all)?;
        Ok::<_, StoreError>(all)
    };
    let all = call.centre.store.write(write).await?;
    Ok(call.answer(json!({ "data": all })))
}

/// Removes what is known of a user who is deleted.
pub(crate) fn forget(edit: &Edit<'_>, app: &AppKey, user: &str) -> Result<(), StoreError> {
    edit.remove(Keyspace::General, &key(app, user))
}

/// Whether an entry is what this user has said of themselves.
pub(crate) fn concerns(app: &AppKey, user: &str, entry: &Entry<'_>) -> bool {
    entry.key() == key(app, user)
}

/// A form, as the service documents, or JSON.
async fn given(call: &mut Call) -> Result<Attributes, Fault> {
    let kind = call.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/json") {
        return call.json().await;
    }
    let body = call.bytes().await?;
    let form = std::str::from_utf8(&body).map_err(|_| Fault::Illegal("the form is not UTF-8"))?;
    Ok(Query::parse(form)?.into_pairs().into_iter().collect())
}

fn key(app: &AppKey, user: &str) -> Key {
    Key::of(app).part("metadata").end(user)
}

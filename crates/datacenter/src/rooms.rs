//! `chatrooms`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::roster::{self, NewRoster, Roster};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace::Rooms;

pub(crate) async fn create(mut call: Call) -> Result<Response, Fault> {
    let new: NewRoom = call.json().await?;
    let room = roster::create(&call, Rooms, new.roster()).await?;
    Ok(call.answer(json!({ "data": { "id": room.id } })))
}

pub(crate) async fn list(call: Call) -> Result<Response, Fault> {
    let (rooms, cursor) = roster::list(&call, Rooms).await?;
    let data: Vec<Value> = rooms.iter().map(summary).collect();
    let mut members = json!({ "data": data, "count": rooms.len() });
    if let Some(cursor) = cursor {
        members["cursor"] = json!(cursor);
    }
    Ok(call.answer(members))
}

pub(crate) async fn read(call: Call) -> Result<Response, Fault> {
    let rooms = roster::find(&call, Rooms, &call.parameter("ids")?).await?;
    let data: Vec<Value> = rooms.iter().map(details).collect();
    Ok(call.answer(json!({ "data": data, "count": rooms.len() })))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Fault> {
    let id = call.parameter("id")?;
    roster::delete(&call, Rooms, &id).await?;
    Ok(call.answer(json!({ "data": { "success": true, "id": id } })))
}

pub(crate) async fn modify(mut call: Call) -> Result<Response, Fault> {
    let data = roster::modify(&mut call, Rooms).await?;
    Ok(call.answer(json!({ "data": data })))
}

pub(crate) async fn members(call: Call) -> Result<Response, Fault> {
    let data = roster::members(&call, Rooms).await?;
    let count = data.len();
    Ok(call.answer(json!({ "data": data, "count": count })))
}

pub(crate) async fn join(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, call.parameter("u")?);
    roster::join(&call, Rooms, &id, &user).await?;
    Ok(call.answer(json!({ "data": changed("add_member", &id, &user) })))
}

/// Adds users to a room.
pub(crate) async fn add(mut call: Call) -> Result<Response, Fault> {
    let Added { usernames } = call.json().await?;
    let id = call.parameter("id")?;
    for user in &usernames {
        roster::join(&call, Rooms, &id, user).await?;
    }
    let data = json!({ "newmembers": usernames, "action": "add_member", "id": id });
    Ok(call.answer(json!({ "data": data })))
}

pub(crate) async fn leave(call: Call) -> Result<Response, Fault> {
    let (id, users) = (call.parameter("id")?, call.parameter("u")?);
    roster::leave(&call, Rooms, &id, &users).await?;
    let data = roster::one_or_many(&users, |user| changed("remove_member", &id, user));
    Ok(call.answer(json!({ "data": data })))
}

pub(crate) async fn joined(call: Call) -> Result<Response, Fault> {
    let rooms = roster::joined(&call, Rooms, call.parameter("u")?, 1).await?;
    // SDKs take the App out of the owner's name, and fail where it is not in it.
    let data = rooms.iter().map(|room| {
        json!({
            "id": room.id,
            "name": room.name,
            "title": room.name,
            "description": room.description,
            "owner": format!("{}_{}", call.app, room.owner),
            "max_users": room.maxusers,
            "created": room.created,
        })
    });
    let data: Vec<Value> = data.collect();
    Ok(call.answer(json!({ "data": data, "count": rooms.len() })))
}

/// The body of `POST chatrooms`.
#[derive(Deserialize)]
struct NewRoom {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "usual_size")]
    maxusers: usize,
    owner: String,
    #[serde(default)]
    members: Vec<String>,
}

/// The body of `POST chatrooms/{id}/users`.
#[derive(Deserialize)]
struct Added {
    usernames: Vec<String>,
}

impl NewRoom {
    fn roster(self) -> NewRoster {
        NewRoster {
            name: self.name,
            description: self.description,
            public: true,
            maxusers: self.maxusers,
            owner: self.owner,
            members: self.members,
        }
    }
}

fn summary(room: &Roster) -> Value {
    json!({
        "id": room.id,
        "name": room.name,
        "owner": room.owner,
        "affiliations_count": room.size(),
    })
}

fn details(room: &Roster) -> Value {
    json!({
        "id": room.id,
        "name": room.name,
        "description": room.description,
        "membersonly": false,
        "allowinvites": false,
        "maxusers": room.maxusers,
        "owner": room.owner,
        "created": room.created,
        "affiliations_count": room.size(),
        "affiliations": room.affiliations(),
    })
}

fn changed(action: &str, id: &str, user: &str) -> Value {
    json!({ "result": true, "action": action, "id": id, "user": user })
}

fn usual_size() -> usize {
    1000
}

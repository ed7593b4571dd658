//! `chatgroups`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::roster::{self, NewRoster, Roster};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace::Groups;

pub(crate) async fn create(mut call: Call) -> Result<Response, Fault> {
    let new: NewGroup = call.json().await?;
    let group = roster::create(&call, Groups, new.roster()).await?;
    Ok(call.answer(json!({ "data": { "groupid": group.id } })))
}

pub(crate) async fn list(call: Call) -> Result<Response, Fault> {
    let (groups, cursor) = roster::list(&call, Groups).await?;
    let data: Vec<Value> = groups.iter().map(summary).collect();
    let mut members = json!({ "data": data, "count": groups.len() });
    if let Some(cursor) = cursor {
        members["cursor"] = json!(cursor);
    }
    Ok(call.answer(members))
}

pub(crate) async fn read(call: Call) -> Result<Response, Fault> {
    let groups = roster::find(&call, Groups, &call.parameter("ids")?).await?;
    let data: Vec<Value> = groups.iter().map(details).collect();
    Ok(call.answer(json!({ "data": data, "count": groups.len() })))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Fault> {
    let id = call.parameter("id")?;
    roster::delete(&call, Groups, &id).await?;
    Ok(call.answer(json!({ "data": { "success": true, "groupid": id } })))
}

pub(crate) async fn members(call: Call) -> Result<Response, Fault> {
    let groups = roster::find(&call, Groups, &call.parameter("id")?).await?;
    let data: Vec<Value> = groups.iter().flat_map(Roster::affiliations).collect();
    let count = data.len();
    Ok(call.answer(json!({ "data": data, "count": count })))
}

pub(crate) async fn join(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, call.parameter("u")?);
    roster::join(&call, Groups, &id, &user).await?;
    Ok(call.answer(json!({ "data": changed("add_member", &id, &user) })))
}

pub(crate) async fn leave(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, call.parameter("u")?);
    roster::leave(&call, Groups, &id, &user).await?;
    Ok(call.answer(json!({ "data": changed("remove_member", &id, &user) })))
}

pub(crate) async fn joined(call: Call) -> Result<Response, Fault> {
    let groups = roster::joined(&call, Groups, call.parameter("u")?).await?;
    let data = groups.iter().map(|group| {
        json!({ "groupid": group.id, "groupname": group.name, "id": group.id, "name": group.name })
    });
    let data: Vec<Value> = data.collect();
    Ok(call.answer(json!({ "data": data, "count": groups.len() })))
}

/// The body of `POST chatgroups`.
#[derive(Deserialize)]
struct NewGroup {
    #[serde(default)]
    groupname: String,
    #[serde(default, alias = "desc")]
    description: String,
    #[serde(default)]
    public: bool,
    #[serde(default = "usual_size")]
    maxusers: usize,
    owner: String,
    #[serde(default)]
    members: Vec<String>,
}

impl NewGroup {
    fn roster(self) -> NewRoster {
        NewRoster {
            name: self.groupname,
            description: self.description,
            public: self.public,
            maxusers: self.maxusers,
            owner: self.owner,
            members: self.members,
        }
    }
}

fn summary(group: &Roster) -> Value {
    json!({
        "groupid": group.id,
        "groupname": group.name,
        "owner": group.owner,
        "affiliations": group.size(),
        "type": "group",
        "created": group.created,
    })
}

fn details(group: &Roster) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "public": group.public,
        "membersonly": !group.public,
        "allowinvites": false,
        "maxusers": group.maxusers,
        "owner": group.owner,
        "created": group.created,
        "affiliations_count": group.size(),
        "affiliations": group.affiliations(),
    })
}

fn changed(action: &str, id: &str, user: &str) -> Value {
    json!({ "result": true, "action": action, "groupid": id, "user": user })
}

fn usual_size() -> usize {
    200
}

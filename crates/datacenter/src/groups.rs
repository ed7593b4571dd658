//! `chatgroups`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::roster::{self, NewRoster, Roster};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace::Groups;
use crate::token;

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

pub(crate) async fn modify(mut call: Call) -> Result<Response, Fault> {
    let data = roster::modify(&mut call, Groups).await?;
    Ok(call.answer(json!({ "data": data })))
}

pub(crate) async fn members(call: Call) -> Result<Response, Fault> {
    let data = roster::members(&call, Groups).await?;
    let count = data.len();
    Ok(call.answer(json!({ "data": data, "count": count })))
}

pub(crate) async fn join(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, call.parameter("u")?);
    roster::join(&call, Groups, &id, &user).await?;
    Ok(call.answer(json!({ "data": changed("add_member", &id, &user) })))
}

pub(crate) async fn leave(call: Call) -> Result<Response, Fault> {
    let (id, users) = (call.parameter("id")?, call.parameter("u")?);
    roster::leave(&call, Groups, &id, &users).await?;
    let data = roster::one_or_many(&users, |user| changed("remove_member", &id, user));
    Ok(call.answer(json!({ "data": data })))
}

/// Joins a group for the token's user: at once when it is public, else not at all.
pub(crate) async fn apply(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, token::user_of(&call)?);
    let groups = roster::find(&call, Groups, &id).await?;
    if !groups.iter().all(|group| group.public) {
        return Err(Fault::Forbidden("the group is not public"));
    }
    roster::join(&call, Groups, &id, &user).await?;
    let data = json!({ "result": true, "action": "apply", "id": id, "user": user });
    Ok(call.answer(json!({ "data": data })))
}

/// Takes the token's user out of a group.
pub(crate) async fn quit(call: Call) -> Result<Response, Fault> {
    let (id, user) = (call.parameter("id")?, token::user_of(&call)?);
    roster::leave(&call, Groups, &id, &user).await?;
    Ok(call.answer(json!({ "data": { "result": true } })))
}

/// Adds users to a group; nobody is asked for consent.
pub(crate) async fn invite(mut call: Call) -> Result<Response, Fault> {
    let Invited { usernames } = call.json().await?;
    let id = call.parameter("id")?;
    let mut data = Vec::new();
    for user in usernames {
        roster::join(&call, Groups, &id, &user).await?;
        data.push(json!({ "result": true, "action": "invite", "id": id, "user": user }));
    }
    Ok(call.answer(json!({ "data": data })))
}

/// The public ones of a page of all groups.
pub(crate) async fn public(call: Call) -> Result<Response, Fault> {
    let (groups, cursor) = roster::list(&call, Groups).await?;
    let public = groups.iter().filter(|group| group.public);
    let data: Vec<Value> = public.map(both_names).collect();
    let mut members = json!({ "count": data.len(), "data": data });
    if let Some(cursor) = cursor {
        members["cursor"] = json!(cursor);
    }
    Ok(call.answer(members))
}

pub(crate) async fn joined(call: Call) -> Result<Response, Fault> {
    let groups = roster::joined(&call, Groups, call.parameter("u")?, 0).await?;
    let data: Vec<Value> = groups.iter().map(both_names).collect();
    Ok(call.answer(json!({ "data": data, "count": groups.len() })))
}

/// As [`joined`], with what the user is in each.
pub(crate) async fn joined_as(call: Call) -> Result<Response, Fault> {
    let user = call.parameter("u")?;
    let groups = roster::joined(&call, Groups, user.clone(), 0).await?;
    let entities: Vec<Value> = groups.iter().map(|group| role(group, &user)).collect();
    Ok(call.answer(json!({ "entities": entities, "count": groups.len() })))
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

/// The body of `POST chatgroups/{id}/invite`.
#[derive(Deserialize)]
struct Invited {
    usernames: Vec<String>,
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

/// Some SDKs read the short names, others the long ones.
fn both_names(group: &Roster) -> Value {
    json!({ "groupid": group.id, "groupname": group.name, "id": group.id, "name": group.name })
}

fn role(group: &Roster, user: &str) -> Value {
    let role = if group.owner == user {
        "owner"
    } else {
        "member"
    };
    let mut entity = details(group);
    entity["groupId"] = json!(group.id);
    entity["permission"] = json!(role);
    entity["disabled"] = json!(false);
    entity
}

fn changed(action: &str, id: &str, user: &str) -> Value {
    json!({ "result": true, "action": action, "groupid": id, "user": user })
}

fn usual_size() -> usize {
    200
}

//! Groups and rooms: both are a list of members with an owner.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app_key::AppKey;
use crate::page::{Numbered, Page};
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Order, StoreError, View};
use crate::users::is_name;

/// A stored group or room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Roster {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) public: bool,
    pub(crate) maxusers: usize,
    /// Empty once the owner's data was erased: nobody else is made the owner.
    pub(crate) owner: String,
    /// Without the owner.
    pub(crate) members: Vec<String>,
    pub(crate) created: u64,
}

/// A group or room to make; the id is still missing.
pub(crate) struct NewRoster {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) public: bool,
    pub(crate) maxusers: usize,
    pub(crate) owner: String,
    pub(crate) members: Vec<String>,
}

pub(crate) async fn create(call: &Call, kind: Keyspace, new: NewRoster) -> Result<Roster, Fault> {
    let members = new.checked_members()?;
    let (app, now) = (call.app.clone(), call.received);
    let write = move |edit: &Edit<'_>| {
        let id = edit.next_id(now)?.to_string();
        let roster = new.roster(id, members, now);
        edit.put(kind, &key(&app, &roster.id), &roster)?;
        Ok(roster)
    };
    call.centre.store.write(write).await
}

/// One page, and the cursor of the next. Pages with numbers have none.
pub(crate) async fn list(
    call: &Call,
    kind: Keyspace,
) -> Result<(Vec<Roster>, Option<String>), Fault> {
    if let Some(page) = Numbered::asked(&call.query, 1)? {
        let (range, limit) = (Key::of(&call.app).below(), page.look_up());
        let read = move |view: &View<'_>| view.scan(kind, &range, Order::Rising, limit);
        let mut found: Vec<Roster> = call.centre.store.read::<_, StoreError, _>(read).await?;
        page.cut(&mut found);
        return Ok((found, None));
    }
    let page = Page::asked(&call.query)?;
    let (range, limit) = (
        Key::of(&call.app).below_after_plain(&page.after),
        page.look_up(),
    );
    let read = call
        .centre
        .store
        .read(move |view| view.scan(kind, &range, Order::Rising, limit));
    let mut found: Vec<Roster> = read.await?;
    let cursor = page.cut(&mut found, |roster| &roster.id);
    Ok((found, cursor))
}

/// Those of a comma list that exist; none is a fault.
pub(crate) async fn find(call: &Call, kind: Keyspace, ids: &str) -> Result<Vec<Roster>, Fault> {
    let keys: Vec<Key> = ids.split(',').map(|id| key(&call.app, id)).collect();
    let read = call.centre.store.read(move |view| {
        let found = keys
            .iter()
            .filter_map(|key| view.get(kind, key).transpose());
        found.collect::<Result<Vec<Roster>, StoreError>>()
    });
    let found = read.await?;
    if found.is_empty() {
        Err(Fault::NotFound)
    } else {
        Ok(found)
    }
}

pub(crate) async fn delete(call: &Call, kind: Keyspace, id: &str) -> Result<(), Fault> {
    let key = key(&call.app, id);
    let write = move |edit: &Edit<'_>| {
        edit.get::<Roster>(kind, &key)?.ok_or(Fault::NotFound)?;
        Ok(edit.remove(kind, &key)?)
    };
    call.centre.store.write(write).await
}

pub(crate) async fn join(call: &Call, kind: Keyspace, id: &str, user: &str) -> Result<(), Fault> {
    let user = user.to_owned();
    change(call, kind, id, move |roster| roster.add(user)).await
}

/// Takes a comma list of users out: all or none.
pub(crate) async fn leave(call: &Call, kind: Keyspace, id: &str, users: &str) -> Result<(), Fault> {
    let users = users.to_owned();
    let take_out = move |roster: &mut Roster| {
        let mut users = users.split(',');
        users.try_for_each(|user| roster.take_out(user))
    };
    change(call, kind, id, take_out).await
}

/// Members and owner, or a page of them.
pub(crate) async fn members(call: &Call, kind: Keyspace) -> Result<Vec<Value>, Fault> {
    let found = find(call, kind, &call.parameter("id")?).await?;
    let mut all: Vec<Value> = found.iter().flat_map(Roster::affiliations).collect();
    if let Some(page) = Numbered::asked(&call.query, 1)? {
        page.cut(&mut all);
    }
    Ok(all)
}

/// What may be changed of a group or room.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(alias = "groupname")]
    name: Option<String>,
    description: Option<String>,
    maxusers: Option<usize>,
    /// A member, who becomes the owner; the owner becomes a member.
    newowner: Option<String>,
}

/// Changes what is given, and says what that was.
pub(crate) async fn modify(call: &mut Call, kind: Keyspace) -> Result<Map<String, Value>, Fault> {
    let (wanted, id): (Wanted, _) = (call.json().await?, call.parameter("id")?);
    let done = wanted.names();
    change(call, kind, &id, move |roster| roster.modify(wanted)).await?;
    Ok(done.map(|name| (name.to_owned(), json!(true))).collect())
}

/// All that a user owns or is a member of, or a page of it; the first has the number `first`.
pub(crate) async fn joined(
    call: &Call,
    kind: Keyspace,
    user: String,
    first: usize,
) -> Result<Vec<Roster>, Fault> {
    let range = Key::of(&call.app).below();
    let read = call
        .centre
        .store
        .read(move |view| view.scan(kind, &range, Order::Rising, usize::MAX));
    let mut all: Vec<Roster> = read.await?;
    all.retain(|roster| roster.has(&user));
    if let Some(page) = Numbered::asked(&call.query, first)? {
        page.cut(&mut all);
    }
    Ok(all)
}

/// What is said of each user of a comma list; of one, not as a list.
pub(crate) fn one_or_many(users: &str, said: impl Fn(&str) -> Value) -> Value {
    if users.contains(',') {
        users.split(',').map(said).collect()
    } else {
        said(users)
    }
}

/// Takes a user who is deleted out of every group and room.
pub(crate) fn forget(edit: &Edit<'_>, app: &AppKey, user: &str) -> Result<(), StoreError> {
    for kind in [Keyspace::Groups, Keyspace::Rooms] {
        for mut roster in edit.scan::<Roster>(kind, &Key::of(app).below())? {
            let before = roster.members.len();
            roster.members.retain(|member| member != user);
            if roster.members.len() != before {
                edit.put(kind, &key(app, &roster.id), &roster)?;
            }
        }
    }
    Ok(())
}

/// Takes a user whose data is erased out of a group or room, as a member or as its owner. Says
/// whether they were in it.
pub(crate) fn redact(
    edit: &Edit<'_>,
    kind: Keyspace,
    key: &Key,
    user: &str,
) -> Result<bool, StoreError> {
    let roster: Option<Roster> = edit.get(kind, key)?;
    let Some(mut roster) = roster.filter(|roster| roster.has(user)) else {
        return Ok(false);
    };
    roster.members.retain(|member| member != user);
    if roster.owner == user {
        roster.owner.clear();
    }
    edit.redact(kind, key, &roster)?;
    Ok(true)
}

pub(crate) fn key(app: &AppKey, id: &str) -> Key {
    Key::of(app).plain(id)
}

impl Wanted {
    /// The members that are there.
    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let all = [
            ("groupname", self.name.is_some()),
            ("description", self.description.is_some()),
            ("maxusers", self.maxusers.is_some()),
            ("newowner", self.newowner.is_some()),
        ];
        all.into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
    }
}

impl NewRoster {
    /// Every member once, and never the owner.
    fn checked_members(&self) -> Result<Vec<String>, Fault> {
        let mut members = self.members.clone();
        members.sort();
        members.dedup();
        members.retain(|member| *member != self.owner);
        if !members
            .iter()
            .chain([&self.owner])
            .all(|name| is_name(name))
        {
            return Err(Fault::Illegal(
                "owner or members has a username that is not legal",
            ));
        }
        if members.len() >= self.maxusers {
            return Err(Fault::Illegal("there are more members than maxusers"));
        }
        Ok(members)
    }

    fn roster(self, id: String, members: Vec<String>, created: u64) -> Roster {
        Roster {
            id,
            name: self.name,
            description: self.description,
            public: self.public,
            maxusers: self.maxusers,
            owner: self.owner,
            members,
            created,
        }
    }
}

impl Roster {
    pub(crate) fn has(&self, user: &str) -> bool {
        self.owner == user || self.members.iter().any(|member| member == user)
    }

    /// Members and owner.
    pub(crate) fn size(&self) -> usize {
        self.members.len() + usize::from(self.is_owned())
    }

    fn is_owned(&self) -> bool {
        !self.owner.is_empty()
    }

    /// Members and owner, by name.
    pub(crate) fn into_all(self) -> Vec<String> {
        let mut all = self.members;
        if !self.owner.is_empty() {
            all.push(self.owner);
        }
        all
    }

    pub(crate) fn affiliations(&self) -> Vec<Value> {
        let members = self
            .members
            .iter()
            .map(|member| json!({ "member": member }));
        let owner = self.is_owned().then(|| json!({ "owner": self.owner }));
        members.chain(owner).collect()
    }

    pub(crate) fn add(&mut self, user: String) -> Result<(), Fault> {
        if !is_name(&user) {
            return Err(Fault::Illegal("the username is not legal"));
        }
        if self.has(&user) {
            return Err(Fault::Forbidden("the user is a member already"));
        }
        if self.size() >= self.maxusers {
            return Err(Fault::Forbidden("there is no room for more members"));
        }
        self.members.push(user);
        Ok(())
    }

    fn modify(&mut self, wanted: Wanted) -> Result<(), Fault> {
        if wanted.maxusers.is_some_and(|most| most < self.size()) {
            return Err(Fault::Illegal("there are more members than maxusers"));
        }
        if let Some(owner) = wanted.newowner {
            let at = self.members.iter().position(|member| *member == owner);
            let at = at.ok_or(Fault::Illegal("the new owner is not a member"))?;
            self.members.remove(at);
            // A group whose owner was erased has none.
            let before = std::mem::replace(&mut self.owner, owner);
            self.members.extend((!before.is_empty()).then_some(before));
        }
        self.name = wanted.name.unwrap_or(std::mem::take(&mut self.name));
        self.description = (wanted.description).unwrap_or(std::mem::take(&mut self.description));
        self.maxusers = wanted.maxusers.unwrap_or(self.maxusers);
        Ok(())
    }

    pub(crate) fn take_out(&mut self, user: &str) -> Result<(), Fault> {
        if self.owner == user {
            return Err(Fault::Forbidden("the owner can't leave"));
        }
        let at = self.members.iter().position(|member| member == user);
        self.members.remove(at.ok_or(Fault::NotFound)?);
        Ok(())
    }
}

async fn change(
    call: &Call,
    kind: Keyspace,
    id: &str,
    change: impl FnOnce(&mut Roster) -> Result<(), Fault> + Send + 'static,
) -> Result<(), Fault> {
    let key = key(&call.app, id);
    let write = move |edit: &Edit<'_>| {
        let mut roster: Roster = edit.get(kind, &key)?.ok_or(Fault::NotFound)?;
        change(&mut roster)?;
        Ok(edit.put(kind, &key, &roster)?)
    };
    call.centre.store.write(write).await
}

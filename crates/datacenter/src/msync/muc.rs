//! Joining and leaving chat rooms. Everything else about groups and rooms is REST.

use std::sync::Arc;

use prost::Message;

use super::frames::{self, Refusal};
use super::jid;
use super::schema::muc_body::{self, Operation, status};
use super::schema::status::ErrorCode;
use super::schema::{CommSyncDl, Jid, Meta, MucBody, meta};
use super::session::Session;
use crate::centre::Centre;
use crate::live::Live;
use crate::mailbox::Letter;
use crate::post::Delivery;
use crate::queues::Queue;
use crate::roster::{self, Roster};
use crate::store::cipher::Keyspace::Rooms;
use crate::store::key::Key;
use crate::store::{Edit, StoreError};

/// Changes the room's members, tells those who are there, and says how it went.
pub(super) async fn change(
    session: &Session,
    wire_id: u64,
    asked: &Meta,
) -> Result<CommSyncDl, StoreError> {
    let (now, centre) = (session.now(), &session.centre);
    let change = match Change::read(&session.live, asked) {
        Ok(change) => change,
        Err(refusal) => return Ok(frames::refused(wire_id, refusal, now)),
    };
    let (live, told) = (session.live.clone(), change.clone());
    let posting = centre.posting.lock().await;
    let write = move |edit: &Edit<'_>| {
        let (id, done) = change.make(edit, &live, now)?;
        let left = match &done {
            Ok(_) if change.leaves_others => leave(edit, &live, Some(&change.room), now)?,
            Ok(_) | Err(_) => Vec::new(),
        };
        Ok::<_, StoreError>((id, done, left))
    };
    let (id, done, left) = centre.store.write(write).await?;
    let joined = done
        .iter()
        .map(|changed| told.delivery(&session.live, id, changed, now));
    for delivery in left.into_iter().chain(joined) {
        delivery.deliver(&centre.sessions, Some(&session.live));
    }
    drop(posting);
    Ok(told.answer(wire_id, &session.live, id, &done, now))
}

/// Takes somebody who has gone away out of all their rooms.
pub(super) async fn leave_all(centre: &Centre, live: Arc<Live>) -> Result<(), StoreError> {
    let now = centre.clock.unix_millis();
    let posting = centre.posting.lock().await;
    let write = move |edit: &Edit<'_>| leave(edit, &live, None, now);
    for delivery in centre.store.write(write).await? {
        delivery.deliver(&centre.sessions, None);
    }
    drop(posting);
    Ok(())
}

/// Takes a user out of all rooms but one, and but for those they own; with what others are to hear of it.
fn leave(
    edit: &Edit<'_>,
    live: &Live,
    but: Option<&str>,
    now: u64,
) -> Result<Vec<Delivery>, StoreError> {
    let rooms: Vec<Roster> = edit.scan(Rooms, &Key::of(&live.app).below())?;
    let mut told = Vec::new();
    for room in rooms {
        if but == Some(&room.id) || room.owner == live.name || !room.has(&live.name) {
            continue;
        }
        let change = Change::leaving(room.id);
        if let (id, Ok(changed)) = change.make(edit, live, now)? {
            told.push(change.delivery(live, id, &changed, now));
        }
    }
    Ok(told)
}

/// A room that a user joins or leaves.
#[derive(Clone)]
struct Change {
    room: String,
    joins: bool,
    /// Whether who joins leaves all other rooms.
    leaves_others: bool,
    ext: Option<String>,
}

/// What came of it.
struct Changed {
    /// Whom to tell.
    others: Vec<String>,
    size: usize,
}

type Done = Result<Changed, (status::ErrorCode, Refusal)>;

impl Change {
    fn read(live: &Live, asked: &Meta) -> Result<Change, Refusal> {
        let body = MucBody::decode(asked.payload()).map_err(|_| UNREADABLE)?;
        let room = body.muc_id.as_ref();
        let Some(Queue::Conference(room)) = room.and_then(|room| jid::queue(&live.app, room))
        else {
            return Err(UNREADABLE);
        };
        let joins = match body.operation() {
            Operation::Join => true,
            Operation::Leave => false,
            _ => return Err(BY_REST),
        };
        if !body.is_chatroom() {
            return Err(BY_REST);
        }
        let leaves_others = joins && body.leave_other_rooms();
        let ext = body.ext.filter(|ext| !ext.is_empty());
        Ok(Change {
            room,
            joins,
            leaves_others,
            ext,
        })
    }

    fn leaving(room: String) -> Change {
        Change {
            room,
            joins: false,
            leaves_others: false,
            ext: None,
        }
    }

    /// The id of the change, and what came of it.
    fn make(&self, edit: &Edit<'_>, live: &Live, now: u64) -> Result<(u64, Done), StoreError> {
        let id = edit.next_id(now)?;
        let key = roster::key(&live.app, &self.room);
        let Some(mut roster) = edit.get::<Roster>(Rooms, &key)? else {
            return Ok((id, Err((status::ErrorCode::MucNotExist, NO_ROOM))));
        };
        let is_in = roster.has(&live.name);
        let changed = match (self.joins, is_in) {
            (true, false) => roster.add(live.name.clone()).map_err(|_| FULL),
            (false, true) => roster.take_out(&live.name).map_err(|_| OWNER),
            _ => Ok(()),
        };
        if let Err(refusal) = changed {
            return Ok((id, Err((status::ErrorCode::PermissionDenied, refusal))));
        }
        if is_in == self.joins {
            let (size, others) = (roster.size(), Vec::new());
            return Ok((id, Ok(Changed { others, size })));
        }
        edit.put(Rooms, &key, &roster)?;
        let (size, mut others) = (roster.size(), roster.into_all());
        others.retain(|other| *other != live.name);
        Ok((id, Ok(Changed { others, size })))
    }

    /// PRESENCE or ABSENCE, for the other members who are there.
    fn delivery(&self, live: &Live, id: u64, changed: &Changed, now: u64) -> Delivery {
        let operation = if self.joins {
            Operation::Presence
        } else {
            Operation::Absence
        };
        let body = MucBody {
            ext: self.ext.clone(),
            muc_member_count: i32::try_from(changed.size).ok(),
            ..self.body(live, operation)
        };
        let letter = Letter {
            queue: Queue::Conference(self.room.clone()),
            id,
            meta: self.meta(live, id, &body, now).encode_to_vec().into(),
        };
        Delivery::passing(&live.app, changed.others.clone(), &letter)
    }

    fn answer(&self, wire_id: u64, live: &Live, id: u64, done: &Done, now: u64) -> CommSyncDl {
        let (answer, code) = match done {
            Ok(_) => (
                frames::acknowledgement(wire_id, id, now),
                status::ErrorCode::Ok,
            ),
            Err((code, refusal)) => (frames::refused(wire_id, *refusal, now), *code),
        };
        let operation = if self.joins {
            Operation::Join
        } else {
            Operation::Leave
        };
        let body = MucBody {
            status: Some(muc_body::Status {
                error_code: Some(code.into()),
                ..muc_body::Status::default()
            }),
            ..self.body(live, operation)
        };
        CommSyncDl {
            metas: vec![self.meta(live, id, &body, now)],
            ..answer
        }
    }

    fn body(&self, live: &Live, operation: Operation) -> MucBody {
        let room = Queue::Conference(self.room.clone());
        MucBody {
            muc_id: Some(jid::of_queue(&live.app, &room)),
            operation: Some(operation.into()),
            from: Some(from(live)),
            is_chatroom: Some(true),
            ..MucBody::default()
        }
    }

    fn meta(&self, live: &Live, id: u64, body: &MucBody, now: u64) -> Meta {
        let room = Queue::Conference(self.room.clone());
        Meta {
            id: Some(id),
            from: Some(from(live)),
            to: Some(jid::of_queue(&live.app, &room)),
            timestamp: Some(now),
            ns: Some(meta::NameSpace::Muc.into()),
            payload: Some(body.encode_to_vec()),
            ..Meta::default()
        }
    }
}

fn from(live: &Live) -> Jid {
    Jid {
        client_resource: Some(live.resource.clone()),
        ..jid::of_queue(&live.app, &Queue::Person(live.name.clone()))
    }
}

const UNREADABLE: Refusal = Refusal::of(ErrorCode::PermissionDeniedExternal, "unreadable");
const BY_REST: Refusal = Refusal::of(
    ErrorCode::PermissionDeniedExternal,
    "only chat rooms are joined and left here",
);
const OWNER: Refusal = Refusal::of(ErrorCode::PermissionDeniedExternal, "the owner can't leave");
// SDKs know these two texts.
const NO_ROOM: Refusal = Refusal::of(ErrorCode::Fail, "grpID does not exist!");
const FULL: Refusal = Refusal::of(ErrorCode::Fail, "group member list is full!");

//! Messages, receipts, recalls and edits that clients send.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;

use super::amend;
use super::frames::{self, Refusal};
use super::jid;
use super::schema::message_body::Type;
use super::schema::meta::RouteType;
use super::schema::status::ErrorCode;
use super::schema::{CommSyncDl, Jid, MessageBody, Meta};
use super::session::Session;
use super::translate;
use crate::live::Live;
use crate::messages::{self, Conversation, Message};
use crate::post::{self, Delivery, META_MAX, Post};
use crate::queues::{Item, Queue};
use crate::roster::{self, Roster};
use crate::store::cipher::Keyspace;
use crate::store::{Edit, StoreError};

/// Keeps it, brings it to whom it is for, and says so.
pub(super) async fn send(
    session: &Session,
    wire_id: u64,
    meta: Meta,
) -> Result<CommSyncDl, StoreError> {
    let now = session.now();
    let outgoing = match Outgoing::read(&session.live, meta) {
        Ok(outgoing) => outgoing,
        Err(refusal) => return Ok(frames::refused(wire_id, refusal, now)),
    };
    let (centre, live) = (&session.centre, session.live.clone());
    let write = move |edit: &Edit<'_>| outgoing.send(edit, &live, now);
    let posting = centre.posting.lock().await;
    let sent = centre.store.write(write).await;
    let answer = match sent {
        Ok((id, delivery)) => {
            delivery.deliver(&centre.sessions, Some(&session.live));
            frames::acknowledgement(wire_id, id, now)
        }
        Err(Failure::Refused(refusal)) => frames::refused(wire_id, refusal, now),
        Err(Failure::Store(error)) => return Err(error),
    };
    drop(posting);
    Ok(answer)
}

/// Why nothing was done.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

/// Something that a client sends, under the name of its session.
struct Outgoing {
    to: Queue,
    meta: Meta,
    body: MessageBody,
}

impl Outgoing {
    fn read(live: &Live, meta: Meta) -> Result<Outgoing, Refusal> {
        let to = meta.to.as_ref();
        let to = to.and_then(|to| jid::queue(&live.app, to)).ok_or(NOWHERE)?;
        let body = MessageBody::decode(meta.payload()).map_err(|_| UNREADABLE)?;
        let mut outgoing = Outgoing { to, meta, body };
        outgoing.sign(live);
        if outgoing.meta.encoded_len() > META_MAX - ROOM {
            return Err(TOO_LARGE);
        }
        Ok(outgoing)
    }

    /// Overwrites what names sender and recipient by what is so.
    fn sign(&mut self, live: &Live) {
        let from = jid::of_queue(&live.app, &Queue::Person(live.name.clone()));
        self.meta.from = Some(Jid {
            client_resource: Some(live.resource.clone()),
            ..from
        });
        let resource = self.meta.to.take().and_then(|to| to.client_resource);
        self.meta.to = Some(Jid {
            client_resource: resource,
            ..jid::of_queue(&live.app, &self.to)
        });
        let names = [
            (&mut self.body.from, live.name.as_str()),
            (&mut self.body.to, self.to.name()),
        ];
        let mut changed = false;
        for (jid, name) in names {
            let jid = jid.get_or_insert_default();
            if jid.name() != name || jid.app_key.is_some() {
                changed = true;
                *jid = Jid {
                    name: Some(name.to_owned()),
                    ..Jid::default()
                };
            }
        }
        // What this schema does not know of the body is lost only where the client claimed something else.
        if changed {
            self.meta.payload = Some(self.body.encode_to_vec());
        }
    }

    fn send(mut self, edit: &Edit<'_>, live: &Live, now: u64) -> Result<(u64, Delivery), Failure> {
        let conversation = self.conversation(edit, live)?;
        amend::amend(edit, live, &conversation, &self.body)?;
        let id = edit.next_id(now)?;
        self.meta.id = Some(id);
        self.meta.timestamp = Some(now);
        let encoded = self.meta.encode_to_vec();
        let item = if self.is_message() {
            messages::keep(
                edit,
                &live.app,
                &conversation,
                &self.message(live, &encoded),
            )?;
            Item::Message(conversation.clone())
        } else {
            Item::of_meta(&encoded)
        };
        let kept = self.meta.route_type() != RouteType::RouteOnline;
        let post = Post {
            app: &live.app,
            from: &live.name,
            conversation: &conversation,
            id,
            item: kept.then_some(item),
            only: &self.meta.directed_users,
            meta: encoded.into(),
        };
        Ok((id, post::queue(edit, &post)?))
    }

    /// Of groups and rooms, only those that the sender belongs to.
    fn conversation(&self, edit: &Edit<'_>, live: &Live) -> Result<Conversation, Failure> {
        let id = match &self.to {
            Queue::Person(name) => return Ok(Conversation::between(&live.name, name)),
            Queue::Conference(id) => id,
        };
        let key = roster::key(&live.app, id);
        let group: Option<Roster> = edit.get(Keyspace::Groups, &key)?;
        let (roster, conversation) = match group {
            Some(group) => (Some(group), Conversation::Group(id.clone())),
            None => (
                edit.get(Keyspace::Rooms, &key)?,
                Conversation::Room(id.clone()),
            ),
        };
        match roster {
            None => Err(Failure::Refused(NO_GROUP)),
            Some(roster) if !roster.has(&live.name) => Err(Failure::Refused(NOT_IN)),
            Some(_) => Ok(conversation),
        }
    }

    /// Receipts, recalls and edits are none.
    fn is_message(&self) -> bool {
        let kind = self.body.r#type();
        matches!(
            kind,
            Type::Normal | Type::Chat | Type::Groupchat | Type::Chatroom
        )
    }

    fn message(&self, live: &Live, encoded: &[u8]) -> Message {
        let (kind, body, ext) = translate::parts(&self.body);
        Message {
            id: self.meta.id(),
            time: self.meta.timestamp(),
            from: live.name.clone(),
            to: self.to.name().to_owned(),
            kind,
            body,
            ext,
            meta: Some(STANDARD.encode(encoded)),
        }
    }
}

const NOWHERE: Refusal = Refusal::of(
    ErrorCode::PermissionDeniedExternal,
    "there is no such recipient in this App",
);
const UNREADABLE: Refusal = Refusal::of(ErrorCode::PermissionDeniedExternal, "unreadable");
const TOO_LARGE: Refusal = Refusal::of(ErrorCode::PermissionDeniedExternal, "too large");
// SDKs know these two texts.
const NO_GROUP: Refusal = Refusal::of(ErrorCode::Fail, "group not found");
const NOT_IN: Refusal = Refusal::of(ErrorCode::Fail, "not in group or chatroom");
/// What id and time add to a `Meta`.
const ROOM: usize = 64;

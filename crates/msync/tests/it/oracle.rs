//! What prost, and plain code over its types, find in a frame. Also used by the fuzzer.
//!
//! Nothing here shares a line with the reading under test: types are generated from `msync.proto`,
//! JIDs are listed by hand.

use msync::schema::{
    CommNotice, CommSyncDl, CommSyncUl, CommUnreadDl, CommUnreadUl, Jid, Logout, MSync,
    MessageBody, Meta, MucBody, Provision as Login, RosterBody, StatisticsBody, Status,
};
use msync::{Channel, Command, Down, Offer, Provision, ProvisionAnswer, Up};
use prost::{DecodeError, Message};

/// Why there is no reading.
#[derive(Debug)]
pub enum Refused {
    Prost(#[allow(dead_code, reason = "for the reader of a failed test")] DecodeError),
    Command,
    NotProvision,
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Refused {
        Refused::Prost(error)
    }
}

/// A frame, decoded all the way down.
pub struct Frame {
    pub envelope: MSync,
    pub payload: Payload,
}

#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Payload {
    Sealed,
    SyncUl(CommSyncUl, Option<Body>),
    SyncDl(CommSyncDl, Vec<Body>),
    UnreadUl,
    UnreadDl(CommUnreadDl),
    Notice(CommNotice),
    Provision(Box<Login>),
    Logout(Logout),
}

pub enum Body {
    Statistics,
    Message(MessageBody),
    Muc(MucBody),
    Roster(RosterBody),
    Opaque,
}

impl Frame {
    pub fn decode(frame: &[u8], from_data_centre: bool) -> Result<Frame, Refused> {
        let envelope = MSync::decode(frame)?;
        let command = command(&envelope)?;
        let bytes = envelope.payload.as_deref().unwrap_or_default();
        let payload = match command {
            _ if sealed(&envelope) => Payload::Sealed,
            Command::Sync if from_data_centre => {
                let sync = CommSyncDl::decode(bytes)?;
                let bodies = sync.metas.iter().map(body).collect::<Result<_, _>>()?;
                Payload::SyncDl(sync, bodies)
            }
            Command::Sync => {
                let sync = CommSyncUl::decode(bytes)?;
                let body = sync.meta.as_ref().map(body).transpose()?;
                Payload::SyncUl(sync, body)
            }
            Command::Unread if from_data_centre => Payload::UnreadDl(CommUnreadDl::decode(bytes)?),
            Command::Unread => CommUnreadUl::decode(bytes).map(|_| Payload::UnreadUl)?,
            Command::Notice => Payload::Notice(CommNotice::decode(bytes)?),
            Command::Provision => Payload::Provision(Box::new(Login::decode(bytes)?)),
            Command::Logout => Payload::Logout(Logout::decode(bytes)?),
        };
        Ok(Frame { envelope, payload })
    }

    fn foreign(&self, app_key: &str) -> bool {
        let mut jids: Vec<&Jid> = self.envelope.guid.iter().collect();
        match &self.payload {
            Payload::SyncUl(sync, body) => {
                jids.extend(&sync.queue);
                jids.extend(
                    sync.meta
                        .iter()
                        .flat_map(|meta| meta.from.iter().chain(&meta.to)),
                );
                jids.extend(body.iter().flat_map(Body::jids));
            }
            Payload::SyncDl(sync, bodies) => {
                jids.extend(&sync.queue);
                jids.extend(
                    sync.metas
                        .iter()
                        .flat_map(|meta| meta.from.iter().chain(&meta.to)),
                );
                jids.extend(bodies.iter().flat_map(Body::jids));
            }
            Payload::UnreadDl(unread) => {
                jids.extend(unread.unread.iter().flat_map(|queue| &queue.queue));
            }
            Payload::Notice(notice) => jids.extend(&notice.queue),
            Payload::Sealed | Payload::UnreadUl | Payload::Provision(_) | Payload::Logout(_) => {}
        }
        let keys = jids.iter().filter_map(|jid| jid.app_key.as_deref());
        keys.into_iter().any(|key| key != app_key)
    }

    fn status(&self) -> Option<&Status> {
        match &self.payload {
            Payload::SyncDl(sync, _) => sync.status.as_ref(),
            Payload::UnreadDl(unread) => unread.status.as_ref(),
            Payload::Provision(login) => login.status.as_ref(),
            Payload::Logout(logout) => logout.status.as_ref(),
            _ => None,
        }
    }

    fn redirect(&self) -> bool {
        self.status()
            .is_some_and(|status| status.error_code == Some(5) || !status.redirect_info.is_empty())
    }

    fn chooses(&self) -> bool {
        let other = |kinds: &[i32]| kinds.iter().any(|kind| *kind != 0);
        let envelope = &self.envelope;
        let login = match &self.payload {
            Payload::Provision(login) => {
                other(&login.compress_type)
                    || other(&login.encrypt_type)
                    || other(&login.protocol_compress_type)
                    || login.protocol_compress_direction.is_some()
                    || login.encrypt_key.is_some()
            }
            _ => false,
        };
        sealed(envelope) || other(&envelope.encrypt_type) || envelope.encrypt_key.is_some() || login
    }
}

impl Body {
    fn jids(&self) -> Vec<&Jid> {
        match self {
            Body::Message(body) => body.from.iter().chain(&body.to).collect(),
            Body::Muc(body) => {
                let singular = body
                    .muc_id
                    .iter()
                    .chain(&body.from)
                    .chain(&body.muc_parent_id);
                singular.chain(&body.to).collect()
            }
            Body::Roster(body) => body.from.iter().chain(&body.to).collect(),
            Body::Statistics | Body::Opaque => Vec::new(),
        }
    }
}

pub fn up(frame: &[u8], app_key: &str) -> Result<Up, Refused> {
    let frame = Frame::decode(frame, false)?;
    let (meta, channel) = match &frame.payload {
        Payload::SyncUl(sync, Some(body)) => {
            let meta = sync.meta.as_ref().expect("a body has its meta");
            (Some(meta), channel(meta, body))
        }
        _ => (None, Channel::General),
    };
    Ok(Up {
        command: command(&frame.envelope)?,
        meta_id: meta.and_then(|meta| meta.id),
        channel,
        foreign: frame.foreign(app_key),
        has_auth: frame.envelope.auth.is_some(),
        is_message: meta.is_some_and(|meta| matches!(meta.ns, Some(1 | 2))),
        compressed: sealed(&frame.envelope),
        chooses: frame.chooses() && !frame.envelope.encrypt_type.contains(&0),
    })
}

pub fn auth(frame: &[u8]) -> Option<String> {
    MSync::decode(frame).ok()?.auth
}

pub fn down(frame: &[u8], app_key: &str) -> Result<Down, Refused> {
    let frame = Frame::decode(frame, true)?;
    let (mut ack, mut channels) = (None, Vec::new());
    if let Payload::SyncDl(sync, bodies) = &frame.payload {
        ack = sync.meta_id.filter(|id| *id > 0);
        let metas = sync.metas.iter().zip(bodies);
        channels.extend(metas.map(|(meta, body)| channel(meta, body)));
    }
    let first = channels.first().copied().unwrap_or(Channel::General);
    let one = channels.iter().all(|channel| *channel == first);
    Ok(Down {
        command: command(&frame.envelope)?,
        ack,
        error_code: frame.status().and_then(|status| status.error_code),
        channel: if one { first } else { Channel::General },
        foreign: frame.foreign(app_key),
        redirect: frame.redirect(),
        compressed: sealed(&frame.envelope),
        chooses: frame.chooses(),
    })
}

/// Calls `then` with the client's PROVISION in `frame`, as the gateway should see it.
pub fn provision<T>(frame: &[u8], then: impl FnOnce(Provision<'_>) -> T) -> Result<T, Refused> {
    let frame = Frame::decode(frame, false)?;
    let login = login(&frame)?;
    let envelope = &frame.envelope;
    let guid = envelope.guid.as_ref();
    let has_key = envelope.encrypt_key.is_some() || login.encrypt_key.is_some();
    Ok(then(Provision {
        guid_app_key: guid.and_then(|guid| guid.app_key.as_deref()),
        guid_name: guid.and_then(|guid| guid.name.as_deref()),
        guid_domain: guid.and_then(|guid| guid.domain.as_deref()),
        guid_client_resource: guid.and_then(|guid| guid.client_resource.as_deref()),
        envelope_auth: envelope.auth.as_deref(),
        auth: login.auth.as_deref(),
        auth_token: login.auth_token.as_deref().map(str::as_bytes),
        password: login.password.as_deref(),
        app_id: login.app_id.as_deref(),
        resource: login.resource.as_deref(),
        device_uuid: login.device_uuid.as_deref(),
        session_id: login.session_id.as_deref(),
        compress_algorithm: envelope.compress_algorithm,
        crypto: envelope.crypto,
        compressed: sealed(envelope),
        compress_type: offer(&login.compress_type),
        encrypt_type: offer(&login.encrypt_type),
        envelope_encrypt_type: offer(&envelope.encrypt_type),
        protocol_compress: !login.protocol_compress_type.is_empty()
            || login.protocol_compress_direction.is_some(),
        encrypt_key: has_key,
    }))
}

/// Calls `then` with the data centre's PROVISION answer in `frame`.
pub fn answer<T>(
    frame: &[u8],
    app_key: &str,
    then: impl FnOnce(ProvisionAnswer<'_>) -> T,
) -> Result<T, Refused> {
    let frame = Frame::decode(frame, true)?;
    let login = login(&frame)?;
    let status = login.status.as_ref();
    Ok(then(ProvisionAnswer {
        error_code: status.and_then(|status| status.error_code),
        reason: status.and_then(|status| status.reason.as_deref()),
        has_redirect: frame.redirect(),
        auth_token: login.auth_token.as_deref().map(str::as_bytes),
        chooses: frame.chooses(),
        compressed: sealed(&frame.envelope),
        foreign: frame.foreign(app_key),
    }))
}

fn login(frame: &Frame) -> Result<Login, Refused> {
    match &frame.payload {
        Payload::Provision(login) => Ok((**login).clone()),
        Payload::Sealed if command(&frame.envelope)? == Command::Provision => Ok(Login::default()),
        _ => Err(Refused::NotProvision),
    }
}

fn command(envelope: &MSync) -> Result<Command, Refused> {
    match envelope.command {
        None | Some(0) => Ok(Command::Sync),
        Some(1) => Ok(Command::Unread),
        Some(2) => Ok(Command::Notice),
        Some(3) => Ok(Command::Provision),
        Some(4) => Ok(Command::Logout),
        Some(_) => Err(Refused::Command),
    }
}

fn sealed(envelope: &MSync) -> bool {
    envelope.compress_algorithm.unwrap_or(0) != 0
        || envelope.crypto.unwrap_or(0) != 0
        || envelope.tag.is_some()
        || envelope.iv.is_some()
}

fn body(meta: &Meta) -> Result<Body, DecodeError> {
    let bytes = meta.payload.as_deref().unwrap_or_default();
    Ok(match meta.ns {
        None | Some(0) => StatisticsBody::decode(bytes).map(|_| Body::Statistics)?,
        Some(1) => Body::Message(MessageBody::decode(bytes)?),
        Some(2) => Body::Muc(MucBody::decode(bytes)?),
        Some(3) => Body::Roster(RosterBody::decode(bytes)?),
        Some(_) => Body::Opaque,
    })
}

fn channel(meta: &Meta, body: &Body) -> Channel {
    let domain = meta.to.as_ref().and_then(|to| to.domain.as_deref());
    match (body, domain) {
        (Body::Message(body), _) if body.r#type == Some(1) => Channel::OneToOne,
        (Body::Message(body), _) if body.r#type == Some(2) => Channel::Group,
        (Body::Message(body), _) if body.r#type == Some(3) => Channel::Room,
        (Body::Message(_), Some("conference.easemob.com")) => Channel::Group,
        (Body::Message(_), Some("easemob.com")) => Channel::OneToOne,
        (Body::Muc(body), _) if body.is_chatroom == Some(true) => Channel::Room,
        (Body::Muc(_), _) => Channel::Group,
        _ => Channel::General,
    }
}

fn offer(kinds: &[i32]) -> Offer {
    match kinds {
        [] => Offer::Absent,
        kinds if kinds.contains(&0) => Offer::WithNone,
        _ => Offer::WithoutNone,
    }
}

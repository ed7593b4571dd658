//! What is sent to clients.

use bytes::Bytes;
use prost::Message;

use super::jid;
use super::schema::m_sync::Command;
use super::schema::status::ErrorCode;
use super::schema::{
    CommNotice, CommSyncDl, CommUnreadDl, Jid, MSync, Meta, MetaQueue, Provision, StatisticsBody,
    Status, m_sync, meta, statistics_body,
};
use crate::app_key::AppKey;
use crate::mailbox::Kick;
use crate::queues::Queue;

/// Why something is not done, as SDKs read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) const fn of(code: ErrorCode, reason: &'static str) -> Refusal {
        Refusal { code, reason }
    }
}

/// The answer to a PROVISION. `error_code` is always there: clients read its absence as success.
pub(crate) fn provision(resource: &str, session: Option<String>) -> Bytes {
    let answer = Provision {
        status: Some(ok()),
        resource: Some(resource.to_owned()),
        session_id: session,
        ..Provision::default()
    };
    frame(Command::Provision, &answer)
}

pub(crate) fn provision_refused(refusal: Refusal) -> Bytes {
    let answer = Provision {
        status: Some(status(refusal)),
        ..Provision::default()
    };
    frame(Command::Provision, &answer)
}

pub(crate) fn unread(app: &AppKey, queues: &[(Queue, usize)], now: u64) -> Bytes {
    let unread = queues.iter().map(|(queue, n)| MetaQueue {
        queue: Some(jid::of_queue(app, queue)),
        n: u32::try_from(*n).ok(),
    });
    let answer = CommUnreadDl {
        status: Some(ok()),
        unread: unread.collect(),
        timestamp: Some(now),
    };
    frame(Command::Unread, &answer)
}

pub(crate) fn notice(app: &AppKey, queue: &Queue) -> Bytes {
    let queue = Some(jid::of_queue(app, queue));
    frame(Command::Notice, &CommNotice { queue })
}

/// Says that something sent has arrived.
pub(crate) fn acknowledgement(meta: u64, id: u64, now: u64) -> CommSyncDl {
    CommSyncDl {
        status: Some(ok()),
        meta_id: Some(meta),
        server_id: Some(id),
        timestamp: Some(now),
        ..CommSyncDl::default()
    }
}

/// Says that something sent was not taken.
pub(crate) fn refused(meta: u64, refusal: Refusal, now: u64) -> CommSyncDl {
    CommSyncDl {
        status: Some(status(refusal)),
        meta_id: Some(meta),
        timestamp: Some(now),
        ..CommSyncDl::default()
    }
}

/// A part of a queue; the client acknowledges it with its `next_key`.
pub(crate) fn delivery(app: &AppKey, queue: &Queue, key: u64, metas: Vec<Meta>, now: u64) -> Bytes {
    let answer = CommSyncDl {
        metas,
        next_key: Some(key),
        ..of_queue(app, queue, now)
    };
    frame(Command::Sync, &answer)
}

/// Says that nothing waits in a queue any more.
pub(crate) fn delivered(app: &AppKey, queue: &Queue, key: Option<u64>, now: u64) -> Bytes {
    let answer = CommSyncDl {
        next_key: key,
        is_last: Some(true),
        ..of_queue(app, queue, now)
    };
    frame(Command::Sync, &answer)
}

/// Tells a client that its session is ended, and why.
pub(crate) fn kicked(app: &AppKey, user: &str, why: Kick, now: u64) -> Bytes {
    let operation = match why {
        Kick::UserRemoved => statistics_body::Operation::UserRemoved,
        Kick::LoggedInElsewhere => statistics_body::Operation::UserLoginAnotherDevice,
    };
    let body = StatisticsBody {
        operation: Some(operation.into()),
        ..StatisticsBody::default()
    };
    let user = jid::of_queue(app, &Queue::Person(user.to_owned()));
    let meta = Meta {
        id: Some(crate::store::first_id_at(now)),
        from: Some(Jid {
            name: Some("admin".to_owned()),
            ..user.clone()
        }),
        to: Some(user.clone()),
        timestamp: Some(now),
        ns: Some(meta::NameSpace::Statistic.into()),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    };
    let answer = CommSyncDl {
        status: Some(ok()),
        metas: vec![meta],
        queue: Some(user),
        is_last: Some(true),
        timestamp: Some(now),
        ..CommSyncDl::default()
    };
    frame(Command::Sync, &answer)
}

pub(crate) fn frame(command: Command, payload: &impl Message) -> Bytes {
    let frame = MSync {
        version: Some(m_sync::Version::MsyncV1.into()),
        command: Some(command.into()),
        payload: Some(payload.encode_to_vec()),
        ..MSync::default()
    };
    frame.encode_to_vec().into()
}

fn of_queue(app: &AppKey, queue: &Queue, now: u64) -> CommSyncDl {
    CommSyncDl {
        status: Some(ok()),
        queue: Some(jid::of_queue(app, queue)),
        timestamp: Some(now),
        ..CommSyncDl::default()
    }
}

fn ok() -> Status {
    Status {
        error_code: Some(ErrorCode::Ok.into()),
        ..Status::default()
    }
}

fn status(Refusal { code, reason }: Refusal) -> Status {
    Status {
        error_code: Some(code.into()),
        reason: Some(reason.to_owned()),
        ..Status::default()
    }
}

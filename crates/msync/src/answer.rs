//! Whole frames that the gateway, or a data centre, says itself; and a client's that only asks.

use crate::Command;

/// `StatisticsBody.operation`: why a live client is told to go.
pub mod operation {
    /// The user was removed; the SDK reports 207.
    pub const USER_REMOVED: u32 = 1;
    /// The user logged in on another device; the SDK reports 206.
    pub const LOGIN_ANOTHER_DEVICE: u32 = 2;
    /// The user's password, or what stands for it, changed; the SDK reports 216.
    pub const KICKED_BY_CHANGE_PASSWORD: u32 = 3;
    /// Another device, or an administrator, ended the session; the SDK reports 217.
    pub const KICKED_BY_OTHER_DEVICE: u32 = 4;
}

/// A PROVISION answer that refuses. `code` is one of [`status`](crate::status); it is always written, since the
/// SDKs take an absent code for OK.
#[must_use]
pub fn provision_refusal(code: i32, reason: &str) -> Vec<u8> {
    let payload = Message::default().message(8, &status_of(code, reason));
    frame(Command::Provision, &payload)
}

/// A PROVISION answer that welcomes. The SDK takes on `resource`; `session_id` as in the request.
#[must_use]
pub fn provision_answer(resource: Option<&str>, session_id: Option<&str>) -> Vec<u8> {
    let mut payload = Message::default().message(8, &Message::default().number(1, 0));
    if let Some(resource) = resource {
        payload = payload.text(13, resource);
    }
    if let Some(session_id) = session_id {
        payload = payload.text(20, session_id);
    }
    frame(Command::Provision, &payload)
}

/// A client's first message without any token, in the name of `user` of the App `app_key`. It says
/// who is asked for and nothing else, which a gateway must decide on before it wants a token.
#[must_use]
pub fn provision_without_token(app_key: &str, user: &str) -> Vec<u8> {
    let provision = Message::default().number(1, 16).number(5, 0).number(6, 0);
    Message::default()
        .number(1, 0)
        .message(2, &jid(app_key, user))
        .number(8, Command::Provision.number() as u64)
        .message(9, &provision)
        .0
}

/// A refusal of the message `meta_id`. With code 19 the SDK shows the reason's text.
#[must_use]
pub fn sync_refusal(meta_id: u64, code: i32, reason: &str) -> Vec<u8> {
    let payload = Message::default()
        .message(1, &status_of(code, reason))
        .number(2, meta_id);
    frame(Command::Sync, &payload)
}

/// The acknowledgement of the message `meta_id`, stored as `server_id` at `timestamp` (unix
/// milliseconds).
#[must_use]
pub fn sync_ack(meta_id: u64, server_id: u64, timestamp: u64) -> Vec<u8> {
    let payload = Message::default()
        .message(1, &Message::default().number(1, 0))
        .number(2, meta_id)
        .number(3, server_id)
        .number(8, timestamp);
    frame(Command::Sync, &payload)
}

/// Tells a live client to go, and not to come back by itself; the socket closes after it.
/// `operation` is one of [`operation`]; `app_key` and `user` are the session's.
#[must_use]
pub fn kick(app_key: &str, user: &str, operation: u32, reason: &str) -> Vec<u8> {
    let user = jid(app_key, user);
    // The SDK looks into `from` and `queue` unasked.
    let from = jid(app_key, "admin");
    let mut body = Message::default().number(1, operation.into());
    if !reason.is_empty() {
        body = body.text(10, reason);
    }
    let meta = Message::default()
        .number(1, 1)
        .message(2, &from)
        .message(3, &user)
        .number(5, 0)
        .message(6, &body);
    let payload = Message::default()
        .message(1, &Message::default().number(1, 0))
        .message(4, &meta)
        .message(6, &user)
        .number(7, 1);
    frame(Command::Sync, &payload)
}

/// Tells a client that something waits in the queue of `name`.
#[must_use]
pub fn notice(app_key: &str, name: &str) -> Vec<u8> {
    frame(
        Command::Notice,
        &Message::default().message(1, &jid(app_key, name)),
    )
}

/// The answer to UNREAD when nothing waits; `timestamp` in unix milliseconds.
#[must_use]
pub fn unread_answer(timestamp: u64) -> Vec<u8> {
    let payload = Message::default()
        .message(1, &Message::default().number(1, 0))
        .number(3, timestamp);
    frame(Command::Unread, &payload)
}

fn frame(command: Command, payload: &Message) -> Vec<u8> {
    Message::default()
        .number(1, 0)
        .number(8, command.number() as u64)
        .message(9, payload)
        .0
}

fn status_of(code: i32, reason: &str) -> Message {
    // An int32 that is negative is sign-extended to 64 bits on the wire.
    Message::default()
        .number(1, i64::from(code) as u64)
        .text(2, reason)
}

fn jid(app_key: &str, name: &str) -> Message {
    Message::default()
        .text(1, app_key)
        .text(2, name)
        .text(3, "easemob.com")
}

/// A message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, field: u32, value: u64) -> Message {
        put_varint(u64::from(field) << 3, &mut self.0);
        put_varint(value, &mut self.0);
        self
    }

    fn text(self, field: u32, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u32, value: &Message) -> Message {
        self.bytes(field, &value.0)
    }

    fn bytes(mut self, field: u32, value: &[u8]) -> Message {
        put_varint(u64::from(field) << 3 | 2, &mut self.0);
        put_varint(value.len() as u64, &mut self.0);
        self.0.extend_from_slice(value);
        self
    }
}

/// Appends `value` in the shortest form.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

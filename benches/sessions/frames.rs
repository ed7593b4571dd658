//! What clients and data centre say to each other, the same on every session.

pub mod ends;

use msync::schema::message_body::Content;
use msync::schema::{CommSyncDl, CommSyncUl, Jid, MSync, MessageBody, Meta, Provision, Status};
use prost::Message as _;
use websocket::{Opcode, append_frame};

/// The length of a text message as an MSYNC frame, in bytes, and of the answer that acknowledges it
/// and delivers another.
pub const TEXT: usize = 200;

/// `Meta.id` of every text message. A session has one under way at a time.
const ID: u64 = 1_764_000_000_000_000;

const MILLIS: u64 = 1_764_000_000_000;

/// What clients mask their frames with; nobody is protected here by a key that changes.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The log-in of a user with its token, as the web SDK has it.
#[must_use]
pub fn provision(app_key: &str, user: &str, token: &str) -> Vec<u8> {
    let auth = format!("$t${token}");
    let payload = Provision {
        os_type: Some(16),
        version: Some("1.4.0".to_owned()),
        compress_type: vec![0],
        encrypt_type: vec![0],
        device_uuid: Some("4f0c2b9d-6d0f-4c55-9d5b-0f6f5f3f9a11".to_owned()),
        device_name: Some("webim".to_owned()),
        resource: Some("webim_random_4f0c2b9d".to_owned()),
        action_version: Some("v5.1".to_owned()),
        auth_token: Some(format!(r#"{{"token":"{auth}"}}"#)),
        ..Provision::default()
    };
    MSync {
        guid: Some(jid(app_key, user)),
        auth: Some(auth),
        ..envelope(3, &payload)
    }
    .encode_to_vec()
}

/// A heart-beat.
#[must_use]
pub fn unread() -> Vec<u8> {
    envelope(1, &msync::schema::CommUnreadUl {}).encode_to_vec()
}

/// A text message to another user, of [`TEXT`] bytes.
#[must_use]
pub fn text(app_key: &str) -> Vec<u8> {
    padded(|text| {
        let sync = CommSyncUl {
            meta: Some(meta(app_key, text)),
            ..CommSyncUl::default()
        };
        envelope(0, &sync).encode_to_vec()
    })
}

/// The answer to [`text`], of [`TEXT`] bytes: its acknowledgement, and a text message from another
/// user.
#[must_use]
pub fn answer(app_key: &str) -> Vec<u8> {
    padded(|text| {
        let sync = CommSyncDl {
            status: Some(Status {
                error_code: Some(0),
                ..Status::default()
            }),
            meta_id: Some(ID),
            server_id: Some(ID + 1),
            metas: vec![meta(app_key, text)],
            timestamp: Some(MILLIS),
            ..CommSyncDl::default()
        };
        envelope(0, &sync).encode_to_vec()
    })
}

/// A client's WebSocket frame.
#[must_use]
pub fn masked(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    append_frame(&mut frame, Opcode::Binary, message, Some(KEY));
    frame
}

fn envelope(command: i32, payload: &impl prost::Message) -> MSync {
    MSync {
        version: Some(0),
        command: Some(command),
        payload: Some(payload.encode_to_vec()),
        ..MSync::default()
    }
}

fn meta(app_key: &str, text: String) -> Meta {
    let body = MessageBody {
        r#type: Some(1),
        contents: vec![Content {
            r#type: Some(0),
            text: Some(text),
            ..Content::default()
        }],
        ..MessageBody::default()
    };
    Meta {
        id: Some(ID),
        to: Some(jid(app_key, "u2")),
        ns: Some(1),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    }
}

fn jid(app_key: &str, name: &str) -> Jid {
    Jid {
        app_key: Some(app_key.to_owned()),
        name: Some(name.to_owned()),
        domain: Some("easemob.com".to_owned()),
        client_resource: None,
    }
}

/// As long a text as makes the frame [`TEXT`] bytes long; one too long if there is none.
fn padded(frame: impl Fn(String) -> Vec<u8>) -> Vec<u8> {
    let frames = (0..=TEXT).map(|length| frame("x".repeat(length)));
    frames
        .into_iter()
        .find(|frame| frame.len() >= TEXT)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_they_say_and_name_their_app() {
        const APP: &str = "compare#frankfurt";
        assert_eq!([text(APP).len(), answer(APP).len()], [TEXT, TEXT]);
        let up = msync::inspect_up(&text(APP), APP).unwrap();
        let down = msync::inspect_down(&answer(APP), APP).unwrap();
        assert!(up.is_message && !up.foreign && !down.foreign);
        assert_eq!(up.meta_id, down.ack);
        assert_eq!(up.channel, msync::Channel::OneToOne);
    }
}

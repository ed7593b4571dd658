//! Recalls and edits: what they do to the message that is in the history.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;

use super::chat::Failure;
use super::frames::Refusal;
use super::schema::message_body::{EditScope, Type};
use super::schema::status::ErrorCode;
use super::schema::{MessageBody, Meta};
use super::translate;
use crate::app_key::AppKey;
use crate::live::Live;
use crate::messages::{self, Conversation, Message};
use crate::store::Edit;

/// Does to the history what a body says. Only who has sent a message may change it.
pub(super) fn amend(
    edit: &Edit<'_>,
    live: &Live,
    conversation: &Conversation,
    body: &MessageBody,
) -> Result<(), Failure> {
    let id = match body.r#type() {
        Type::Recall => body.ack_message_id(),
        Type::Edit => body.edit_message_id(),
        _ => return Ok(()),
    };
    let key = conversation.key(&live.app).id(id);
    let message: Option<Message> = edit.get(conversation.keyspace(), &key)?;
    let message = message.ok_or(Failure::Refused(GONE))?;
    if message.from != live.name {
        return Err(Failure::Refused(NOT_YOURS));
    }
    if body.r#type() == Type::Recall {
        messages::forget(edit, &live.app, conversation, id)?;
    } else {
        let edited = edited(&live.app, conversation, message, body);
        edit.put(conversation.keyspace(), &key, &edited)?;
    }
    Ok(())
}

/// The message with what the edit has instead.
fn edited(
    app: &AppKey,
    conversation: &Conversation,
    message: Message,
    edit: &MessageBody,
) -> Message {
    let encoded = translate::meta(app, conversation, &message);
    let mut meta = Meta::decode(encoded).unwrap_or_default();
    let mut body = MessageBody::decode(meta.payload()).unwrap_or_default();
    body.contents.clone_from(&edit.contents);
    if edit.edit_scope() == EditScope::BodyAndExt {
        body.ext.clone_from(&edit.ext);
    }
    let (kind, parts, ext) = translate::parts(&body);
    meta.payload = Some(body.encode_to_vec());
    Message {
        kind,
        body: parts,
        ext,
        meta: Some(STANDARD.encode(meta.encode_to_vec())),
        ..message
    }
}

// SDKs know these two texts.
const GONE: Refusal = Refusal::of(ErrorCode::Fail, "Sorry, message does not exist");
const NOT_YOURS: Refusal = Refusal::of(ErrorCode::Fail, "Sorry, You do not have permission");

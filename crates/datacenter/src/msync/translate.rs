//! Between the messages of history, as REST has them, and `MessageBody`s.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use serde_json::{Map, Value, json};

use super::jid;
use super::schema::message_body::{Content, Type, content};
use super::schema::{Jid, KeyValue, MessageBody, Meta, key_value::ValueType, meta};
use crate::app_key::AppKey;
use crate::messages::{Conversation, Message};
use crate::queues::Queue;

/// The encoded `Meta` of a stored message: the one that was sent, or one made of what REST was given.
pub(crate) fn meta(app: &AppKey, conversation: &Conversation, message: &Message) -> Bytes {
    let sent = message
        .meta
        .as_ref()
        .and_then(|meta| STANDARD.decode(meta).ok());
    sent.map_or_else(
        || made(app, conversation, message).encode_to_vec().into(),
        Bytes::from,
    )
}

/// Kind, body and ext of a message, as REST and history have them.
pub(crate) fn parts(body: &MessageBody) -> (String, Map<String, Value>, Map<String, Value>) {
    let none = Content::default();
    let content = body.contents.first().unwrap_or(&none);
    let (kind, members) = content_parts(content);
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    let members = known.map(|(name, value)| (name.to_owned(), value));
    (kind.to_owned(), members.collect(), map(&body.ext))
}

fn made(app: &AppKey, conversation: &Conversation, message: &Message) -> Meta {
    let (kind, to) = match conversation {
        Conversation::OneToOne(..) => (Type::Chat, Queue::Person(message.to.clone())),
        Conversation::Group(id) => (Type::Groupchat, Queue::Conference(id.clone())),
        Conversation::Room(id) => (Type::Chatroom, Queue::Conference(id.clone())),
    };
    let named = |name: &str| Jid {
        name: Some(name.to_owned()),
        ..Jid::default()
    };
    let body = MessageBody {
        r#type: Some(kind.into()),
        from: Some(named(&message.from)),
        to: Some(named(&message.to)),
        contents: vec![made_content(&message.kind, &message.body)],
        ext: key_values(&message.ext),
        ..MessageBody::default()
    };
    Meta {
        id: Some(message.id),
        from: Some(jid::of_queue(app, &Queue::Person(message.from.clone()))),
        to: Some(jid::of_queue(app, &to)),
        timestamp: Some(message.time),
        ns: Some(meta::NameSpace::Chat.into()),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    }
}

/// The kind, and the members; null where there is nothing.
fn content_parts(content: &Content) -> (&'static str, Vec<(&'static str, Value)>) {
    use content::Type as Kind;
    let file = |kind, more: Vec<(&'static str, Value)>| {
        let mut members = vec![
            ("url", json!(content.remote_path)),
            ("filename", json!(content.display_name)),
            ("secret", json!(content.secret_key)),
            ("file_length", json!(content.file_length)),
        ];
        members.extend(more);
        (kind, members)
    };
    let size = content.size.as_ref();
    let size = size.map(|size| json!({ "width": size.width, "height": size.height }));
    match content.r#type() {
        Kind::Text => ("txt", vec![("msg", json!(content.text))]),
        Kind::Image => file("img", vec![("size", json!(size))]),
        Kind::Voice => file("audio", vec![("length", json!(content.duration))]),
        Kind::Video => file(
            "video",
            vec![
                ("length", json!(content.duration)),
                ("thumb", json!(content.thumbnail_remote_path)),
                ("thumb_secret", json!(content.thumbnail_secret_key)),
                ("size", json!(size)),
            ],
        ),
        Kind::File => file("file", Vec::new()),
        Kind::Combine => file(
            "combine",
            vec![
                ("title", json!(content.title)),
                ("summary", json!(content.summary)),
            ],
        ),
        Kind::Location => (
            "loc",
            vec![
                ("lat", json!(content.latitude)),
                ("lng", json!(content.longitude)),
                ("addr", json!(content.address)),
            ],
        ),
        Kind::Command => ("cmd", vec![("action", json!(content.action))]),
        Kind::Custom => (
            "custom",
            vec![
                ("customEvent", json!(content.custom_event)),
                ("customExts", Value::Object(map(&content.custom_exts))),
            ],
        ),
    }
}

fn made_content(kind: &str, body: &Map<String, Value>) -> Content {
    use content::Type as Kind;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    let whole = |name: &str| {
        let number = body.get(name).and_then(Value::as_i64);
        number.and_then(|number| i32::try_from(number).ok())
    };
    let of = |kind: Kind| Content {
        r#type: Some(kind.into()),
        ..Content::default()
    };
    let file = |kind: Kind| Content {
        remote_path: text("url"),
        display_name: text("filename"),
        secret_key: text("secret"),
        file_length: whole("file_length"),
        duration: whole("length"),
        size: body.get("size").map(size),
        thumbnail_remote_path: text("thumb"),
        thumbnail_secret_key: text("thumb_secret"),
        ..of(kind)
    };
    match kind {
        "img" => file(Kind::Image),
        "audio" => file(Kind::Voice),
        "video" => file(Kind::Video),
        "file" => file(Kind::File),
        "loc" => Content {
            latitude: number("lat"),
            longitude: number("lng"),
            address: text("addr"),
            ..of(Kind::Location)
        },
        "cmd" => Content {
            action: text("action"),
            ..of(Kind::Command)
        },
        "custom" => Content {
            custom_event: text("customEvent"),
            custom_exts: body
                .get("customExts")
                .and_then(Value::as_object)
                .map(key_values)
                .unwrap_or_default(),
            ..of(Kind::Custom)
        },
        _ => Content {
            text: Some(text("msg").unwrap_or_default()),
            ..of(Kind::Text)
        },
    }
}

fn size(value: &Value) -> content::Size {
    content::Size {
        width: value["width"].as_f64(),
        height: value["height"].as_f64(),
    }
}

fn map(pairs: &[KeyValue]) -> Map<String, Value> {
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.key().to_owned(), value(pair)))
        .collect()
}

fn value(pair: &KeyValue) -> Value {
    match pair.r#type() {
        ValueType::Bool => json!(pair.varint_value() != 0),
        ValueType::Int | ValueType::Uint | ValueType::Llint => json!(pair.varint_value()),
        ValueType::Float => json!(pair.float_value()),
        ValueType::Double => json!(pair.double_value()),
        ValueType::String => json!(pair.string_value()),
        ValueType::JsonString => {
            let text = pair.string_value();
            serde_json::from_str(text).unwrap_or_else(|_| json!(text))
        }
    }
}

fn key_values(map: &Map<String, Value>) -> Vec<KeyValue> {
    map.iter()
        .map(|(key, value)| key_value(key, value))
        .collect()
}

fn key_value(key: &str, value: &Value) -> KeyValue {
    let of = |kind: ValueType| KeyValue {
        key: Some(key.to_owned()),
        r#type: Some(kind.into()),
        ..KeyValue::default()
    };
    let text = |kind, text: String| KeyValue {
        string_value: Some(text),
        ..of(kind)
    };
    match value {
        Value::Bool(yes) => KeyValue {
            varint_value: Some(i64::from(*yes)),
            ..of(ValueType::Bool)
        },
        Value::Number(number) => match number.as_i64() {
            Some(whole) => KeyValue {
                varint_value: Some(whole),
                ..of(ValueType::Llint)
            },
            None => KeyValue {
                double_value: number.as_f64(),
                ..of(ValueType::Double)
            },
        },
        Value::String(plain) => text(ValueType::String, plain.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            text(ValueType::JsonString, value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_rest_sends_comes_back_from_the_wire() {
        for (kind, body) in [
            ("txt", json!({"msg": "hi"})),
            (
                "img",
                json!({"url": "u", "filename": "f", "secret": "s", "file_length": 3, "size": {"width": 1.0, "height": 2.0}}),
            ),
            ("audio", json!({"url": "u", "length": 4})),
            (
                "video",
                json!({"url": "u", "length": 4, "thumb": "t", "thumb_secret": "x"}),
            ),
            ("file", json!({"url": "u", "file_length": 9})),
            ("loc", json!({"lat": 1.5, "lng": 2.5, "addr": "x"})),
            ("cmd", json!({"action": "go"})),
            (
                "custom",
                json!({"customEvent": "e", "customExts": {"a": "b"}}),
            ),
        ] {
            let ext = object(&json!({"b": true, "n": 1, "f": 1.5, "s": "x", "o": {"k": [1]}}));
            let made = MessageBody {
                contents: vec![made_content(kind, &object(&body))],
                ext: key_values(&ext),
                ..MessageBody::default()
            };
            let (read_kind, read_body, read_ext) = parts(&made);
            assert_eq!((read_kind.as_str(), Value::Object(read_body)), (kind, body));
            assert_eq!(read_ext, ext);
        }
    }
}

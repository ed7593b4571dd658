//! One-to-one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use reqwest::Method;
use serde_json::json;

use crate::client::{BOTH, Client, Transport, body, chat, code, person, said, texts};
use crate::harness::{NOW, Running};
use crate::schema::message_body::Type;
use crate::schema::meta::RouteType;
use crate::schema::{Jid, MessageBody, Meta, StatisticsBody, meta};

#[tokio::test]
async fn a_message_is_acknowledged_delivered_and_in_the_history() {
    for (from, to) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let centre = Running::start(&["ann", "bob"]).await;
        let mut ann = Client::log_in(&centre, from, "ann").await;
        let mut bob = Client::log_in(&centre, to, "bob").await;
        let sent = ann.send_text(person("bob"), "hi").await;
        assert_eq!(code(&sent.status), Some(0));
        assert_eq!(sent.timestamp, Some(NOW));
        assert!(bob.notice().await == person("ann"));
        let got = bob.pull(person("ann")).await;
        assert_eq!(texts(&got), [said("ann", "hi")]);
        assert_eq!((got[0].id, got[0].timestamp), (sent.server_id, Some(NOW)));
        assert!(bob.unread().await.is_empty(), "acknowledged");

        let id = sent.server_id().to_string();
        let asked = json!({"queue": "ann@easemob.com"});
        let roamed = centre.post("users/bob/messageroaming", asked).await;
        let roamed = &roamed["data"]["msgs"][0];
        assert_eq!(roamed["msg_id"], json!(id));
        assert_eq!(
            roamed["payload"]["bodies"],
            json!([{"type": "txt", "msg": "hi"}])
        );
        let lines = centre.request(Method::GET, "chatmessages/2026112319/lines");
        let lines = lines.send().await.unwrap().text().await.unwrap();
        assert!(lines.contains(&id), "{lines}");
        // What SDKs read of it is the message itself.
        let encoded = roamed["msg"].as_str().unwrap();
        let encoded = STANDARD.decode(encoded);
        assert_eq!(Meta::decode(encoded.unwrap().as_slice()).unwrap(), got[0]);
    }
}

#[tokio::test]
async fn what_came_meanwhile_waits_even_through_a_restart() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    for n in 0..120 {
        ann.send_text(person("bob"), &n.to_string()).await;
    }
    let centre = centre.restart().await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    assert_eq!(bob.unread().await, [("ann".to_owned(), 120)]);
    let got = bob.pull(person("ann")).await;
    let expected: Vec<_> = (0..120).map(|n| said("ann", &n.to_string())).collect();
    assert_eq!(texts(&got), expected, "all, once, in order");
    let centre = centre.restart().await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    assert!(bob.unread().await.is_empty());
}

#[tokio::test]
async fn what_is_past_its_retention_waits_no_more() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    ann.send_text(person("bob"), "old").await;
    centre.pass(8 * 86_400_000);
    ann.send_text(person("bob"), "new").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    assert_eq!(bob.unread().await, [("ann".to_owned(), 1)]);
    assert_eq!(texts(&bob.pull(person("ann")).await), [said("ann", "new")]);
}

#[tokio::test]
async fn the_sender_is_who_is_logged_in() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    let forged = Meta {
        from: Some(person("eve")),
        ..chat("eve", person("bob"), "trust me")
    };
    assert_eq!(code(&ann.send_meta(forged).await.status), Some(0));
    let got = bob.receive().await;
    assert_eq!(texts(&got), [said("ann", "trust me")]);
    let from = Jid {
        client_resource: Some("web".into()),
        ..person("ann")
    };
    assert_eq!(got[0].from, Some(from));
}

#[tokio::test]
async fn nothing_goes_to_another_app() {
    let centre = Running::start(&["ann"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut other = person("bob");
    other.app_key = Some("acme#other".into());
    assert_eq!(code(&ann.send_text(other, "hi").await.status), Some(19));
}

#[tokio::test]
async fn every_device_of_both_gets_it() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut phone = Client::with_device(&centre, Transport::Tcp, "ann", "phone").await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    let mut tablet = Client::with_device(&centre, Transport::Tcp, "bob", "tablet").await;
    ann.send_text(person("bob"), "hi").await;
    for device in [&mut bob, &mut tablet] {
        assert_eq!(device.notice().await, person("ann"));
        assert_eq!(
            texts(&device.pull(person("ann")).await),
            [said("ann", "hi")]
        );
    }
    assert_eq!(
        phone.notice().await,
        person("bob"),
        "under whom it was sent to"
    );
    assert_eq!(texts(&phone.pull(person("bob")).await), [said("ann", "hi")]);
    assert!(ann.unread().await.is_empty(), "not the one that sent it");
}

#[tokio::test]
async fn receipts_are_passed_along() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    for kind in [Type::ReadAck, Type::DeliverAck, Type::ChannelAck] {
        let receipt = MessageBody {
            r#type: Some(kind.into()),
            ack_message_id: Some(7),
            ..body(&chat("bob", person("ann"), "x"))
        };
        let meta = Meta {
            payload: Some(receipt.encode_to_vec()),
            ..chat("bob", person("ann"), "x")
        };
        assert_eq!(code(&bob.send_meta(meta).await.status), Some(0));
        let got = ann.receive().await;
        let got = body(&got[0]);
        assert_eq!((got.r#type(), got.ack_message_id()), (kind, 7));
    }
    let asked = json!({"queue": "ann@easemob.com"});
    let history = centre.post("users/bob/messageroaming", asked).await;
    assert_eq!(history["data"]["msgs"], json!([]), "they are no messages");
}

/// A recall, or an edit that says "better", of a message.
fn amendment(from: &str, to: &str, kind: Type, id: u64) -> Meta {
    let meta = chat(from, person(to), "better");
    let amended = MessageBody {
        r#type: Some(kind.into()),
        ack_message_id: Some(id),
        edit_message_id: Some(id),
        ..body(&meta)
    };
    Meta {
        payload: Some(amended.encode_to_vec()),
        ..meta
    }
}

async fn history(centre: &Running) -> Vec<(String, u64)> {
    let asked = json!({"queue": "bob@easemob.com"});
    let history = centre.post("users/ann/messageroaming", asked).await;
    let messages = history["data"]["msgs"].as_array().unwrap().iter();
    let shown = messages.map(|message| {
        let text = message["payload"]["bodies"][0]["msg"].as_str().unwrap();
        let meta = STANDARD.decode(message["msg"].as_str().unwrap()).unwrap();
        let meta = Meta::decode(meta.as_slice()).unwrap();
        assert_eq!(body(&meta).contents[0].text(), text);
        (text.to_owned(), meta.id())
    });
    shown.collect()
}

#[tokio::test]
async fn an_edit_changes_the_history() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let id = ann.send_text(person("bob"), "good").await.server_id();
    let edit = amendment("ann", "bob", Type::Edit, id);
    assert_eq!(code(&ann.send_meta(edit).await.status), Some(0));
    assert_eq!(history(&centre).await, [("better".to_owned(), id)]);
    // Who was away gets the message as it is now, and the edit.
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    let got = bob.pull(person("ann")).await;
    assert_eq!(texts(&got), [said("ann", "better"), said("ann", "better")]);
    assert_eq!(body(&got[1]).r#type(), Type::Edit);
}

#[tokio::test]
async fn a_recall_takes_it_out_of_history_and_queue() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    for _ in 0..60 {
        let id = ann.send_text(person("bob"), "oops").await.server_id();
        let recall = amendment("ann", "bob", Type::Recall, id);
        assert_eq!(code(&ann.send_meta(recall).await.status), Some(0));
    }
    assert!(history(&centre).await.is_empty());
    ann.send_text(person("bob"), "hi").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    let got = bob.pull(person("ann")).await;
    assert!(
        got[..60]
            .iter()
            .all(|meta| body(meta).r#type() == Type::Recall)
    );
    assert_eq!(texts(&got[60..]), [said("ann", "hi")]);
}

#[tokio::test]
async fn only_who_has_sent_it_changes_a_message() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    let id = ann.send_text(person("bob"), "good").await.server_id();
    for kind in [Type::Recall, Type::Edit] {
        for (id, reason) in [
            (id, "Sorry, You do not have permission"),
            (7, "Sorry, message does not exist"),
        ] {
            let refused = bob.send_meta(amendment("bob", "ann", kind, id)).await;
            assert_eq!(code(&refused.status), Some(1));
            assert_eq!(refused.status.unwrap().reason(), reason);
        }
    }
    assert_eq!(history(&centre).await, [("good".to_owned(), id)]);
}

#[tokio::test]
async fn online_only_is_not_kept() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let online = |text: &str| Meta {
        route_type: Some(RouteType::RouteOnline.into()),
        ..chat("ann", person("bob"), text)
    };
    ann.send_meta(online("too early")).await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    ann.send_meta(online("now")).await;
    assert_eq!(texts(&bob.receive().await), [said("ann", "now")]);
}

#[tokio::test]
async fn what_rest_sends_reaches_sessions() {
    let centre = Running::start(&["ann", "bob"]).await;
    let text = |text: &str| json!({"from": "ann", "to": ["bob", "nobody"], "type": "txt", "body": {"msg": text}, "ext": {"k": 1}});
    centre.post("messages/users", text("waits")).await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    assert_eq!(bob.unread().await, [("ann".to_owned(), 1)]);
    assert_eq!(
        texts(&bob.pull(person("ann")).await),
        [said("ann", "waits")]
    );
    let sent = centre.post("messages/users", text("at once")).await;
    let got = bob.receive().await;
    assert_eq!(texts(&got), [said("ann", "at once")]);
    assert_eq!(sent["data"]["bob"], json!(got[0].id().to_string()));
    assert_eq!(body(&got[0]).ext[0].varint_value(), 1);
}

#[tokio::test]
async fn statistics_and_what_else_there_is_are_acknowledged() {
    let centre = Running::start(&["ann"]).await;
    let mut ann = Client::log_in(&centre, Transport::Tcp, "ann").await;
    for ns in [
        meta::NameSpace::Statistic,
        meta::NameSpace::Roster,
        meta::NameSpace::Query,
    ] {
        let meta = Meta {
            ns: Some(ns.into()),
            payload: Some(StatisticsBody::default().encode_to_vec()),
            ..Meta::default()
        };
        assert_eq!(code(&ann.send_meta(meta).await.status), Some(0));
    }
}

use serde_json::{Value, json};

use crate::client::{BOTH, Client, Transport, chat, code, conference, said, texts};
use crate::harness::Running;
use crate::schema::Meta;
use crate::schema::meta::RouteType;

#[tokio::test]
async fn members_get_it_live_and_later() {
    let centre = Running::start(&["ann", "bob", "eve"]).await;
    let id = centre.group(&["bob", "eve"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    let sent = ann.send_text(conference(&id), "hi").await;
    assert_eq!(code(&sent.status), Some(0));
    assert_eq!(bob.notice().await, conference(&id));
    assert_eq!(texts(&bob.pull(conference(&id)).await), [said("ann", "hi")]);
    let centre = centre.restart().await;
    let mut eve = Client::log_in(&centre, Transport::Tcp, "eve").await;
    assert_eq!(eve.unread().await, [(id.clone(), 1)]);
    assert_eq!(texts(&eve.pull(conference(&id)).await), [said("ann", "hi")]);
    let asked = json!({ "queue": format!("{id}@conference.easemob.com") });
    let history = centre.post("users/eve/messageroaming", asked).await;
    assert_eq!(history["data"]["msgs"][0]["chat_type"], "groupchat");
}

#[tokio::test]
async fn changes_of_members_take_effect_at_once() {
    let centre = Running::start(&["ann", "bob"]).await;
    let id = centre.group(&[]).await;
    for transport in BOTH {
        let mut ann = Client::log_in(&centre, transport, "ann").await;
        let mut bob = Client::log_in(&centre, transport, "bob").await;
        let refused = bob
            .send_text(conference(&id), "let me in")
            .await
            .status
            .unwrap();
        assert_eq!(refused.reason(), "not in group or chatroom");
        let member = format!("chatgroups/{id}/users/bob");
        centre.post(&member, Value::Null).await;
        assert_eq!(
            code(&bob.send_text(conference(&id), "hi").await.status),
            Some(0)
        );
        assert_eq!(texts(&ann.receive().await), [said("bob", "hi")]);
        centre.delete(&member).await;
        ann.send_text(conference(&id), "is he gone?").await;
        assert!(bob.unread().await.is_empty());
    }
    let mut ann = Client::log_in(&centre, Transport::Tcp, "ann").await;
    let unknown = ann.send_text(conference("7"), "x").await.status.unwrap();
    assert_eq!(
        (unknown.error_code, unknown.reason()),
        (Some(1), "group not found")
    );
}

#[tokio::test]
async fn some_members_only_when_they_are_named() {
    let centre = Running::start(&["ann", "bob", "eve"]).await;
    let id = centre.group(&["bob", "eve"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    let mut eve = Client::log_in(&centre, Transport::WebSocket, "eve").await;
    ann.send_meta(Meta {
        directed_users: vec!["bob".into()],
        route_type: Some(RouteType::RouteDirect.into()),
        ..chat("ann", conference(&id), "psst")
    })
    .await;
    assert_eq!(texts(&bob.receive().await), [said("ann", "psst")]);
    assert!(eve.unread().await.is_empty());
}

#[tokio::test]
async fn what_rest_sends_reaches_sessions() {
    let centre = Running::start(&["ann", "bob"]).await;
    let id = centre.group(&["bob"]).await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    let text = json!({"from": "admin", "to": [id], "type": "txt", "body": {"msg": "hi all"}});
    centre.post("messages/chatgroups", text).await;
    assert_eq!(texts(&bob.receive().await), [said("admin", "hi all")]);
}

//! Messages of each kind of chat, from one user to another.

use serde_json::{Value, json};

use super::{Scene, with_both};
use crate::harness::chat_sdk::Connection;

/// Sends a text, which the other gets as it was sent.
async fn say(from: &Connection<'_>, to: &Connection<'_>, kind: &str, address: &str, text: &str) {
    let sent = from.text(kind, address, text).await.unwrap();
    let heard = to.event("onTextMessage").await;
    assert_eq!(heard["msg"], text);
    assert_eq!(heard["chatType"], kind);
    assert_eq!(heard["from"], from.name);
    assert_eq!(heard["to"], address);
    assert_eq!(heard["id"], sent["serverMsgId"]);
}

#[tokio::test]
async fn one_to_one() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        say(&ann, &bob, "singleChat", "bob", "hello").await;
        say(&bob, &ann, "singleChat", "ann", "hello yourself").await;
        let read = json!({"chatType": "singleChat", "type": "read", "to": "ann", "id": "1"});
        bob.send(read).await.unwrap();
        ann.event("onReadMessage").await;
        // Who is not there gets it later.
        ann.text("singleChat", "eve", "later").await.unwrap();
        let eve = scene.log_in("eve").await;
        assert_eq!(eve.event("onTextMessage").await["msg"], "later");
        history_is_kept(&ann).await;
    })
    .await;
}

async fn history_is_kept(ann: &Connection<'_>) {
    let asked = json!([{"targetId": "bob", "chatType": "singleChat", "pageSize": 10}]);
    let history = ann.call("getHistoryMessages", asked).await.unwrap();
    let texts: Vec<&Value> = (history["messages"].as_array().unwrap().iter())
        .map(|message| &message["msg"])
        .collect();
    assert_eq!(texts, ["hello yourself", "hello"]);
}

#[tokio::test]
async fn a_message_is_edited_and_recalled() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let sent = ann.text("singleChat", "bob", "good").await.unwrap();
        bob.event("onTextMessage").await;
        let id = sent["serverMsgId"].as_str().unwrap();
        let recall = json!([{"mid": id, "to": "bob", "chatType": "singleChat"}]);
        ann.call("recallMessage", recall).await.unwrap();
        assert_eq!(bob.event("onRecallMessage").await["mid"], id);
        let asked = json!([{"targetId": "ann", "chatType": "singleChat"}]);
        let history = bob.call("getHistoryMessages", asked).await.unwrap();
        assert_eq!(history["messages"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn in_a_group() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let group = group_of(&ann, &["bob"]).await;
        say(&ann, &bob, "groupChat", &group, "hello all").await;
        say(&bob, &ann, "groupChat", &group, "hello ann").await;
        // 602: the SDK's GROUP_NOT_JOINED.
        let eve = scene.log_in("eve").await;
        let refused = eve.text("groupChat", &group, "me too").await.unwrap_err();
        assert_eq!(refused.kind, 602);
        assert_eq!(bob.count("onTextMessage"), 1);
    })
    .await;
}

#[tokio::test]
async fn in_a_room() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let room = scene.room().await;
        for user in [&ann, &bob] {
            let joins = json!([{"roomId": room}]);
            user.call("joinChatRoom", joins).await.unwrap();
        }
        assert_eq!(
            ann.event("onChatroomEvent").await["operation"],
            "memberPresence"
        );
        say(&ann, &bob, "chatRoom", &room, "hello all").await;
        say(&bob, &ann, "chatRoom", &room, "hello ann").await;
        let leaves = json!([{"roomId": room}]);
        bob.call("leaveChatRoom", leaves).await.unwrap();
        assert_eq!(
            ann.event("onChatroomEvent").await["operation"],
            "memberAbsence"
        );
    })
    .await;
}

/// A group that a user makes.
async fn group_of(owner: &Connection<'_>, members: &[&str]) -> String {
    let data = json!({
        "groupname": "crew", "desc": "sails", "members": members, "public": true,
        "approval": false, "allowinvites": true, "inviteNeedConfirm": false, "maxusers": 50,
    });
    let made = owner.call("createGroup", json!([{"data": data}])).await;
    made.unwrap()["data"]["groupid"]
        .as_str()
        .unwrap()
        .to_owned()
}

impl Scene<'_> {
    /// A room that the App's backend makes.
    async fn room(&self) -> String {
        let new = json!({"name": "hall", "owner": "eve", "maxusers": 50});
        let made = self
            .demo
            .rest(&self.app, reqwest::Method::POST, "chatrooms", new)
            .await;
        made["data"]["id"].as_str().unwrap().to_owned()
    }
}

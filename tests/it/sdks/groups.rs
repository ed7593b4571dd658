//! What SDKs do with groups and rooms by REST.

use serde_json::{Value, json};

use super::with_both;
use crate::harness::chat_sdk::Connection;

fn ids<'a>(answer: &'a Value, member: &str) -> Vec<&'a str> {
    let entries = answer["data"].as_array().unwrap().iter();
    entries
        .map(|entry| entry[member].as_str().unwrap())
        .collect()
}

async fn members(user: &Connection<'_>, group: &str) -> Vec<String> {
    let asked = json!([{"groupId": group, "pageNum": 1, "pageSize": 100}]);
    let listed = user.call("listGroupMembers", asked).await.unwrap();
    let entries = listed["data"].as_array().unwrap().iter();
    let names = entries.map(|entry| entry["member"].as_str().or(entry["owner"].as_str()));
    names.map(|name| name.unwrap().to_owned()).collect()
}

#[tokio::test]
async fn groups() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let data = json!({
            "groupname": "crew", "desc": "sails", "members": ["eve"], "public": true,
            "approval": false, "allowinvites": true, "inviteNeedConfirm": false, "maxusers": 50,
        });
        let made = ann
            .call("createGroup", json!([{"data": data}]))
            .await
            .unwrap();
        let group = made["data"]["groupid"].as_str().unwrap();
        assert_eq!(members(&ann, group).await, ["eve", "ann"]);

        let public = bob
            .call("getPublicGroups", json!([{"limit": 20}]))
            .await
            .unwrap();
        assert_eq!(ids(&public, "groupid"), [group]);
        bob.call(
            "joinGroup",
            json!([{"groupId": group, "message": "let me in"}]),
        )
        .await
        .unwrap();
        assert_eq!(members(&ann, group).await, ["eve", "bob", "ann"]);
        let asked = json!([{"pageNum": 0, "pageSize": 20}]);
        let joined = bob.call("getJoinedGroups", asked).await.unwrap();
        assert_eq!(ids(&joined, "groupid"), [group]);
        let info = bob
            .call("getGroupInfo", json!([{"groupId": group}]))
            .await
            .unwrap();
        assert_eq!(info["data"][0]["name"], "crew");

        bob.call("leaveGroup", json!([{"groupId": group}]))
            .await
            .unwrap();
        ann.call(
            "inviteUsersToGroup",
            json!([{"groupId": group, "users": ["bob"]}]),
        )
        .await
        .unwrap();
        let removal = json!([{"groupId": group, "users": ["bob", "eve"]}]);
        ann.call("removeGroupMembers", removal).await.unwrap();
        assert_eq!(members(&ann, group).await, ["ann"]);
        let change = json!([{"groupId": group, "groupName": "choir", "description": "sings"}]);
        ann.call("modifyGroup", change).await.unwrap();
        let info = ann
            .call("getGroupInfo", json!([{"groupId": group}]))
            .await
            .unwrap();
        assert_eq!(info["data"][0]["name"], "choir");
        ann.call("destroyGroup", json!([{"groupId": group}]))
            .await
            .unwrap();
        let gone = ann.call("getGroupInfo", json!([{"groupId": group}])).await;
        assert_eq!(
            gone.unwrap_err().kind,
            17,
            "the SDK's WEBIM_CONNCTION_AJAX_ERROR"
        );
    })
    .await;
}

#[tokio::test]
async fn rooms() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let mut rooms = Vec::new();
        for name in ["one", "two", "three"] {
            let new = json!([{"name": name, "description": "d", "maxusers": 50, "members": []}]);
            let made = ann.call("createChatRoom", new).await.unwrap();
            rooms.push(made["data"]["id"].as_str().unwrap().to_owned());
        }
        for (page, expected) in [(1, &rooms[..2]), (2, &rooms[2..])] {
            let asked = json!([{"pagenum": page, "pagesize": 2}]);
            let listed = bob.call("getChatRooms", asked).await.unwrap();
            assert_eq!(ids(&listed, "id"), expected);
        }

        bob.call("joinChatRoom", json!([{"roomId": rooms[0]}]))
            .await
            .unwrap();
        bob.call("joinChatRoom", json!([{"roomId": rooms[1]}]))
            .await
            .unwrap();
        let asked = json!([{"pageNum": 1, "pageSize": 10}]);
        let joined = bob.call("getJoinedChatRooms", asked.clone()).await.unwrap();
        assert_eq!(ids(&joined, "id"), rooms[..2]);
        assert_eq!(joined["data"][0]["owner"], "ann");
        let moves = json!([{"roomId": rooms[2], "leaveOtherRooms": true}]);
        bob.call("joinChatRoom", moves).await.unwrap();
        let joined = bob.call("getJoinedChatRooms", asked).await.unwrap();
        assert_eq!(ids(&joined, "id"), rooms[2..]);

        let listing = json!([{"chatRoomId": rooms[2], "pageNum": 1, "pageSize": 1}]);
        let members = ann.call("listChatRoomMembers", listing).await.unwrap();
        assert_eq!(members["data"], json!([{"member": "bob"}]));
        bob.call("leaveChatRoom", json!([{"roomId": rooms[2]}]))
            .await
            .unwrap();
        let details = ann
            .call("getChatRoomDetails", json!([{"chatRoomId": rooms[2]}]))
            .await
            .unwrap();
        assert_eq!(details["data"][0]["affiliations_count"], 1);
        let nowhere = bob
            .call("joinChatRoom", json!([{"roomId": "7"}]))
            .await
            .unwrap_err();
        assert_eq!(nowhere.kind, 705, "the SDK's CHATROOM_NOT_EXIST");
    })
    .await;
}

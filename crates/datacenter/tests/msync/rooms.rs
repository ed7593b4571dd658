use prost::Message as _;
use serde_json::{Value, json};

use crate::client::{BOTH, Client, Transport, code, conference, person, said, texts};
use crate::harness::Running;
use crate::schema::muc_body::Operation;
use crate::schema::{CommSyncDl, Jid, Meta, MucBody, meta};

/// Joins or leaves, as SDKs ask for it.
async fn change(client: &mut Client, name: &str, room: &str, operation: Operation) -> CommSyncDl {
    ask(client, name, room, operation, false).await
}

async fn ask(
    client: &mut Client,
    name: &str,
    room: &str,
    operation: Operation,
    leave_others: bool,
) -> CommSyncDl {
    let body = MucBody {
        muc_id: Some(conference(room)),
        operation: Some(operation.into()),
        from: Some(Jid {
            name: Some(name.to_owned()),
            ..Jid::default()
        }),
        is_chatroom: Some(true),
        ext: Some(String::new()),
        leave_other_rooms: Some(leave_others),
        ..MucBody::default()
    };
    let meta = Meta {
        from: Some(person(name)),
        to: Some(Jid {
            domain: Some("easemob.com".into()),
            ..Jid::default()
        }),
        ns: Some(meta::NameSpace::Muc.into()),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    };
    client.send_meta(meta).await
}

fn muc(meta: &Meta) -> MucBody {
    assert_eq!(meta.ns(), meta::NameSpace::Muc);
    MucBody::decode(meta.payload()).unwrap()
}

fn muc_status(answer: &CommSyncDl) -> i32 {
    muc(&answer.metas[0]).status.unwrap().error_code.unwrap()
}

#[tokio::test]
async fn joining_talking_leaving() {
    for transport in BOTH {
        let centre = Running::start(&["ann", "bob"]).await;
        let room = centre.room(&[]).await;
        let mut ann = Client::log_in(&centre, transport, "ann").await;
        let mut bob = Client::log_in(&centre, transport, "bob").await;
        let early = bob.send_text(conference(&room), "hello?").await;
        assert_eq!(code(&early.status), Some(1));

        let joined = change(&mut bob, "bob", &room, Operation::Join).await;
        assert_eq!((code(&joined.status), muc_status(&joined)), (Some(0), 0));
        let told = ann.receive().await;
        let told = muc(&told[0]);
        assert_eq!(told.operation(), Operation::Presence);
        assert_eq!(told.from.as_ref().unwrap().name(), "bob");
        assert_eq!((told.is_chatroom(), told.muc_member_count()), (true, 2));
        let again = change(&mut bob, "bob", &room, Operation::Join).await;
        assert_eq!(code(&again.status), Some(0), "joining twice is fine");

        bob.send_text(conference(&room), "hi").await;
        assert_eq!(texts(&ann.receive().await), [said("bob", "hi")]);
        let left = change(&mut bob, "bob", &room, Operation::Leave).await;
        assert_eq!((code(&left.status), muc_status(&left)), (Some(0), 0));
        assert_eq!(muc(&ann.receive().await[0]).operation(), Operation::Absence);
        ann.send_text(conference(&room), "gone").await;
        assert!(bob.unread().await.is_empty());
        let members = centre.get(&format!("chatrooms/{room}/users")).await;
        assert_eq!(members["data"], json!([{"owner": "ann"}]));
    }
}

#[tokio::test]
async fn a_room_that_does_not_exist_is_not_joined() {
    let centre = Running::start(&["ann"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    for operation in [Operation::Join, Operation::Leave] {
        let answer = change(&mut ann, "ann", "7", operation).await;
        assert_eq!((code(&answer.status), muc_status(&answer)), (Some(1), 3));
    }
    let room = centre.room(&[]).await;
    let owner = change(&mut ann, "ann", &room, Operation::Leave).await;
    assert_eq!(code(&owner.status), Some(19));
    let destroyed = change(&mut ann, "ann", &room, Operation::Destroy).await;
    assert_eq!(code(&destroyed.status), Some(19));
}

#[tokio::test]
async fn a_room_keeps_nothing_for_those_who_are_not_there() {
    let centre = Running::start(&["ann", "bob"]).await;
    let room = centre.room(&["bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    ann.send_text(conference(&room), "anybody?").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    assert!(bob.unread().await.is_empty());
    let asked = json!({ "queue": format!("{room}@conference.easemob.com") });
    let history = centre.post("users/bob/messageroaming", asked).await;
    assert_eq!(history["data"]["msgs"][0]["chat_type"], "chatroom");
}

#[tokio::test]
async fn rest_joins_and_talks_as_well() {
    let centre = Running::start(&["ann", "bob"]).await;
    let room = centre.room(&[]).await;
    let mut bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    centre
        .post(&format!("chatrooms/{room}/users/bob"), Value::Null)
        .await;
    let text = json!({"from": "ann", "to": [room], "type": "txt", "body": {"msg": "hi all"}});
    centre.post("messages/chatrooms", text).await;
    assert_eq!(texts(&bob.receive().await), [said("ann", "hi all")]);
}

async fn members(centre: &Running, room: &str) -> Value {
    centre.get(&format!("chatrooms/{room}/users")).await["data"].clone()
}

#[tokio::test]
async fn one_room_for_another() {
    let centre = Running::start(&["ann", "bob"]).await;
    let (one, other) = (centre.room(&[]).await, centre.room(&[]).await);
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    change(&mut bob, "bob", &one, Operation::Join).await;
    assert_eq!(
        muc(&ann.receive().await[0]).operation(),
        Operation::Presence
    );
    ask(&mut bob, "bob", &other, Operation::Join, true).await;
    let owner = json!({"owner": "ann"});
    assert_eq!(members(&centre, &one).await, json!([owner]));
    let both = json!([{"member": "bob"}, owner]);
    assert_eq!(members(&centre, &other).await, both);
    let told = muc(&ann.receive().await[0]);
    let room = told.muc_id.as_ref().unwrap().name();
    assert_eq!((told.operation(), room), (Operation::Absence, one.as_str()));
    // Who does not ask for it stays where they are; an owner stays anyway.
    change(&mut bob, "bob", &one, Operation::Join).await;
    assert_eq!(members(&centre, &other).await, both);
    ask(&mut ann, "ann", &one, Operation::Join, true).await;
    assert_eq!(members(&centre, &other).await, both);
}

#[tokio::test]
async fn who_is_away_leaves_their_rooms() {
    let centre = Running::start(&["ann", "bob", "eve"]).await;
    let room = centre.room(&["bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let phone = Client::with_device(&centre, Transport::Tcp, "bob", "phone").await;
    let _web = Client::with_device(&centre, Transport::WebSocket, "bob", "web").await;
    let mut eve = Client::log_in(&centre, Transport::WebSocket, "eve").await;
    change(&mut eve, "eve", &room, Operation::Join).await;
    ann.receive().await;
    drop(phone);
    drop(eve);
    let told = muc(&ann.receive().await[0]);
    assert_eq!(told.operation(), Operation::Absence);
    assert_eq!(told.from.as_ref().unwrap().name(), "eve");
    let stays = json!([{"member": "bob"}, {"owner": "ann"}]);
    assert_eq!(
        members(&centre, &room).await,
        stays,
        "bob has another device"
    );
}

#[tokio::test]
async fn a_restart_puts_nobody_out_of_a_room() {
    let centre = Running::start(&["ann", "bob"]).await;
    let room = centre.room(&["bob"]).await;
    let _bob = Client::log_in(&centre, Transport::WebSocket, "bob").await;
    let centre = centre.restart().await;
    let stays = json!([{"member": "bob"}, {"owner": "ann"}]);
    assert_eq!(members(&centre, &room).await, stays);
}

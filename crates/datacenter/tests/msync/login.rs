use prost::Message as _;

use crate::client::{BOTH, Client, Transport, Wire, code, frame, provision};
use crate::harness::{Running, soon};
use crate::schema::m_sync::Command;
use crate::schema::{MSync, Provision};

#[tokio::test]
async fn a_user_logs_in_and_out() {
    let centre = Running::start(&["ann"]).await;
    for transport in BOTH {
        let mut wire = Wire::open(&centre, transport).await;
        let answer = wire.log_in("ann", "web").await.unwrap();
        assert_eq!(code(&answer.status), Some(0));
        assert_eq!(answer.session_id(), "1795448554659:");
        assert_eq!(answer.auth_token, None, "that is the gateway's to say");
        wire.send(frame(Command::Logout, Vec::new()).encode_to_vec())
            .await;
        assert!(soon(wire.receive()).await.is_none());
    }
}

#[tokio::test]
async fn a_user_who_does_not_exist_is_refused() {
    let centre = Running::start(&["ann"]).await;
    for transport in BOTH {
        let mut wire = Wire::open(&centre, transport).await;
        let status = wire.log_in("bob", "web").await.unwrap().status.unwrap();
        assert_eq!(status.error_code, Some(1));
        assert_eq!(status.reason(), "Sorry, user not found");
        assert!(soon(wire.receive()).await.is_none(), "closed");
    }
}

#[tokio::test]
async fn what_is_no_log_in_is_refused() {
    let centre = Running::start(&["ann"]).await;
    let mut without_guid = provision("ann", "web");
    without_guid.guid = None;
    let mut other_app = provision("ann", "web");
    other_app.guid.as_mut().unwrap().app_key = Some("acme/chat".into());
    for (message, expected) in [
        (without_guid.encode_to_vec(), 4),
        (other_app.encode_to_vec(), 4),
        (frame(Command::Unread, Vec::new()).encode_to_vec(), 4),
        (b"\xff\xff\xff".to_vec(), 10),
    ] {
        let mut wire = Wire::open(&centre, Transport::Tcp).await;
        wire.send(message).await;
        let answer = soon(wire.receive()).await.unwrap();
        let answer = MSync::decode(answer.as_slice()).unwrap();
        let answer = Provision::decode(answer.payload()).unwrap();
        assert_eq!(code(&answer.status), Some(expected));
        assert!(soon(wire.receive()).await.is_none());
    }
}

#[tokio::test]
async fn the_same_device_logs_in_once() {
    let centre = Running::start(&["ann"]).await;
    for transport in BOTH {
        let mut first = Client::log_in(&centre, transport, "ann").await;
        let mut other = Client::with_device(&centre, transport, "ann", "phone").await;
        let mut second = Client::log_in(&centre, transport, "ann").await;
        assert_eq!(first.kicked().await, 2);
        assert!(other.unread().await.is_empty() && second.unread().await.is_empty());
    }
}

#[tokio::test]
async fn a_deleted_user_is_logged_out() {
    let centre = Running::start(&["ann"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    centre.delete("users/ann").await;
    assert_eq!(ann.kicked().await, 1);
}

#[tokio::test]
async fn a_command_that_is_none_ends_the_session() {
    let centre = Running::start(&["ann"]).await;
    for transport in BOTH {
        for message in [
            provision("ann", "web").encode_to_vec(),
            frame(Command::Notice, Vec::new()).encode_to_vec(),
            MSync {
                command: Some(9),
                ..MSync::default()
            }
            .encode_to_vec(),
            b"\xff\xff\xff".to_vec(),
        ] {
            let mut ann = Client::log_in(&centre, transport, "ann").await;
            ann.wire.send(message).await;
            assert!(soon(ann.wire.receive()).await.is_none());
        }
    }
}

#[tokio::test]
async fn shutting_down_says_so() {
    let centre = Running::start(&["ann"]).await;
    let mut web = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut tcp = Client::with_device(&centre, Transport::Tcp, "ann", "phone").await;
    let (frame, end, ()) = tokio::join!(
        web.wire.close_frame(),
        async { soon(tcp.wire.receive()).await },
        async { centre.centre.shutdown().await },
    );
    assert_eq!(u16::from(frame.unwrap().code), 1001);
    assert!(end.is_none());
}

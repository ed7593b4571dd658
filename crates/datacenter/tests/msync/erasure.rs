//! Erasures end sessions, and take what is in their mailboxes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BOTH, Client, Transport, chat, code, conference, person, said, texts};
use crate::harness::{APP_KEY, Running, SECRET, soon};
use crate::schema::MessageBody;
use crate::schema::message_body::Type;
use prost::Message as _;

async fn erase(centre: &Running, body: Value) -> Value {
    let url = format!("http://{}/management/erasures", centre.centre.rest_addr());
    #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .request(Method::POST, url)
        .header("Domicile-Gateway-Secret", SECRET)
        .header("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33")
        .header("Domicile-Zone", "fra1")
        .header("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c");
    let response = soon(request.json(&body).send()).await.unwrap();
    assert_eq!(response.status(), 200);
    let evidence: Value = response.json().await.unwrap();
    assert_eq!(evidence["remaining"], 0);
    evidence
}

#[tokio::test]
async fn an_erased_user_is_logged_out_and_what_they_said_is_delivered_no_more() {
    for transport in BOTH {
        let centre = Running::start(&["ann", "bob", "eve"]).await;
        let group = centre.group(&["bob", "eve"]).await;
        let mut ann = Client::log_in(&centre, transport, "ann").await;
        let mut bob = Client::log_in(&centre, transport, "bob").await;
        let mut eve = Client::log_in(&centre, transport, "eve").await;
        ann.send_text(person("bob"), "to bob").await;
        ann.send_text(conference(&group), "to all").await;
        eve.send_text(conference(&group), "from eve").await;
        bob.notice().await;
        let evidence = erase(&centre, json!({"app_key": APP_KEY, "user_id": "ann"})).await;
        assert_eq!(evidence["erased"]["sessions"], 1);
        assert_eq!(evidence["erased"]["messages"], 2);
        assert_eq!(ann.kicked().await, 1);
        assert!(bob.pull(person("ann")).await.is_empty());
        let heard = texts(&bob.pull(conference(&group)).await);
        assert_eq!(heard, [said("eve", "from eve")]);
        // The group is nobody's now, and goes on.
        let sent = bob.send_text(conference(&group), "still here").await;
        assert_eq!(code(&sent.status), Some(0));
        let heard = texts(&eve.pull(conference(&group)).await);
        assert_eq!(heard, [said("bob", "still here")]);
    }
}

/// Control: what waits and is no message is opened, and gone when it is from the user.
#[tokio::test]
async fn receipts_that_wait_go_with_whom_they_are_from() {
    let centre = Running::start(&["ann", "bob"]).await;
    let group = centre.group(&["bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::Tcp, "ann").await;
    for to in [person("bob"), conference(&group)] {
        let mut receipt = chat("ann", to, "seen");
        let mut body = MessageBody::decode(receipt.payload()).unwrap();
        body.r#type = Some(Type::ReadAck.into());
        receipt.payload = Some(body.encode_to_vec());
        assert_eq!(code(&ann.send_meta(receipt).await.status), Some(0));
    }
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    assert_eq!(bob.unread().await.len(), 2);
    let evidence = erase(&centre, json!({"app_key": APP_KEY, "user_id": "ann"})).await;
    assert_eq!(evidence["erased"]["waiting"], 2);
    assert!(bob.unread().await.is_empty());
}

#[tokio::test]
async fn all_sessions_of_an_erased_app_end() {
    let centre = Running::start(&["ann", "bob"]).await;
    let mut ann = Client::log_in(&centre, Transport::WebSocket, "ann").await;
    let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
    let other = erase(&centre, json!({"app_key": "acme#cha"})).await;
    assert_eq!(other["erased"]["sessions"], 0);
    assert!(ann.unread().await.is_empty());
    let evidence = erase(&centre, json!({"app_key": APP_KEY})).await;
    assert_eq!(evidence["erased"]["sessions"], 2);
    assert_eq!((ann.kicked().await, bob.kicked().await), (1, 1));
}

//! Only gateways come in, and only with the facts of the session.

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::client::{BOTH, Client, Wire, headers, preamble, provision};
use crate::harness::{Running, settings, soon};
use datacenter::{DataCentre, StartError};
use prost::Message as _;

#[tokio::test]
async fn an_upgrade_needs_the_secret_and_the_facts() {
    let centre = Running::start(&["ann"]).await;
    for name in headers().iter().map(|(name, _)| *name) {
        if name == "sec-websocket-extensions" {
            continue;
        }
        let mut less = headers();
        less.retain(|(kept, _)| *kept != name);
        let refused = Wire::websocket(&centre, &less).await.err().unwrap();
        assert!(
            matches!(&*refused, Error::Http(response) if response.status() == 403),
            "{name}"
        );
        let mut wrong = less;
        wrong.push((name, "wrong"));
        let opened = Wire::websocket(&centre, &wrong).await;
        let says_anything = ["domicile-app-id", "domicile-channel", "domicile-request-id"];
        assert_eq!(opened.is_ok(), says_anything.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_connection_needs_the_preamble() {
    let centre = Running::start(&["ann"]).await;
    let mut wrong = vec![json!({}), json!(7)];
    for member in [
        "app_id",
        "zone",
        "channel",
        "retention_days",
        "request_id",
        "gateway_secret",
    ] {
        let mut less = preamble();
        less.as_object_mut().unwrap().remove(member);
        wrong.push(less);
    }
    for (member, value) in [
        ("zone", "fra2"),
        ("gateway_secret", "wrong"),
        ("app_id", ""),
    ] {
        let mut other = preamble();
        other[member] = json!(value);
        wrong.push(other);
    }
    for preamble in wrong {
        let mut wire = Wire::tcp(&centre, &preamble).await;
        assert!(soon(wire.receive()).await.is_none(), "{preamble}");
    }
}

#[tokio::test]
async fn a_log_in_is_no_preamble() {
    let centre = Running::start(&["ann"]).await;
    let mut wire = Wire::tcp(&centre, &preamble()).await;
    assert!(wire.log_in("ann", "web").await.is_some());
    let stranger = centre.centre.msync_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
    let stream = tokio::net::TcpStream::connect(stranger).await.unwrap();
    let mut wire = Wire::Tcp(stream, bytes::BytesMut::new());
    wire.send(provision("ann", "web").encode_to_vec()).await;
    assert!(soon(wire.receive()).await.is_none());
}

#[tokio::test]
async fn all_listeners_with_a_secret_are_on_loopback() {
    for plane in 0..2 {
        let data = tempfile::tempdir().unwrap();
        let clock = Running::start(&[]).await.clock;
        let mut open = settings(&data, clock);
        let everywhere = Some("0.0.0.0:0".parse().unwrap());
        if plane == 0 {
            open.websocket = everywhere;
        } else {
            open.msync = everywhere;
        }
        let started = DataCentre::start(open).await;
        assert!(matches!(started, Err(StartError::NotLoopback(_))));
    }
}

#[tokio::test]
async fn a_message_is_one_mebibyte_at_most() {
    let centre = Running::start(&["ann"]).await;
    for transport in BOTH {
        let mut ann = Client::log_in(&centre, transport, "ann").await;
        ann.wire.send(vec![0; 1024 * 1024 + 1]).await;
        assert!(soon(ann.wire.receive()).await.is_none());
    }
}

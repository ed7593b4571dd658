//! A refused handshake, as it is on the wire.

use std::net::SocketAddr;

use super::client::{Client, s_client, said};
use crate::edge::client_hello;
use crate::harness::relay::{Capture, Record, Relay, records};
use crate::harness::{Wire, World, rest_name};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// RFC 8446 section 6: fatal, `unrecognized_name`.
fn refusal() -> Vec<Record> {
    vec![Record {
        kind: ALERT,
        body: vec![2, 112],
    }]
}

/// A ClientHello with a server name that no client library sends.
fn hello_naming(name: &[u8]) -> Vec<u8> {
    let place = "x".repeat(name.len());
    let mut hello = client_hello(Some(&place));
    let at = hello
        .windows(name.len())
        .position(|part| part == place.as_bytes());
    let at = at.unwrap();
    hello[at..at + name.len()].copy_from_slice(name);
    hello
}

/// What comes back for a ClientHello, until the server waits or closes.
async fn first_record(address: SocketAddr, hello: &[u8]) -> u8 {
    let mut wire = Wire::plain(address).await;
    wire.send(hello).await;
    wire.some().await[0]
}

/// Control: `Edge::admits`, before a byte of a handshake is written. Two clients, every listener;
/// beside each refusal a handshake that is let in shows that the capture would have seen it.
#[tokio::test]
async fn a_capture_has_no_certificate_and_no_data() {
    let world = World::new().await;
    let addresses = world.addresses("frankfurt");
    let (own, foreign) = (rest_name("frankfurt"), rest_name("beijing"));
    for address in [addresses.https, addresses.msync, addresses.admin] {
        let relay = Relay::to(address.unwrap()).await;
        Client::default()
            .connect(relay.address, &foreign)
            .await
            .unwrap_err();
        for versions in ["-tls1_3", "-tls1_2"] {
            let output = s_client(relay.address, &["-servername", &foreign, versions]).await;
            let text = said(&output);
            assert!(text.contains("unrecognized name"), "{text}");
            assert!(text.contains("no peer certificate available"), "{text}");
        }
        let nameless = s_client(relay.address, &["-noservername"]).await;
        assert!(said(&nameless).contains("unrecognized name"));
        let captures = relay.captures();
        assert_eq!(captures.len(), 4);
        for Capture {
            from_client,
            from_server,
        } in captures
        {
            assert_eq!(records(&from_client)[0].kind, HANDSHAKE);
            assert_eq!(records(&from_server), refusal());
        }
        let let_in = Client::default()
            .connect(relay.address, &own)
            .await
            .unwrap();
        drop(let_in);
        let capture = relay.captures().pop().unwrap();
        let kinds: Vec<u8> = records(&capture.from_server)
            .iter()
            .map(|r| r.kind)
            .collect();
        assert!(
            kinds.contains(&HANDSHAKE) && kinds.contains(&APPLICATION_DATA),
            "{kinds:?}"
        );
    }
    world.finish().await;
}

/// Control: the name is compared as a whole, and one that is there is never taken for absent.
#[tokio::test]
async fn only_a_name_of_this_region_is_one() {
    for plan in [World::plan(), World::plan().without_required_name()] {
        let world = World::of(plan).await;
        let addresses = world.addresses("frankfurt");
        let beside = format!("{}\0.beijing.test", rest_name("frankfurt"));
        for address in [addresses.https, addresses.msync, addresses.admin] {
            let address = address.unwrap();
            for name in [
                &b"rest.beijing.test"[..],
                b"REST.BEIJING.TEST",
                b"beijing.localhost",
                b"rest.frankfurt.test.",
                b"rest.frankfurt.test.rest.beijing.test",
                b"127.0.0.1",
                b"10.71.0.10",
                b"2001:db8::1",
                b"[2001:db8::1]",
                b"*.frankfurt.test",
                b"..",
                b"rest.frankfurt.test\xff",
                beside.as_bytes(),
            ] {
                let mut wire = Wire::plain(address).await;
                wire.send(hello_naming(name)).await;
                let answer = records(&wire.rest().await);
                assert_eq!(answer, refusal(), "{:?}", String::from_utf8_lossy(name));
            }
            for name in [&b"rest.frankfurt.test"[..], b"REST.Frankfurt.TEST"] {
                let kind = first_record(address, &hello_naming(name)).await;
                assert_eq!(kind, HANDSHAKE, "{:?}", String::from_utf8_lossy(name));
            }
        }
        world.finish().await;
    }
}

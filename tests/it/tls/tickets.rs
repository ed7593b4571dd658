//! Session tickets open at the gateway that made them, and nowhere else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::{Client, connect};
use crate::harness::{World, in_time};

/// Sessions of a client that shows each ticket wherever it goes, whatever it is for.
#[derive(Debug, Default)]
struct Indiscreet {
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<Vec<Tls13ClientSessionValue>>,
    hints: Mutex<HashMap<String, NamedGroup>>,
}

impl ClientSessionStore for Indiscreet {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        let name = name.to_str().into_owned();
        self.hints.lock().unwrap().insert(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        let hints = self.hints.lock().unwrap();
        hints.get(&*name.to_str()).copied()
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.tls12.lock().unwrap() = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.tls13.lock().unwrap().push(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().pop()
    }
}

struct Visit {
    kind: HandshakeKind,
    early: bool,
}

/// A client of one version with tickets to show.
fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let client = Client {
        sessions: Some(Arc::<Indiscreet>::default()),
        early_data: true,
        ..Client::of(version)
    };
    client.config()
}

/// Connects with what it has, and waits for a ticket by asking for something.
async fn visit(client: &Arc<ClientConfig>, address: SocketAddr, name: &str) -> Visit {
    let mut stream = connect(client, address, name).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = in_time("an answer", stream.read_to_end(&mut answer)).await;
    let connection = stream.get_ref().1;
    Visit {
        kind: connection.handshake_kind().unwrap(),
        early: connection.is_early_data_accepted(),
    }
}

/// Control: `Tickets::new` for each edge, `max_early_data_size`. The name is one of both regions,
/// as `localhost` is in the demo, so that nothing but the key of the ticket tells them apart.
#[tokio::test]
async fn a_ticket_resumes_at_its_own_gateway_alone() {
    let plan = World::plan().regions(&["singapore", "frankfurt"]);
    let mut world = World::without_gateways(plan).await;
    world.edit(|region, yaml| {
        let own = format!("names: [\"{region}.localhost\"");
        yaml.replace(&own, &format!("{own}, \"shared.test\""))
    });
    for region in ["singapore", "frankfurt"] {
        world.certify(region, &["shared.test", &format!("rest.{region}.test")]);
    }
    world.start_gateways().await;
    let at = |region| world.addresses(region).https.unwrap();
    let (singapore, frankfurt) = (at("singapore"), at("frankfurt"));
    for version in [&TLS13, &TLS12] {
        let client = client(version);
        let name = "shared.test";
        let first = visit(&client, singapore, name).await;
        assert_ne!(first.kind, HandshakeKind::Resumed);
        let second = visit(&client, singapore, name).await;
        assert_eq!(second.kind, HandshakeKind::Resumed, "{version:?}");
        assert!(!second.early, "0-RTT");
        let elsewhere = visit(&client, frankfurt, name).await;
        assert_ne!(elsewhere.kind, HandshakeKind::Resumed, "{version:?}");
    }
    world.finish().await;
}

/// Control: a ticket is for the name that it was given for (RFC 6066 section 3).
#[tokio::test]
async fn a_ticket_is_for_one_name() {
    let world = World::new().await;
    let https = world.addresses("frankfurt").https.unwrap();
    for version in [&TLS13, &TLS12] {
        let client = client(version);
        for (name, resumes) in [
            ("rest.frankfurt.test", false),
            ("rest.frankfurt.test", true),
            ("ws.frankfurt.test", false),
        ] {
            let visit = visit(&client, https, name).await;
            assert_eq!(
                visit.kind == HandshakeKind::Resumed,
                resumes,
                "{name}, {version:?}"
            );
        }
    }
    world.finish().await;
}

/// Control: keys of tickets are replaced by the gateway's clock.
#[tokio::test]
async fn a_ticket_opens_for_two_periods_at_most() {
    let world = World::new().await;
    let https = world.addresses("frankfurt").https.unwrap();
    let name = "rest.frankfurt.test";
    for version in [&TLS13, &TLS12] {
        let (soon, late) = (client(version), client(version));
        for client in [&soon, &late] {
            assert_ne!(
                visit(client, https, name).await.kind,
                HandshakeKind::Resumed
            );
        }
        world.clock.advance(Duration::from_secs(6 * 3600));
        let kind = visit(&soon, https, name).await.kind;
        assert_eq!(kind, HandshakeKind::Resumed, "{version:?}");
        world.clock.advance(Duration::from_secs(6 * 3600));
        let kind = visit(&late, https, name).await.kind;
        assert_ne!(kind, HandshakeKind::Resumed, "{version:?}");
    }
    world.finish().await;
}

/// Control: ticket keys are kept nowhere. A restart makes new ones.
#[tokio::test]
async fn a_ticket_does_not_outlive_its_gateway() {
    let mut world = World::new().await;
    let client = client(&TLS13);
    let name = "rest.frankfurt.test";
    let at = |world: &World| world.addresses("frankfurt").https.unwrap();
    visit(&client, at(&world), name).await;
    let before = visit(&client, at(&world), name).await;
    assert_eq!(before.kind, HandshakeKind::Resumed);
    world.stop_gateways().await;
    world.start_gateways().await;
    let after = visit(&client, at(&world), name).await;
    assert_ne!(after.kind, HandshakeKind::Resumed);
    world.finish().await;
}

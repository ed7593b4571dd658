//! Against data centres that misbehave; `tests/it/retention.rs` has the reference one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{EraseError, Sweep, Sweeping, Swept, Told};
use crate::registry::App;
use crate::zone::erase::tests::{KEY, app, homes};

const ID: &str = "0af7651916cd43dd";

fn sweep(id: &str, channel: &str, kind: &str) -> Sweep {
    let kinds = BTreeMap::from([(kind.to_owned(), 1)]);
    Sweep {
        sweep_id: id.to_owned(),
        began_at: 1,
        older_than: 0,
        deleted: BTreeMap::from([(channel.to_owned(), kinds)]),
    }
}

fn report() -> Value {
    let deleted = json!({ "group": { "messages": 2 } });
    json!({ "sweep_id": ID, "began_at": 1, "older_than": 0, "deleted": deleted })
}

fn answer() -> Value {
    let hash = hex::encode(digest(&SHA256, KEY.as_bytes()));
    let of = json!({ "app_key_sha256": hash, "sweeps": [report()] });
    json!({ "complete": true, "more": false, "apps": [of] })
}

/// Answers `each` requests on a connection and closes it; tells the number of the connection and the request.
async fn centre(answer: Value, each: usize) -> (SocketAddr, UnboundedReceiver<(usize, String)>) {
    let listener = TcpListener::bind("127.71.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hears) = unbounded_channel();
    let body = answer.to_string();
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..each {
                let (mut text, mut piece) = (String::new(), [0; 4096]);
                while !text.ends_with("]}") {
                    match stream.read(&mut piece).await.unwrap() {
                        0 => break,
                        n => text.push_str(std::str::from_utf8(&piece[..n]).unwrap()),
                    }
                }
                // The test may have heard enough.
                let _ = heard.send((connection, text));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    (address, hears)
}

fn sweeping(address: SocketAddr) -> Sweeping {
    homes(&[address]).sweeping().remove(0)
}

async fn asked(answer: Value) -> Result<Swept, EraseError> {
    let (address, _heard) = centre(answer, 1).await;
    sweeping(address)
        .ask(0, &[Arc::new(app("fra1"))], &[])
        .await
}

#[tokio::test]
async fn pages_share_a_connection_and_say_what_is_to_be_said() {
    let (address, mut heard) = centre(answer(), usize::MAX).await;
    let mut sweeping = sweeping(address);
    let apps = [Arc::new(app("fra1"))];
    let swept = sweeping.ask(5, &apps, &[]).await.unwrap();
    let [(of, reports)] = swept.reports.as_slice() else {
        panic!("{swept:?}")
    };
    assert_eq!(
        (of.app_id, reports),
        (
            apps[0].app_id,
            &vec![Sweep {
                deleted: BTreeMap::from([(
                    "group".to_owned(),
                    BTreeMap::from([("messages".to_owned(), 2)])
                )]),
                ..sweep(ID, "group", "messages")
            }]
        )
    );
    let told = Told::new(of, &reports[0]);
    sweeping.ask(6, &apps, &[told]).await.unwrap();
    let (first, request) = heard.recv().await.unwrap();
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /management/sweeps HTTP/1.1\r\n"));
    for line in ["domicile-zone: fra1", "domicile-gateway-secret: hush"] {
        assert!(head.lines().any(|own| own == line), "{line} in {head}");
    }
    assert!(!head.contains("domicile-app-id"));
    let (second, request) = heard.recv().await.unwrap();
    assert_eq!((first, second), (0, 0), "the connection was not used again");
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "now": 6,
        "apps": [{ "app_key": KEY, "retention_days": 7 }],
        "acknowledged": [{ "app_key": KEY, "sweep_id": ID }],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_connection_that_ended_meanwhile_is_opened_anew() {
    let (address, mut heard) = centre(answer(), 1).await;
    let mut sweeping = sweeping(address);
    for connection in 0..3 {
        sweeping
            .ask(0, &[Arc::new(app("fra1"))], &[])
            .await
            .unwrap();
        assert_eq!(heard.recv().await.unwrap().0, connection);
    }
}

/// P1. Control: the comparison of zones in `ask`.
#[tokio::test]
async fn an_app_of_another_zone_is_not_told_of() {
    let (address, mut heard) = centre(answer(), 1).await;
    let apps: [Arc<App>; 2] = ["fra1", "fra2"].map(|zone| Arc::new(app(zone)));
    let asked = sweeping(address).ask(0, &apps, &[]).await;
    assert!(matches!(asked, Err(EraseError::NoSuchZone)), "{asked:?}");
    assert!(heard.try_recv().is_err());
}

/// P8. Control: the egress guard.
#[tokio::test]
async fn no_address_outside_the_zone_is_dialled() {
    let listener = TcpListener::bind("127.72.0.1:0").await.unwrap();
    let mut sweeping = sweeping(listener.local_addr().unwrap());
    let asked = sweeping.ask(0, &[Arc::new(app("fra1"))], &[]).await;
    let Err(EraseError::Dial(error)) = asked else {
        panic!("{asked:?}")
    };
    assert!(error.is_denial());
}

#[tokio::test]
async fn an_answer_of_other_apps_or_of_too_much_is_none() {
    let hash = &answer()["apps"][0]["app_key_sha256"];
    let many: Vec<_> = (0..513).map(|_| report()).collect();
    let twice = json!([answer()["apps"][0], answer()["apps"][0]]);
    for apps in [
        json!([{ "app_key_sha256": "ab".repeat(32), "sweeps": [report()] }]),
        json!([{ "app_key_sha256": hash, "sweeps": many }]),
        json!([{ "app_key_sha256": hash, "sweeps": [], "users": [] }]),
        twice,
    ] {
        let mut told = answer();
        told["apps"] = apps;
        let asked = asked(told).await;
        assert!(matches!(asked, Err(EraseError::Protocol)), "{asked:?}");
    }
}

/// Nothing that a data centre makes up gets into the audit log.
#[test]
fn only_known_words_and_digits_are_taken() {
    assert!(sweep(ID, "group", "messages").is_sound());
    for (id, channel, kind) in [
        (ID, "ann", "messages"),
        (ID, "group", "hello"),
        ("0AF7651916CD43DD", "group", "messages"),
        ("short", "group", "messages"),
    ] {
        assert!(
            !sweep(id, channel, kind).is_sound(),
            "{id} {channel} {kind}"
        );
    }
}

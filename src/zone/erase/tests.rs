//! Against data centres that misbehave; `tests/it/erasure.rs` has the reference one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{EraseError, Evidence};
use crate::config::{Limits, Scheme, Upstream, UpstreamTls, Upstreams, ZoneConfig};
use crate::domain::{RegionId, ZoneId};
use crate::observe::Metrics;
use crate::registry::{App, Status};
use crate::zone::{DialError, Homes};

pub(in crate::zone) const KEY: &str = "acme#chat";

pub(in crate::zone) fn app(zone: &str) -> App {
    App {
        zone: ZoneId::parse(zone).unwrap(),
        status: Status::Retired,
        ..App::example()
    }
}

/// The zone fra1 with these upstreams; only 127.71.0.0/16 may be dialled.
pub(in crate::zone) fn homes(addresses: &[SocketAddr]) -> Homes {
    let (region, zone) = (
        RegionId::parse("frankfurt").unwrap(),
        ZoneId::parse("fra1").unwrap(),
    );
    let metrics = Metrics::new(
        &region,
        std::slice::from_ref(&zone),
        std::slice::from_ref(&region),
    );
    let upstream = |address: &SocketAddr| Upstream {
        scheme: Scheme::Plain,
        host: address.ip().to_string(),
        port: address.port(),
        path: "/".to_owned(),
    };
    let zone = ZoneConfig {
        id: zone,
        egress: vec!["127.71.0.0/16".parse().unwrap()],
        upstreams: Upstreams {
            rest: addresses.iter().map(upstream).collect(),
            ..Upstreams::default()
        },
        channels: Vec::new(),
        tls: UpstreamTls::default(),
        gateway_secret: Some("hush".to_owned().into()),
        msync_preamble: false,
    };
    let limits = Limits::default();
    Homes::new(&[zone], &limits, &metrics.into(), |_| None).unwrap()
}

/// Says this to whoever has sent a whole request, and tells what that was. It goes on reading.
async fn centre(answer: Vec<u8>) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.71.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hears) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut piece) = (String::new(), [0; 4096]);
            while !text.ends_with('}') {
                match stream.read(&mut piece).await.unwrap() {
                    0 => break,
                    n => text.push_str(std::str::from_utf8(&piece[..n]).unwrap()),
                }
            }
            heard.send(text).unwrap();
            // Whoever has heard enough may be gone.
            let _ = stream.write_all(&answer).await;
            tokio::spawn(async move { while stream.read(&mut piece).await.unwrap_or(0) > 0 {} });
        }
    });
    (address, hears)
}

fn evidence() -> Value {
    json!({
        "erasure_id": "0af7651916cd43dd8448eb211c80319c",
        "app_key_sha256": hex::encode(digest(&SHA256, KEY.as_bytes())),
        "erased": {"users": 3, "messages": 12},
        "remaining": 0,
        "digest": format!("sha256:{}", "ab".repeat(32)),
        "started_at": 5,
        "completed_at": 6,
    })
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

async fn erased(answer: Vec<u8>) -> Result<Evidence, EraseError> {
    let (address, _heard) = centre(answer).await;
    homes(&[address]).erase(&app("fra1"), None).await
}

async fn erased_with(change: impl FnOnce(&mut Value)) -> Result<Evidence, EraseError> {
    let mut body = evidence();
    change(&mut body);
    erased(answer(200, "", &body.to_string())).await
}

#[tokio::test]
async fn evidence_comes_back_and_the_request_says_what_is_to_be_said() {
    let (address, mut heard) = centre(answer(200, "", &evidence().to_string())).await;
    let homes = homes(&[address]);
    let found = homes.erase(&app("fra1"), Some("ann")).await.unwrap();
    let counts = [("users".to_owned(), 3), ("messages".to_owned(), 12)];
    assert_eq!(found.erased, BTreeMap::from(counts));
    assert_eq!((found.remaining, found.completed_at), (0, 6));
    let request = heard.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /management/erasures HTTP/1.1\r\n"));
    for line in [
        "domicile-app-id: 970ca35de60c44645bbae8a215061b33",
        "domicile-zone: fra1",
        "domicile-channel: general",
        "domicile-gateway-secret: hush",
        &format!("host: {address}"),
    ] {
        assert!(head.lines().any(|own| own == line), "{line} in {head}");
    }
    assert!(head.contains("\r\ndomicile-request-id: "));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({"app_key": KEY, "user_id": "ann"}));
    homes.erase(&app("fra1"), None).await.unwrap();
    let whole = heard.recv().await.unwrap();
    assert!(
        whole.ends_with(r#"{"app_key":"acme#chat"}"#),
        "the whole App"
    );
}

#[tokio::test]
async fn only_the_apps_own_zone_is_asked() {
    let (address, mut heard) = centre(answer(200, "", &evidence().to_string())).await;
    let elsewhere = homes(&[address]).erase(&app("va1"), None).await;
    assert!(matches!(elsewhere, Err(EraseError::NoSuchZone)));
    assert!(heard.try_recv().is_err());
}

/// Control: `Target::connect` goes through the egress guard.
#[tokio::test]
async fn nothing_outside_the_zones_ranges_is_dialled() {
    let foreign = TcpListener::bind("127.61.0.1:0").await.unwrap();
    let address = foreign.local_addr().unwrap();
    let denied = homes(&[address]).erase(&app("fra1"), None).await;
    assert!(matches!(denied, Err(EraseError::Dial(DialError::Denied))));
    let accepted = futures_util::future::poll_immediate(foreign.accept()).await;
    assert!(accepted.is_none());
}

#[tokio::test]
async fn an_upstream_that_is_away_is_passed_over() {
    let gone = TcpListener::bind("127.71.0.1:0").await.unwrap();
    let away = gone.local_addr().unwrap();
    drop(gone);
    let nobody = homes(&[away]).erase(&app("fra1"), None).await;
    assert!(matches!(nobody, Err(EraseError::Dial(_))));
    let (address, _heard) = centre(answer(200, "", &evidence().to_string())).await;
    let found = homes(&[away, address]).erase(&app("fra1"), None).await;
    assert!(found.is_ok());
}

/// Control: only 200 is looked at. The other place is one that would answer.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (other, mut heard) = centre(answer(200, "", &evidence().to_string())).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("Location: http://{other}/management/erasures\r\n");
        let redirected = erased(answer(status, &to, "")).await;
        let refused = StatusCode::from_u16(status).unwrap();
        assert!(
            matches!(redirected, Err(EraseError::Refused(s)) if s == refused),
            "{status}"
        );
    }
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn a_data_centre_without_erasures_is_told_from_one_that_refuses() {
    for status in [404, 405, 501] {
        let unsupported = erased(answer(status, "", "no")).await;
        assert!(
            matches!(unsupported, Err(EraseError::Unsupported)),
            "{status}"
        );
    }
    for status in [201, 204, 400, 401, 403, 413, 500, 502, 503] {
        let body = if status == 204 {
            String::new()
        } else {
            evidence().to_string()
        };
        let refused = erased(answer(status, "", &body)).await;
        assert!(
            matches!(refused, Err(EraseError::Refused(s)) if s.as_u16() == status),
            "{status}"
        );
    }
}

/// Control: the time limit of the whole.
#[tokio::test]
async fn a_data_centre_that_hangs_is_not_waited_for() {
    let body = evidence().to_string();
    let whole = answer(200, "", &body);
    let cuts = [0, 20, whole.len() - 1];
    for cut in cuts {
        let (address, _heard) = centre(whole[..cut].to_vec()).await;
        let short = Duration::from_millis(200);
        let homes = homes(&[address]);
        let late = homes.erase_within(&app("fra1"), None, short).await;
        assert!(matches!(late, Err(EraseError::Timeout)), "{cut}");
    }
}

/// Control: the limits of head and body. A body without an end would fill the memory.
#[tokio::test]
async fn a_huge_answer_is_given_up() {
    let mut padded = evidence().to_string();
    padded.push_str(&" ".repeat(64 * 1024));
    let huge = erased(answer(200, "", &padded)).await;
    assert!(matches!(huge, Err(EraseError::Protocol)));
    let mut endless = b"HTTP/1.1 200 X\r\n\r\n".to_vec();
    endless.extend(vec![b' '; 8 * 1024 * 1024]);
    assert!(matches!(erased(endless).await, Err(EraseError::Protocol)));
    let head = format!("X-Much: {}\r\n", "x".repeat(32 * 1024));
    let head = erased(answer(200, &head, "")).await;
    assert!(matches!(head, Err(EraseError::Broken(_))));
}

#[tokio::test]
async fn what_is_not_http_is_broken() {
    for bytes in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1 200 X\r\nContent-"] {
        let listener = TcpListener::bind("127.71.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(bytes).await;
        });
        let broken = homes(&[address]).erase(&app("fra1"), None).await;
        assert!(matches!(broken, Err(EraseError::Broken(_))));
    }
}

#[tokio::test]
async fn what_remains_is_no_erasure() {
    let left = erased_with(|body| body["remaining"] = json!(1)).await;
    assert!(matches!(left, Err(EraseError::Incomplete)));
}

/// Control: `Evidence::read` takes nothing else than evidence of this App's erasure.
#[tokio::test]
async fn an_answer_that_is_no_evidence_is_refused() {
    let many: BTreeMap<String, u64> = (b'a'..=b'z')
        .flat_map(|a| [(a as char).to_string(), format!("{0}{0}", a as char)])
        .map(|name| (name, 1))
        .collect();
    let wrong = [
        ("erasure_id", json!("ann")),
        ("erasure_id", json!("0AF7651916CD43DD8448EB211C80319C")),
        ("app_key_sha256", json!("ab".repeat(32))),
        ("erased", json!({"ann@example.com": 1})),
        ("erased", json!({"": 1})),
        ("erased", json!({"users": -1})),
        ("erased", json!({"users": 1.5})),
        ("erased", json!(many)),
        ("erased", json!([])),
        ("remaining", json!("0")),
        ("remaining", json!(null)),
        ("digest", json!("ab".repeat(32))),
        ("digest", json!(format!("md5:{}", "ab".repeat(32)))),
        ("digest", json!(format!("sha256:{}", "zz".repeat(32)))),
        ("started_at", json!(7)),
        ("completed_at", json!(-1)),
        ("user_id", json!("ann")),
    ];
    for (member, value) in wrong {
        let text = format!("{member}: {value}");
        let found = erased_with(|body| body[member] = value).await;
        assert!(matches!(found, Err(EraseError::Protocol)), "{text}");
    }
    for member in [
        "erasure_id",
        "app_key_sha256",
        "erased",
        "remaining",
        "digest",
        "started_at",
        "completed_at",
    ] {
        let found = erased_with(|body| {
            body.as_object_mut().unwrap().remove(member);
        })
        .await;
        assert!(matches!(found, Err(EraseError::Protocol)), "{member}");
    }
    for body in ["", "[]", "null", "{}{}"] {
        let found = erased(answer(200, "", body)).await;
        assert!(matches!(found, Err(EraseError::Protocol)), "{body}");
    }
}

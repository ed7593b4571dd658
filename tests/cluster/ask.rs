//! What clients ask. A call without a token tells where an App lives: its home wants a token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lab::{CROWD, Gateway, Lab};
use crate::harness::Wire;
use crate::residency::network::at;
use crate::residency::places::Place;

/// An App that was acknowledged by its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub place: Place,
    pub name: String,
}

pub const HOME: &str = "401 token_missing";
pub const ELSEWHERE: &str = "421 app_lives_elsewhere";
pub const UNKNOWN: &str = "404 app_unknown";
pub const UNAVAILABLE: &str = "503 registry_unavailable";
pub const UNTRUSTED: &str = "503 registry_untrusted";
const PAUSE: Duration = Duration::from_millis(20);

/// Status and code of a call at a gateway.
pub fn ask(gateway: Gateway, name: &str) -> String {
    let host = gateway.place.name("rest");
    let head =
        format!("GET /proof/{name}/users HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    from_crowd(async || {
        let mut wire = Wire::tls(gateway.https(), &host).await;
        wire.send(head).await;
        let answer = wire.answer().await;
        format!("{} {}", answer.status, answer.code())
    })
}

/// Status and code of a registration, if there was an answer.
pub fn register(gateway: Gateway, key: &str, wish: &Value) -> Option<String> {
    let (host, body) = (gateway.place.name("admin"), wish.to_string());
    let head = format!(
        "POST /v1/apps HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    from_crowd(async || {
        let mut wire = Wire::tls(gateway.admin(), &host).await;
        wire.send(head + &body).await;
        let answer = wire.try_answer().await?;
        Some(format!("{} {}", answer.status, answer.code()))
    })
}

/// Every gateway serves every one of these Apps, or says that it lives elsewhere, before long.
pub fn all_serve(lab: &Lab, known: &[Known], within: Duration) {
    let until = Instant::now() + within;
    for gateway in lab.gateways() {
        for app in known {
            let expected = expected(gateway, app);
            // At least one question, however long the others took.
            let mut found = ask(gateway, &app.name);
            while found != expected && Instant::now() < until {
                assert!(!wrong(&found, expected), "{gateway:?} {app:?}: {found}");
                std::thread::sleep(PAUSE);
                found = ask(gateway, &app.name);
            }
            assert_eq!(found, expected, "{gateway:?} {app:?}");
        }
    }
}

/// These gateways do so at the first question. A sample, from both ends: outages are short.
pub fn serve_now(gateways: &[Gateway], known: &[Known]) {
    let sample = known.iter().take(4).chain(known.iter().rev().take(4));
    for app in sample {
        for gateway in gateways {
            let found = ask(*gateway, &app.name);
            assert_eq!(found, expected(*gateway, app), "{gateway:?} {app:?}");
        }
    }
}

pub fn answer_unknown(gateways: &[Gateway], expected: &str) {
    std::thread::scope(|scope| {
        for gateway in gateways {
            scope.spawn(move || assert_eq!(ask(*gateway, &fresh()), expected, "{gateway:?}"));
        }
    });
}

/// How long it took until each gateway answered so for an App that nobody has.
pub fn until_all_answer(lab: &Lab, expected: &str, within: Duration) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for gateway in lab.gateways() {
            scope.spawn(move || until_answers(gateway, expected, within));
        }
    });
    began.elapsed()
}

pub fn until_answers(gateway: Gateway, expected: &str, within: Duration) {
    let began = Instant::now();
    loop {
        let found = if listens(gateway) {
            ask(gateway, &fresh())
        } else {
            "nobody listens".to_owned()
        };
        let took = began.elapsed();
        assert!(took < within, "{gateway:?}: {found} after {took:?}");
        if found == expected {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

fn expected(gateway: Gateway, app: &Known) -> &'static str {
    if gateway.place == app.place {
        HOME
    } else {
        ELSEWHERE
    }
}

/// Another home than the one it has.
fn wrong(found: &str, expected: &str) -> bool {
    [HOME, ELSEWHERE].contains(&found) && found != expected
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
fn listens(gateway: Gateway) -> bool {
    at(CROWD, || {
        std::net::TcpStream::connect(gateway.https()).is_ok()
    })
}

/// A name that no gateway was asked for.
fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("fresh-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn from_crowd<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    at(CROWD, || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(work())
    })
}

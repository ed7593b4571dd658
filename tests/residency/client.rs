//! What clients do, from a site of their own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;

use super::network::at;
use super::places::{CLIENTS, Place, Zone};
use crate::harness::apps::TTL;
use crate::harness::process::system_now;
use crate::harness::sdk::{By, Event, Login, Sdk, text};
use crate::harness::{Answer, Wire, eventually, in_time, wire};

/// A registered App and one of its users.
#[derive(Debug, Clone)]
pub struct App {
    pub place: Place,
    pub zone: Zone,
    pub app_key: String,
    app_id: String,
    certificate: String,
}

pub const USER: &str = "u1";
/// How much a client sends: far more than whatever else a gateway says to its data centre meanwhile.
pub const MUCH: usize = 200 * 1024;

impl App {
    pub fn new(place: Place, zone: Zone, made: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            place,
            zone,
            app_key: text(&made["app_key"]),
            app_id: text(&made["app_id"]),
            certificate: text(&made["certificate"]["value"]),
        }
    }

    fn app_token(&self) -> String {
        let (id, certificate) = (&self.app_id, &self.certificate);
        access_token::build_app_token(id, certificate, TTL, system_now(), SALT).unwrap()
    }

    fn user_token(&self) -> String {
        let (id, certificate) = (&self.app_id, &self.certificate);
        access_token::build_user_token(id, certificate, USER, TTL, system_now(), SALT).unwrap()
    }

    /// A call with the App's token, and its head and body.
    pub fn call(&self, place: Place, method: &str, path: &str, body: &str) -> (String, String) {
        let (org, app) = self.app_key.split_once('#').unwrap();
        let (host, token) = (place.name("rest"), self.app_token());
        let head = format!(
            "{method} /{org}/{app}/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        (head, body.to_owned())
    }
}

/// Status and `Domicile-Code` of a REST call at a region.
pub fn rest(app: &App, place: Place, method: &str, path: &str, body: &str) -> String {
    let (head, body) = app.call(place, method, path, body);
    from_clients(async || {
        let mut wire = Wire::tls(place.https(), &place.name("rest")).await;
        wire.send(head).await;
        // A refusal closes before it has read everything.
        let _ = wire.try_send(body).await;
        said(wire.try_answer().await)
    })
}

/// A message to another user, of [`MUCH`].
pub fn message() -> String {
    message_to("u2")
}

pub fn message_to(to: &str) -> String {
    let message = "x".repeat(MUCH);
    json!({"from": USER, "to": [to], "type": "txt", "body": {"msg": message}}).to_string()
}

/// A user of the App.
pub fn make_user(app: &App) -> String {
    let body = json!({"username": USER, "password": "p"}).to_string();
    rest(app, app.place, "POST", "users", &body)
}

/// Logs in at a region and sends messages, if it is let in: code and reason of the answer.
pub fn session(app: &App, place: Place, by: By) -> String {
    let login = Login::with(&app.app_key, USER, &app.user_token()).frame();
    from_clients(async || {
        let mut sdk = open(place, by).await;
        sdk.send(&login).await;
        let answer = match sdk.next().await {
            Event::Frame(frame) => frame,
            Event::Closed(code) => return format!("closed {code:?}"),
        };
        let seen = msync::read_provision_answer(&answer, &app.app_key).unwrap();
        let (code, reason) = (seen.error_code.unwrap(), seen.reason.unwrap_or_default());
        if code == 0 {
            let words = "y".repeat(16 * 1024);
            for id in 1..=8 {
                sdk.send(&text(Some(&app.app_key), id, "u2", &words)).await;
                sdk.next().await.frame();
            }
        }
        let reason = reason.split(':').next().unwrap().to_owned();
        format!("{code} {reason}").trim_end().to_owned()
    })
}

async fn open(place: Place, by: By) -> Sdk {
    match by {
        By::Websocket => {
            let name = place.name("ws");
            let stream = wire::tls(place.https(), &name, false).await.unwrap();
            let url = format!("wss://{name}/websocket");
            let (socket, _) = in_time("an upgrade", client_async(url, stream))
                .await
                .unwrap();
            Sdk::Websocket(Box::new(socket))
        }
        By::Tcp => {
            let stream = wire::tls(place.msync(), &place.name("msync"), false).await;
            Sdk::Tcp(Box::new(stream.unwrap()))
        }
    }
}

/// Sends the half of a long message, lets `meanwhile` happen once some of it is `on_its_way`, and sends
/// the rest: the first answer, if there was one.
pub fn interrupted(
    app: &App,
    on_its_way: impl Fn() -> bool + Sync,
    meanwhile: impl FnOnce() + Send,
) -> String {
    let (head, body) = app.call(app.place, "POST", "messages/users", &message());
    from_clients(async || {
        let name = app.place.name("rest");
        let mut wire = Wire::tls(app.place.https(), &name).await;
        let (first, second) = body.split_at(body.len() / 2);
        wire.send(head + first).await;
        eventually("half a message", &on_its_way).await;
        std::thread::scope(|scope| scope.spawn(meanwhile).join().unwrap());
        let _ = wire.try_send(second).await;
        said(wire.try_answer().await)
    })
}

/// Registers an App; it must succeed.
pub fn administer(place: Place, key: &str, wish: &Value) -> Value {
    let body = wish.to_string();
    let head = format!(
        "POST /v1/apps HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        place.name("admin"),
        body.len()
    );
    let answer = from_clients(async || {
        let mut wire = Wire::tls(place.admin(), &place.name("admin")).await;
        wire.send(head + &body).await;
        wire.answer().await
    });
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// A gateway's metric, summed over all its labels' values.
pub fn metric(place: Place, family: &str, labels: &[(&str, &str)]) -> f64 {
    let metrics = from_clients(async || crate::harness::scrape::Metrics::scrape(place.ops()).await);
    metrics.sum(family, labels)
}

/// Waits until a region's gateway is ready.
pub fn wait_for(place: Place) {
    from_clients(async || {
        in_time("a gateway", async {
            while !is_ready(place).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    });
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn is_ready(place: Place) -> bool {
    let Ok(stream) = TcpStream::connect(place.ops()).await else {
        return false;
    };
    let mut wire = Wire::over(stream);
    let ask = "GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n";
    wire.try_send(ask).await.is_ok() && wire.try_answer().await.is_some_and(|a| a.status == 200)
}

fn said(answer: Option<Answer>) -> String {
    answer.map_or("no answer".to_owned(), |answer| {
        format!("{} {}", answer.status, answer.code())
    })
}

fn from_clients<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    at(CLIENTS, || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(work())
    })
}

/// Tokens need not differ here.
const SALT: u32 = 1;

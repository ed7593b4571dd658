//! P7: logs, metrics and the audit log hold nothing of a person.

use tokio::net::TcpSocket;

use crate::harness::process::{Process, system_now};
use crate::harness::script::Reply;
use crate::harness::{Call, Http2, Said, TestApp, Wire, World, log, rest_name, wire};

/// Every canary holds this, whatever part of a request it sits in.
pub const CANARY: &str = "canary5417";

/// Where the client connects from.
const CLIENT: [u8; 4] = [127, 11, 22, 33];

/// What may show in nothing that is kept.
pub fn canaries(tokens: &[String]) -> Vec<String> {
    let mut canaries = vec![
        CANARY.to_owned(),
        "CANARY5417".to_owned(),
        "127.11.22.33".to_owned(),
    ];
    canaries.push("203.0.113.77".to_owned());
    // The signature's part of a token, and its start.
    canaries.extend(tokens.iter().map(|token| token[10..40].to_owned()));
    canaries
}

fn clean(what: &str, text: &str, canaries: &[String]) {
    for canary in canaries {
        if let Some(line) = text.lines().find(|line| line.contains(canary)) {
            panic!("{what} holds {canary}: {line}");
        }
    }
}

pub struct Tokens {
    app: String,
    user: String,
    expired: String,
    other: String,
}

impl Tokens {
    pub fn of(app: &TestApp, other: &TestApp, now: u32) -> Self {
        let user = format!("user-{CANARY}");
        let of = |app: &TestApp, at| app.builder_at(at, 3600).user(&user).build().unwrap();
        Self {
            app: app.builder_at(now, 3600).app().build().unwrap(),
            user: of(app, now),
            expired: of(app, now - 7200),
            other: of(other, now),
        }
    }

    pub fn all(&self) -> Vec<String> {
        vec![
            self.app.clone(),
            self.user.clone(),
            self.expired.clone(),
            self.other.clone(),
        ]
    }
}

/// Requests of every fate, with a canary in every part that a client may fill.
pub fn calls(app: &TestApp, foreign: Option<&TestApp>, tokens: &Tokens) -> Vec<Call> {
    let user = format!("user-{CANARY}");
    let marked = |path: &str, token: &str| {
        let path = app.path(&format!("{path}?q={CANARY}&chat-type={CANARY}"));
        Call::post(&path)
            .token(token)
            .header("x-forwarded-for", "203.0.113.77")
            .header("user-agent", CANARY)
            .header(&format!("x-{CANARY}"), CANARY)
            .header("cookie", CANARY)
            .body(format!(r#"{{"grant_type":"password","from":"{CANARY}"}}"#))
    };
    let mut calls = vec![
        marked(&format!("users/{user}/contacts"), &tokens.user),
        marked(&format!("users/{user}/contacts"), &tokens.app),
        marked("messages/users", &tokens.app),
        marked("chatfiles", &tokens.user),
        marked("token", &tokens.user),
        marked("messages", &tokens.user),
        marked("messages", &tokens.expired),
        marked("messages", &tokens.other),
        marked("messages", &format!("garbage-{CANARY}")),
        marked("messages", &format!("007garbage-{CANARY}")),
        marked("messages", &tokens.app).header("x-app-id", CANARY),
        marked("messages", &tokens.app).host(&format!("{CANARY}.test")),
        marked(&format!("users//{user}"), &tokens.app),
        marked(&format!("{CANARY}/%zz"), &tokens.app),
        marked(&format!("other/{CANARY}"), &tokens.app),
        marked(&format!("fails/{CANARY}"), &tokens.app),
        marked(&format!("redirects/{CANARY}"), &tokens.app),
        Call::get(&format!("/{CANARY}/{CANARY}/users")).token(&tokens.app),
        Call::get(&format!("/{CANARY}")),
        Call::new("CANARY5417", &app.path("users")).token(&tokens.app),
        Call::get(&format!("http://{CANARY}.test/x/y/z")),
    ];
    if let Some(foreign) = foreign {
        calls.push(Call::get(&foreign.path(&format!("users/{user}"))).token(&tokens.app));
    }
    calls
}

/// What the data centre says, with canaries too.
pub fn script(world: &World) {
    world.centre("fra1").scripted(|head| match head.word(1) {
        target if target.contains("/fails/") => {
            Reply::Raw(format!("HTTP/1.1 {CANARY}\r\n\r\n").into_bytes())
        }
        target if target.contains("/redirects/") => Said::new(302)
            .header("Location", &format!("https://{CANARY}.test/"))
            .into(),
        _ => Said::ok(format!("body-{CANARY}"))
            .header(&format!("x-{CANARY}"), CANARY)
            .into(),
    });
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn from_marked_address(to: std::net::SocketAddr) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((CLIENT, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Sends each call by HTTP/1.1 and HTTP/2, then bytes that are no request at all.
async fn play(calls: &[Call], https: std::net::SocketAddr, http: std::net::SocketAddr) {
    let name = rest_name("frankfurt");
    for call in calls {
        let mut wire = Wire::over(from_marked_address(http).await);
        let _ = wire.try_send(call.bytes(&name)).await;
        assert!(wire.answer_to(&call.method).await.status >= 200);
        if call.target.starts_with('/') {
            let mut client = Http2::connect(https, &name).await;
            let _ = client.try_call(call, &name).await;
        }
    }
    for bytes in [
        format!("GET /{CANARY} {CANARY} HTTP/1.1\r\n\r\n"),
        format!("{CANARY}\r\n\r\n"),
        format!("GET /a/b HTTP/1.1\r\nHost: {CANARY}\r\nHost: x\r\n\r\n"),
        format!("GET /a/b HTTP/1.1\r\nHost: x\r\n{CANARY} : x\r\n\r\n"),
        format!(
            "GET /a/b HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            CANARY.repeat(5000)
        ),
        format!("POST /a/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {CANARY}\r\n\r\n{CANARY}"),
    ] {
        let mut wire = Wire::over(from_marked_address(http).await);
        let _ = wire.try_send(bytes).await;
        wire.finish_sending().await;
        wire.rest().await;
    }
    // Clients that leave in the middle.
    let mut wire = Wire::over(from_marked_address(http).await);
    wire.send(&calls[2].bytes(&name)[..200]).await;
    drop(wire);
    // A foreign TLS name, and bytes that are no TLS.
    assert!(
        wire::tls(https, &format!("{CANARY}.test"), false)
            .await
            .is_err()
    );
    let mut wire = Wire::over(from_marked_address(https).await);
    wire.send(CANARY).await;
    wire.finish_sending().await;
    wire.rest().await;
}

/// Control: `RequestRecord` and the audit log have fields for nothing personal.
#[tokio::test]
async fn nothing_personal_is_kept() {
    let world = World::new().await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let foreign = world.app("bj1").await;
    script(&world);
    let tokens = Tokens::of(&app, &other, app.now());
    let calls = calls(&app, Some(&foreign), &tokens);
    let addresses = world.addresses("frankfurt");
    play(&calls, addresses.https.unwrap(), addresses.http.unwrap()).await;
    let canaries = canaries(&tokens.all());
    clean("metrics", &world.metrics("frankfurt").await.text, &canaries);
    let ended = world.finish().await;
    clean("the audit log", &ended.audit_text("frankfurt"), &canaries);
    let lines = log::lines(&app.app_id);
    assert!(lines.len() > 10, "the log has lines of this App");
    clean("the log", &log::text(), &canaries);
    for line in lines
        .iter()
        .filter(|line| line.contains("domicile::request"))
    {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["request_id"].as_str().unwrap().len(), 32, "{line}");
        assert!(
            line["status"].is_u64() && line["channel"].is_string(),
            "{line}"
        );
    }
    let routes: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("users/{u}/contacts*"))
        .collect();
    assert!(!routes.is_empty(), "the log has templates");
}

/// Control: the same of the binary as it runs, at its most talkative level, libraries and all.
#[tokio::test]
async fn nothing_personal_is_logged_at_debug() {
    let plan = World::plan()
        .regions(&["frankfurt"])
        .level("debug")
        .listens_on(&Process::own_ip(2));
    let mut world = World::of(plan).await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    script(&world);
    world.stop_gateways().await;
    let process = Process::serve(&world, &[]).await;
    let tokens = Tokens::of(&app, &other, system_now());
    let calls = calls(&app, None, &tokens);
    play(&calls, process.https, process.http).await;
    let metrics = process.metrics().await;
    let log = process.end().await;
    let canaries = canaries(&tokens.all());
    clean("metrics", &metrics.text, &canaries);
    assert!(log.contains(&app.app_id), "the log has lines of this App");
    clean("the log", &log, &canaries);
    let ended = world.finish().await;
    clean("the audit log", &ended.audit_text("frankfurt"), &canaries);
}

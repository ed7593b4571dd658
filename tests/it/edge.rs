//! P4: what is refused is refused from its head, and a foreign TLS name before a certificate.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::harness::{Call, Http2, Via, Wire, World, rest_name, wire};

/// RFC 8446 section 6: a fatal (2) unrecognized_name (112) in a record of its own.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 0x70];

/// A ClientHello as rustls writes it.
pub fn client_hello(name: Option<&str>) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(RootCertStore::empty());
    let mut config = config.with_no_client_auth();
    config.enable_sni = name.is_some();
    let name = ServerName::try_from(name.unwrap_or("nameless.test").to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}

/// Control: `Edge::admits`. The server's whole flight is the alert: no ServerHello, no certificate.
#[tokio::test]
async fn a_foreign_tls_name_gets_an_alert_and_no_certificate() {
    let world = World::new().await;
    let names = [
        Some("rest.beijing.test"),
        Some("beijing.localhost"),
        Some("localhost"),
        Some("test"),
        Some("x.rest.frankfurt.test"),
        None,
    ];
    let addresses = world.addresses("frankfurt");
    let listeners = [addresses.https, addresses.msync, addresses.admin];
    for listener in listeners.into_iter().flatten() {
        for name in names {
            let mut wire = Wire::plain(listener).await;
            wire.send(client_hello(name)).await;
            assert_eq!(
                wire.rest().await,
                UNRECOGNIZED_NAME,
                "{name:?} at {listener}"
            );
        }
    }
    let metrics = world.metrics("frankfurt").await;
    for plane in ["rest", "msync"] {
        let labels = [("plane", plane), ("code", "tls_name")];
        let counted = metrics.sum("domicile_refusals_total", &labels);
        assert_eq!(counted, 6.0, "{plane}");
    }
    let ended = world.finish().await;
    assert!(ended.refused("frankfurt", "tls_name", None) >= 12);
}

/// Control: the name is read from the whole ClientHello, however it is cut.
#[tokio::test]
async fn a_foreign_tls_name_in_pieces_gets_the_same() {
    let world = World::new().await;
    let hello = client_hello(Some("rest.beijing.test"));
    let mut wire = Wire::plain(world.addresses("frankfurt").https.unwrap()).await;
    for piece in hello.chunks(64) {
        wire.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(wire.rest().await, UNRECOGNIZED_NAME);
    world.finish().await;
}

/// Control: names of this region get a certificate; so does no name, where none is required.
#[tokio::test]
async fn own_names_are_served() {
    let world = World::of(World::plan().without_required_name()).await;
    let app = world.app("fra1").await;
    let https = world.addresses("frankfurt").https.unwrap();
    for name in [
        "rest.frankfurt.test",
        "ws.frankfurt.test",
        "frankfurt.localhost",
    ] {
        let mut wire = Wire::tls(https, name).await;
        // TLS name and Host are each a name of this region; they need not be the same one.
        wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test:8443"))
            .await;
        assert_eq!(wire.answer().await.status, 200, "{name}");
    }
    let nameless = wire::tls_without_name(https, "rest.frankfurt.test")
        .await
        .unwrap();
    let mut wire = Wire::over(nameless);
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert_eq!(wire.answer().await.status, 200);
    let mut wire = Wire::plain(https).await;
    wire.send(client_hello(Some("rest.beijing.test"))).await;
    assert_eq!(wire.rest().await, UNRECOGNIZED_NAME);
    world.finish().await;
}

/// Control: `classify` compares the Host with the region's names.
#[tokio::test]
async fn a_host_of_elsewhere_is_refused_on_every_way_in() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for via in Via::ALL {
        for host in [
            "rest.beijing.test",
            "localhost",
            "127.0.0.1",
            "frankfurt.test",
            "rest.frankfurt.test.evil.test",
        ] {
            let call = Call::plain_of(&app).via(via).host(host);
            let answer = world.call("frankfurt", call).await;
            assert_eq!(
                answer.verdict(),
                (421, "host_mismatch"),
                "{host} by {via:?}"
            );
        }
        for host in [
            "REST.Frankfurt.TEST",
            "ws.frankfurt.test",
            "rest.frankfurt.test:1",
        ] {
            let call = Call::plain_of(&app).via(via).host(host);
            assert_eq!(
                world.call("frankfurt", call).await.status,
                200,
                "{host} by {via:?}"
            );
        }
    }
    assert_eq!(world.forwarded(), 9);
    let ended = world.finish().await;
    assert_eq!(ended.refused("frankfurt", "host_mismatch", None), 15);
}

/// Control: `Host` must be there, once, and nothing but a host and a port.
#[tokio::test]
async fn a_host_that_is_missing_or_twice_is_malformed() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let (path, token) = (app.path("users"), app.app_token());
    for hosts in [
        "",
        "Host: rest.frankfurt.test\r\nHost: rest.frankfurt.test\r\n",
        "Host: rest.frankfurt.test\r\nHost: rest.beijing.test\r\n",
        "Host: user@rest.frankfurt.test\r\n",
        "Host: rest.frankfurt.test:x\r\n",
        "Host: rest.frankfurt.test, rest.beijing.test\r\n",
        "Host:\r\n",
    ] {
        let mut wire = world.wire("frankfurt").await;
        wire.send(format!(
            "GET {path} HTTP/1.1\r\n{hosts}Authorization: Bearer {token}\r\n\r\n"
        ))
        .await;
        assert_eq!(wire.answer().await.status, 400, "{hosts:?}");
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: absolute targets for other hosts, and CONNECT, make no forward proxy.
#[tokio::test]
async fn it_is_no_forward_proxy() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let (path, token) = (app.path("users"), app.app_token());
    for (target, method, verdict) in [
        (
            format!("http://evil.test{path}"),
            "GET",
            (400, "not_a_forward_proxy"),
        ),
        (
            format!("http://rest.beijing.test{path}"),
            "GET",
            (400, "not_a_forward_proxy"),
        ),
        (
            "evil.test:443".to_owned(),
            "CONNECT",
            (400, "not_a_forward_proxy"),
        ),
        (
            "rest.frankfurt.test:443".to_owned(),
            "CONNECT",
            (400, "not_a_forward_proxy"),
        ),
        (
            format!("https://rest.frankfurt.test{path}"),
            "GET",
            (200, "-"),
        ),
    ] {
        let mut wire = world.wire("frankfurt").await;
        let head = format!("{method} {target} HTTP/1.1\r\nHost: rest.frankfurt.test\r\n");
        wire.send(format!("{head}Authorization: Bearer {token}\r\n\r\n"))
            .await;
        assert_eq!(wire.answer().await.verdict(), verdict, "{method} {target}");
    }
    // What reaches the data centre is in origin form.
    assert_eq!(world.centre("fra1").only().target(), path);
    world.finish().await;
}

/// Requests with a body that are refused from their heads, by their codes.
async fn refused_heads(world: &World) -> Vec<(Call, &'static str)> {
    let (home, foreign) = (world.app("fra1").await, world.app("bj1").await);
    let token = home.app_token();
    let post = |path: &str| Call::post(path).token(&token);
    vec![
        (post(&foreign.path("messages/users")), "app_lives_elsewhere"),
        (post("/acme/nobody/messages/users"), "app_unknown"),
        (post("/management/x/messages"), "app_missing"),
        (post(&home.path("messages//users")), "bad_request"),
        (
            post(&home.path("messages")).host("rest.beijing.test"),
            "host_mismatch",
        ),
        (
            post(&home.path("messages")).header("x-app-id", &foreign.app_id),
            "app_mismatch",
        ),
        (Call::post(&home.path("messages")), "token_missing"),
        (
            Call::post(&home.path("messages")).token(&home.user_token("u1")),
            "token_privilege",
        ),
    ]
}

/// Control: `Framing::has_body` closes the connection, `Watched` discards what still comes. The
/// answer is there before the body is, and no byte of it goes anywhere.
#[tokio::test]
async fn a_refused_body_is_not_waited_for() {
    let world = World::new().await;
    for (call, code) in refused_heads(&world).await {
        for framing in ["Content-Length: 10000000", "Transfer-Encoding: chunked"] {
            let mut wire = world.wire("frankfurt").await;
            let head = String::from_utf8(call.bytes("rest.frankfurt.test")).unwrap();
            let head = head.trim_end_matches("\r\n");
            wire.send(format!("{head}\r\n{framing}\r\n\r\n")).await;
            let answer = wire.answer().await;
            assert_eq!(answer.code(), code);
            assert_eq!(answer.header("connection"), Some("close"), "{code}");
            wire.ends().await;
        }
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: the lingering close. A client in the middle of its upload can read why it is refused.
#[tokio::test]
async fn the_answer_is_readable_in_the_middle_of_an_upload() {
    let world = World::new().await;
    let app = world.app("bj1").await;
    let path = app.path("chatfiles");
    for via in [Via::Http1, Via::Plain] {
        for size in [1_000, 100_000, 250_000] {
            let mut wire = match via {
                Via::Plain => world.plain_wire("frankfurt").await,
                _ => world.wire("frankfurt").await,
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nContent-Length: 10000000\r\n\r\n"
            );
            wire.send(head).await;
            wire.send(vec![b'x'; size]).await;
            let answer = wire.answer().await;
            assert_eq!(
                answer.code(),
                "app_lives_elsewhere",
                "{size} bytes by {via:?}"
            );
        }
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: the lingering close is bounded, in bytes and in time.
#[tokio::test]
async fn a_refused_upload_is_cut_off() {
    let world = World::new().await;
    let app = world.app("bj1").await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nContent-Length: 1000000000\r\n\r\n",
        app.path("chatfiles")
    );
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(&head).await;
    let mut sent = 0_usize;
    while wire.try_send(vec![b'x'; 64 * 1024]).await.is_ok() {
        sent += 64 * 1024;
        // Beyond 256 KiB there are the two machines' socket buffers, and no more.
        assert!(sent < 64 * 1024 * 1024, "the upload is taken for ever");
    }
    // Whoever says nothing more is left too.
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(&head).await;
    assert_eq!(wire.answer().await.code(), "app_lives_elsewhere");
    wire.ends().await;
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: a refused request's body is never read as the next request.
#[tokio::test]
async fn a_refused_body_is_never_taken_for_a_request() {
    let world = World::new().await;
    let home = world.app("fra1").await;
    let smuggled = Call::plain_of(&home).bytes("rest.frankfurt.test");
    for (call, code) in refused_heads(&world).await {
        let length = smuggled.len();
        let chunked = [
            format!("{length:x}\r\n").as_bytes(),
            &smuggled,
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        for (framing, body) in [
            (format!("Content-Length: {length}"), smuggled.clone()),
            ("Transfer-Encoding: chunked".to_owned(), chunked),
        ] {
            let mut wire = world.wire("frankfurt").await;
            let head = String::from_utf8(call.bytes("rest.frankfurt.test")).unwrap();
            let head = format!("{}\r\n{framing}\r\n\r\n", head.trim_end_matches("\r\n"));
            // The same bytes again behind it, as a pipelined request.
            wire.send([head.as_bytes(), &body, &smuggled].concat())
                .await;
            assert_eq!(wire.answer().await.code(), code);
            wire.ends().await;
        }
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: over HTTP/2 a refused stream ends alone; its body goes nowhere.
#[tokio::test]
async fn a_refused_stream_leaves_the_connection_alone() {
    let world = World::new().await;
    let (home, foreign) = (world.app("fra1").await, world.app("bj1").await);
    let name = rest_name("frankfurt");
    let mut client = Http2::connect(world.addresses("frankfurt").https.unwrap(), &name).await;
    for _ in 0..3 {
        let upload = Call::post(&foreign.path("chatfiles")).body(vec![b'x'; 500_000]);
        let answer = client.call(&upload, &name).await;
        assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
        assert_eq!(client.call(&Call::plain_of(&home), &name).await.status, 200);
    }
    assert_eq!(world.forwarded(), 3);
    world.finish().await;
}

//! Too large, too many, too slow (SPEC 11).

use crate::harness::{Call, Via, World, eventually, in_time};

/// Control: `limits.headers` and `limits.head`. hyper may answer by itself; it is counted all the same.
#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let many = |n: usize| {
        (0..n).fold(Call::plain_of(&app), |c, i| {
            c.header(&format!("x-{i}"), "y")
        })
    };
    // Host and Authorization are two more.
    assert_eq!(world.call("frankfurt", many(98)).await.status, 200);
    for (call, what) in [
        (many(99), "101 fields"),
        (many(5000), "5,000 fields"),
        (
            Call::plain_of(&app).header("x-large", &"y".repeat(33 * 1024)),
            "33 KiB",
        ),
    ] {
        for via in [Via::Http1, Via::Plain] {
            let mut wire = match via {
                Via::Plain => world.plain_wire("frankfurt").await,
                _ => world.wire("frankfurt").await,
            };
            let _ = wire.try_send(call.bytes("rest.frankfurt.test")).await;
            let answer = wire.answer().await;
            assert_eq!(answer.status, 431, "{what} by {via:?}");
        }
    }
    let answer = world.call("frankfurt", many(120).via(Via::Http2)).await;
    assert_eq!(answer.status, 431);
    assert_eq!(world.forwarded(), 1);
    let counted = world
        .metrics("frankfurt")
        .await
        .refusals("headers_too_large");
    assert_eq!(counted, 7.0);
    world.finish().await;
}

/// Control: an announced size is refused before a byte is asked for.
#[tokio::test]
async fn a_body_that_says_it_is_too_large_goes_nowhere() {
    let world = World::of(World::plan().limit("body", "10KiB").limit("file", "20KiB")).await;
    let app = world.app("fra1").await;
    for (route, size, status) in [
        ("messages", 10 * 1024, 200),
        ("messages", 10 * 1024 + 1, 413),
        ("chatfiles", 10 * 1024 + 1, 200),
        ("chatfiles", 20 * 1024, 200),
        ("chatfiles", 20 * 1024 + 1, 413),
    ] {
        for via in Via::ALL {
            let call = Call::post(&app.path(route))
                .token(&app.app_token())
                .body(vec![b'x'; size]);
            // Over HTTP/2 the client here announces no length of its own.
            let call = if via == Via::Http2 {
                call.header("content-length", &size.to_string())
            } else {
                call
            };
            let before = world.forwarded();
            let answer = world.call("frankfurt", call.via(via)).await;
            assert_eq!(answer.status, status, "{route} {size} by {via:?}");
            if status == 413 {
                assert_eq!(answer.code(), "too_large");
                assert_eq!(world.forwarded(), before);
            }
        }
    }
    world.finish().await;
}

/// Control: a streamed body is counted. The data centre never sees it whole.
#[tokio::test]
async fn a_streamed_body_is_cut_at_the_limit() {
    let world = World::of(World::plan().limit("body", "10KiB")).await;
    let app = world.app("fra1").await;
    let (path, token) = (app.path("messages"), app.app_token());
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(format!(
        "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))
    .await;
    for _ in 0..11 {
        let _ = wire
            .try_send(format!("400\r\n{}\r\n", "x".repeat(1024)))
            .await;
    }
    assert_eq!(wire.answer().await.verdict(), (413, "too_large"));
    wire.ends().await;
    let centre = world.centre("fra1");
    eventually("the data centre's connection to end", || {
        centre.recording().open <= 1
    })
    .await;
    // Cut before its head was sent on, or in the middle: never more than the limit, never whole.
    let requests = centre.requests();
    assert!(requests.len() <= 1, "{requests:#?}");
    for seen in requests {
        let size = seen.body.len();
        assert!(!seen.complete && size <= 10 * 1024, "{size} bytes");
    }
    world.finish().await;
}

/// Control: `limits.head_time`.
#[tokio::test]
async fn a_slow_head_is_answered_408() {
    let world = World::of(World::plan().limit("head_time", "200ms")).await;
    for sent in ["G", "GET /x HTTP/1.1\r\nHost: rest.frank"] {
        for via in [Via::Http1, Via::Plain] {
            let mut wire = match via {
                Via::Plain => world.plain_wire("frankfurt").await,
                _ => world.wire("frankfurt").await,
            };
            wire.send(sent).await;
            let answer = wire.answer().await;
            assert_eq!(answer.verdict(), (408, "too_slow"), "{sent:?} by {via:?}");
            assert!(answer.header("retry-after").is_some());
            wire.ends().await;
        }
    }
    // Who says nothing is just left.
    let mut wire = world.plain_wire("frankfurt").await;
    wire.ends().await;
    assert_eq!(world.metrics("frankfurt").await.refusals("too_slow"), 4.0);
    world.finish().await;
}

/// Control: a head that comes byte by byte has no more time than another.
#[tokio::test]
async fn a_trickling_head_gains_no_time() {
    let world = World::of(World::plan().limit("head_time", "300ms")).await;
    let mut wire = world.plain_wire("frankfurt").await;
    let trickle = async {
        for byte in "GET /".bytes().chain(std::iter::repeat(b'x')) {
            if wire.try_send([byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    in_time("the gateway to lose patience", trickle).await;
    world.finish().await;
}

/// Control: `limits.body_idle` on the way in.
#[tokio::test]
async fn a_body_that_stops_is_answered_408() {
    let world = World::of(World::plan().limit("body_idle", "200ms")).await;
    let app = world.app("fra1").await;
    let (path, token) = (app.path("messages"), app.app_token());
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(format!(
        "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\nonly this"
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!(answer.verdict(), (408, "too_slow"));
    assert_eq!(answer.header("connection"), Some("close"));
    wire.ends().await;
    assert!(!world.centre("fra1").only().complete);
    world.finish().await;
}

/// Control: `limits.tls_handshake`.
#[tokio::test]
async fn a_slow_handshake_is_given_up() {
    let world = World::of(World::plan().limit("tls_handshake", "200ms")).await;
    let mut wire = crate::harness::Wire::plain(world.addresses("frankfurt").https.unwrap()).await;
    wire.send([0x16, 3, 1]).await;
    wire.ends().await;
    world.finish().await;
}

/// Control: `limits.keep_alive`. The time runs from the last answer's end, whether or not the
/// connection was ever waited on before.
#[tokio::test]
async fn an_idle_connection_is_closed() {
    let world = World::of(World::plan().limit("keep_alive", "200ms")).await;
    let app = world.app("fra1").await;
    let home = Call::plain_of(&app);
    let refused = Call::get(&app.path("users"));
    for call in [home, refused] {
        // Among many, some requests are there before the gateway looks for the first time.
        let mut wires = vec![world.wire("frankfurt").await];
        for _ in 0..40 {
            wires.push(world.plain_wire("frankfurt").await);
            let wire = wires.last_mut().unwrap();
            wire.send(call.bytes("rest.frankfurt.test")).await;
        }
        wires[0].send(call.bytes("rest.frankfurt.test")).await;
        for wire in &mut wires {
            assert!(wire.answer().await.status > 0);
        }
        for wire in &mut wires {
            wire.ends().await;
        }
        let name = crate::harness::rest_name("frankfurt");
        let https = world.addresses("frankfurt").https.unwrap();
        let mut client = crate::harness::Http2::connect(https, &name).await;
        assert!(client.call(&call, &name).await.status > 0);
        eventually("the HTTP/2 connection to end", || client.is_closed()).await;
    }
    world.finish().await;
}

/// Control: `limits.connections_per_address`.
#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let world = World::of(World::plan().limit("connections_per_address", "3")).await;
    let app = world.app("fra1").await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = world.plain_wire("frankfurt").await;
        wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
            .await;
        assert_eq!(wire.answer().await.status, 200);
        held.push(wire);
    }
    let mut wire = world.plain_wire("frankfurt").await;
    let _ = wire
        .try_send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert!(wire.try_answer().await.is_none());
    held.pop();
    in_time("a free place", async {
        loop {
            let mut wire = world.plain_wire("frankfurt").await;
            let _ = wire
                .try_send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
                .await;
            if wire
                .try_answer()
                .await
                .is_some_and(|answer| answer.status == 200)
            {
                break;
            }
        }
    })
    .await;
    world.finish().await;
}

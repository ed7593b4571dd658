//! The end of a gateway: what is in flight ends, what is new is told so.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::harness::{Call, Http2, Reply, Said, Wire, World, eventually, in_time};

/// Control: `Shared::is_draining` for what is new; nothing is done to what is under way.
#[tokio::test]
async fn what_is_in_flight_finishes_and_what_is_new_is_refused() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let gate = Arc::new(Semaphore::new(0));
    world
        .centre("fra1")
        .answers(Said::ok("at last").gated(&gate));
    let call = Call::plain_of(&app).bytes("rest.frankfurt.test");
    let mut early = world.wire("frankfurt").await;
    early.send(&call).await;
    world.centre("fra1").has_seen(1).await;
    let mut idle = world.plain_wire("frankfurt").await;
    world.gateway("frankfurt").shared().drain();
    for wire in [&mut idle, &mut world.plain_wire("frankfurt").await] {
        wire.send(&call).await;
        let answer = wire.answer().await;
        assert_eq!(answer.verdict(), (503, "draining"));
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.header("connection"), Some("close"));
        wire.ends().await;
    }
    let readiness = ready(&world).await;
    assert_eq!(readiness.0, 503);
    assert_eq!(readiness.1["status"], "unready");
    gate.add_permits(1);
    assert_eq!(early.answer().await.text(), "at last");
    world.finish().await;
}

/// Controls: `Departure::leave`, as each answer of HTTP/1.1 and each connection of HTTP/2 has it.
#[tokio::test]
async fn a_gateway_that_is_leaving_serves_and_parts_with_its_clients() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let call = Call::plain_of(&app);
    let host = "rest.frankfurt.test";
    let mut idle = world.plain_wire("frankfurt").await;
    let mut http2 = Http2::connect(world.addresses("frankfurt").https.unwrap(), host).await;
    assert_eq!(http2.call(&call, host).await.status, 200);
    world.gateway("frankfurt").shared().leave();
    assert_eq!(ready(&world).await.0, 503);
    for wire in [&mut idle, &mut world.plain_wire("frankfurt").await] {
        wire.send(call.bytes(host)).await;
        let answer = wire.answer().await;
        assert_eq!(answer.verdict(), (200, "-"));
        assert_eq!(answer.header("connection"), Some("close"));
        wire.ends().await;
    }
    let mut later = Http2::connect(world.addresses("frankfurt").https.unwrap(), host).await;
    for http2 in [&mut http2, &mut later] {
        assert_eq!(http2.call(&call, host).await.status, 200);
        eventually("the connection to end", || http2.is_closed()).await;
    }
    world.finish().await;
}

/// Control: `Closing::leave`. A connection of HTTP/2 is told while whatever it sends is still served.
#[tokio::test]
async fn connections_of_http2_hear_of_the_end_before_it_comes() {
    let mut world = World::of(World::plan().limit("drain_grace", "5s")).await;
    let app = world.app("fra1").await;
    let (https, host) = (world.addresses("frankfurt").https, "rest.frankfurt.test");
    let mut http2 = Http2::connect(https.unwrap(), host).await;
    let answer = http2.call(&Call::plain_of(&app), host).await;
    assert_eq!(answer.status, 200);
    let shared = Arc::clone(&world.gateway("frankfurt").shared());
    let ended = world.begin_shutdown();
    eventually("the connection to end", || http2.is_closed()).await;
    assert!(!shared.is_draining(), "it ended with everything else");
    in_time("the end", ended).await.unwrap();
    world.finish().await;
}

async fn ready(world: &World) -> (u16, serde_json::Value) {
    let mut ops = Wire::plain(world.addresses("frankfurt").ops.unwrap()).await;
    ops.send("GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")
        .await;
    let answer = ops.answer().await;
    (answer.status, answer.json())
}

/// Control: `App::shutdown` waits for what is in flight, then nobody listens any more.
#[tokio::test]
async fn shutting_down_waits_for_what_is_in_flight() {
    let mut world = World::of(World::plan().limit("drain", "60s")).await;
    let app = world.app("fra1").await;
    assert_eq!(ready(&world).await.0, 200);
    let gate = Arc::new(Semaphore::new(0));
    let (said, pieces) = Said::new(200).trickle();
    world.centre("fra1").answers(said.gated(&gate));
    let mut wire = world.wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    world.centre("fra1").has_seen(1).await;
    let plain = world.addresses("frankfurt").http.unwrap();
    let ended = world.begin_shutdown();
    in_time("the listener to close", async {
        #[expect(clippy::disallowed_methods, reason = "the test is the client")]
        while tokio::net::TcpStream::connect(plain).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!ended.is_finished());
    gate.add_permits(1);
    pieces.send(b"still ".to_vec()).unwrap();
    assert_eq!(wire.head().await.word(1), "200");
    assert!(!ended.is_finished());
    pieces.send(b"here".to_vec()).unwrap();
    drop(pieces);
    let rest = wire.rest().await;
    assert!(
        rest.ends_with(b"0\r\n\r\n"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
    in_time("the end", ended).await.unwrap();
    world.finish().await;
}

/// Control: `limits.drain` bounds the wait.
#[tokio::test]
async fn shutting_down_does_not_wait_for_ever() {
    let mut world = World::of(World::plan().limit("drain", "100ms")).await;
    let app = world.app("fra1").await;
    world.centre("fra1").answers(Reply::Hang);
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    world.centre("fra1").has_seen(1).await;
    in_time("the end", world.begin_shutdown()).await.unwrap();
    assert!(wire.try_answer().await.is_none());
    eventually("the data centre's connections to close", || {
        world.centre("fra1").recording().open == 0
    })
    .await;
    world.finish().await;
}

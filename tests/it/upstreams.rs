//! Retries, health and time-outs of upstreams: only what was surely not sent is sent again, and
//! only in its own zone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::harness::{Call, Reply, Said, World, in_time};

/// Control: `Try::Unsent` is tried once more. The data centre closes each connection after its
/// answer, so the gateway keeps finding closed ones in its pool.
#[tokio::test]
async fn a_pooled_connection_that_was_closed_costs_nobody_an_answer() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    centre.answers(Said::ok("here").closing());
    let mut wire = world.plain_wire("frankfurt").await;
    for n in 1..=50 {
        wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
            .await;
        assert_eq!(wire.answer().await.verdict(), (200, "-"), "call {n}");
        assert_eq!(centre.requests().len(), n, "each is seen once");
    }
    world.finish().await;
}

/// Control: a request of which something was sent is never sent again, body or not.
#[tokio::test]
async fn what_was_sent_is_never_sent_again() {
    let world = World::of(World::plan().centres("fra1", 2)).await;
    let app = world.app("fra1").await;
    for centre in world.centres_of("fra1") {
        centre.answers(Reply::CutAfterBody);
    }
    for (n, call) in [
        Call::plain_of(&app),
        Call::post(&app.path("messages"))
            .token(&app.app_token())
            .body("x"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world.call("frankfurt", call).await;
        assert_eq!(answer.verdict(), (502, "upstream_protocol"));
        assert_eq!(world.forwarded(), n + 1, "seen exactly once");
    }
    world.finish().await;
}

/// Control: on a pooled connection the same: read and then cut is not sent again.
#[tokio::test]
async fn a_pooled_connection_that_is_cut_is_no_second_chance() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert_eq!(wire.answer().await.status, 200);
    centre.answers(Reply::CutAfterBody);
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert_eq!(wire.answer().await.verdict(), (502, "upstream_protocol"));
    let seen = centre.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0].connection, seen[1].connection,
        "it was the pooled one"
    );
    world.finish().await;
}

/// Control: connections are reused, and kept apart by zone and channel.
#[tokio::test]
async fn connections_are_reused_within_a_channel_only() {
    let world = World::new().await;
    let app = world.app("bj1").await;
    let other = world.app("vip6").await;
    let mut wire = world.plain_wire("beijing").await;
    for _ in 0..3 {
        for route in [
            "messages/users",
            "messages/chatgroups",
            "messages/chatrooms",
            "messages",
        ] {
            for app in [&app, &other] {
                let call = Call::get(&app.path(route)).token(&app.app_token());
                wire.send(call.bytes("rest.beijing.test")).await;
                assert_eq!(wire.answer().await.status, 200);
            }
        }
    }
    for zone in ["bj1", "vip6"] {
        let seen = world.centre(zone).requests();
        for route in seen.chunks(4).next().unwrap() {
            let channel = route.header("domicile-channel");
            let same: Vec<_> = seen
                .iter()
                .filter(|s| s.header("domicile-channel") == channel)
                .collect();
            assert!(
                same.iter().all(|s| s.connection == route.connection),
                "{channel:?} reuses"
            );
            let others = seen
                .iter()
                .filter(|s| s.header("domicile-channel") != channel);
            assert!(
                others.into_iter().all(|s| s.connection != route.connection),
                "{channel:?} alone"
            );
        }
    }
    world.finish().await;
}

/// Control: an upstream that refuses connections is left out; the other one of the same zone serves.
#[tokio::test]
async fn one_of_two_upstreams_is_enough() {
    let world = World::of(World::plan().centres("fra1", 2).rest_only()).await;
    let app = world.app("fra1").await;
    world.centres_of("fra1")[0].stop().await;
    for n in 0..20 {
        let answer = world.call("frankfurt", Call::plain_of(&app)).await;
        assert_eq!(answer.status, 200, "call {n}");
    }
    let metrics = world.metrics("frankfurt").await;
    let zone = [("zone", "fra1")];
    assert!(metrics.sum("domicile_upstream_healthy", &zone) <= 2.0);
    world.finish().await;
}

/// Control: five failures eject. What is ejected sees nothing more; after a while it is used again.
#[tokio::test]
async fn five_failures_eject_for_a_while() {
    let world = World::of(World::plan().rest_only()).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    centre.answers(Reply::CutAfterBody);
    for _ in 0..5 {
        let answer = world.call("frankfurt", Call::plain_of(&app)).await;
        assert_eq!(answer.verdict(), (502, "upstream_protocol"));
    }
    centre.answers(Said::ok("well again"));
    let answer = world.call("frankfurt", Call::plain_of(&app)).await;
    assert_eq!(answer.verdict(), (503, "home_unavailable"));
    assert_eq!(centre.requests().len(), 5);
    let healthy = world
        .metrics("frankfurt")
        .await
        .sum("domicile_upstream_healthy", &[]);
    assert_eq!(healthy, 0.0);
    in_time("the ejection to end", async {
        while world.call("frankfurt", Call::plain_of(&app)).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    world.finish().await;
}

/// Control: `limits.first_byte`.
#[tokio::test]
async fn a_data_centre_that_says_nothing_is_given_up() {
    let world = World::of(World::plan().limit("first_byte", "200ms")).await;
    let app = world.app("fra1").await;
    for reply in [Reply::Hang, Reply::Deaf] {
        world.centre("fra1").answers(reply.clone());
        for call in [
            Call::plain_of(&app),
            Call::post(&app.path("messages"))
                .token(&app.app_token())
                .body("x"),
        ] {
            let answer = world.call("frankfurt", call).await;
            assert_eq!(answer.verdict(), (504, "upstream_timeout"), "{reply:?}");
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert_eq!(
        world.forwarded(),
        4,
        "a time-out is no reason to send again"
    );
    world.finish().await;
}

/// Control: `limits.body_idle` on the way back: a body that stops is cut, never ended.
#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_cut() {
    let world = World::of(World::plan().limit("body_idle", "200ms")).await;
    let app = world.app("fra1").await;
    let (said, pieces) = Said::new(200).trickle();
    world.centre("fra1").answers(said);
    pieces.send(b"only this".to_vec()).unwrap();
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert!(wire.try_answer().await.is_none());
    drop(pieces);
    world.finish().await;
}

/// Control: a client that leaves frees its place and the data centre's connection.
#[tokio::test]
async fn a_client_that_leaves_frees_its_place() {
    let world = World::of(World::plan().limit("in_flight_per_channel", "1")).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let never = Arc::new(Semaphore::new(0));
    centre.answers(Said::ok("late").gated(&never));
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    centre.has_seen(1).await;
    assert_eq!(
        world
            .call("frankfurt", Call::plain_of(&app))
            .await
            .verdict(),
        (503, "channel_full")
    );
    drop(wire);
    centre.answers(Said::ok("at once"));
    in_time("the place", async {
        while world.call("frankfurt", Call::plain_of(&app)).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    world.finish().await;
}

/// Control: a data centre that answers before it has taken the whole body does not confuse anybody.
#[tokio::test]
async fn an_early_answer_is_passed_on() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    world
        .centre("fra1")
        .answers(Reply::Early(Said::new(403).body("no")));
    let call = Call::post(&app.path("chatfiles"))
        .token(&app.app_token())
        .body(vec![b'x'; 3_000_000]);
    let answer = world.call("frankfurt", call).await;
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
    world.centre("fra1").answers(Said::ok("next"));
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.text(),
        "next"
    );
    world.finish().await;
}

/// Control: bytes behind an answer never become the next one's.
#[tokio::test]
async fn bytes_behind_an_answer_go_to_nobody() {
    let world = World::new().await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let centre = world.centre("fra1");
    let extra = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    centre.answers(Reply::HalfClose(extra.to_vec()));
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.text(),
        "ok"
    );
    centre.answers(Said::ok("real"));
    for _ in 0..3 {
        assert_eq!(
            world.call("frankfurt", Call::plain_of(&other)).await.text(),
            "real"
        );
    }
    world.finish().await;
}

/// Control: the checks of `crates/http1`. What two readers could take for two things is nobody's answer.
#[tokio::test]
async fn an_answer_that_can_be_read_in_two_ways_is_withheld() {
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: 2\r\nContent-Length: 5",
        "Content-Length: 2, 5",
        "Content-Length: +2",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Content-Length: 2\r\nX: 1\r\n folded",
        "Content-Length: 2\r\nX : 1",
        "Content-Length: 2\nX: 1",
    ] {
        // Five failures would eject the data centre of one world.
        let world = World::new().await;
        let app = world.app("fra1").await;
        let wire = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        world.centre("fra1").answers(Reply::Raw(wire.into_bytes()));
        let answer = world.call("frankfurt", Call::plain_of(&app)).await;
        assert_eq!(answer.verdict(), (502, "upstream_protocol"), "{fields}");
        world.finish().await;
    }
}

/// Control: `Lease::send_on`. A data centre that answers early may still want all of the body.
#[tokio::test]
async fn the_rest_of_an_upload_goes_on_behind_an_early_answer() {
    const SIZE: usize = 600_000;
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    centre.answers(Reply::Early(Said::new(200).body("early")));
    let mut wire = world.plain_wire("frankfurt").await;
    let (path, token) = (app.path("chatfiles"), app.app_token());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\nContent-Length: {SIZE}\r\n\r\n"
    );
    let body: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(SIZE).collect();
    wire.send(head).await;
    wire.send(&body[..SIZE / 2]).await;
    assert_eq!(wire.answer().await.text(), "early");
    wire.send(&body[SIZE / 2..]).await;
    in_time("the whole body", async {
        while centre
            .requests()
            .first()
            .is_none_or(|seen| seen.body.len() < SIZE)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(centre.only().body == body, "byte for byte");
    world.finish().await;
}

/// Control: the place of `serve::connection::unread`. A connection is not idle, nor is the rest of a body a slow head,
/// while an upload goes on behind its answer.
#[tokio::test]
async fn the_rest_of_an_upload_has_its_own_time() {
    const PIECES: u64 = 40;
    let plan = World::plan()
        .limit("head_time", "1s")
        .limit("keep_alive", "1s");
    let world = World::of(plan).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    centre.answers(Reply::Early(Said::new(200).body("early")));
    let (path, token) = (app.path("chatfiles"), app.app_token());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(head).await;
    assert_eq!(wire.answer().await.text(), "early");
    // Three times as long as a head, and idling, may take.
    for piece in 0..PIECES {
        wire.send(format!("8\r\n{piece:08}\r\n")).await;
        tokio::time::sleep(Duration::from_millis(75)).await;
    }
    wire.send("0\r\n\r\n").await;
    in_time("the whole body", async {
        while centre.requests().first().is_none_or(|seen| !seen.complete) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let sent: String = (0..PIECES).map(|piece| format!("{piece:08}")).collect();
    assert_eq!(String::from_utf8_lossy(&centre.only().body), sent);
    // Its time begins then.
    wire.ends().await;
    assert_eq!(world.metrics("frankfurt").await.refusals("too_slow"), 0.0);
    world.finish().await;
}

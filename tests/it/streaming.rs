//! Bodies stream in both directions; nothing is kept whole (SPEC 6.6).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;

use crate::harness::head::find;
use crate::harness::{Call, Reply, Said, Via, Wire, World, eventually, in_time, rest_name, wire};

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// Control: the request's body goes on as it comes; its end is not waited for.
#[tokio::test]
async fn an_upload_arrives_piece_by_piece() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let (path, token) = (app.path("chatfiles"), app.app_token());
    for framing in ["Transfer-Encoding: chunked", "Content-Length: 15"] {
        let chunked = framing.starts_with('T');
        let before = centre.requests().len();
        let mut wire = world.wire("frankfurt").await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\n"
        );
        wire.send(format!("{head}{framing}\r\n\r\n")).await;
        for (n, piece) in ["first", "secnd", "third"].into_iter().enumerate() {
            let data = if chunked {
                chunk(piece)
            } else {
                piece.to_owned()
            };
            wire.send(data).await;
            let wanted = 5 * (n + 1);
            eventually("the piece to arrive", || {
                centre
                    .requests()
                    .get(before)
                    .is_some_and(|seen| seen.body.len() == wanted)
            })
            .await;
        }
        if chunked {
            assert!(!centre.requests()[before].complete);
            wire.send("0\r\n\r\n").await;
        }
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200);
        if chunked {
            assert_eq!(answer.header("connection"), Some("close"));
        }
        assert_eq!(centre.requests()[before].body, b"firstsecndthird");
    }
    world.finish().await;
}

/// Control: the answer's body goes on as it comes.
#[tokio::test]
async fn an_answer_arrives_piece_by_piece() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let (said, pieces) = Said::new(200).trickle();
    world.centre("fra1").answers(said);
    let mut wire = world.wire("frankfurt").await;
    wire.send(Call::plain_of(&app).bytes("rest.frankfurt.test"))
        .await;
    assert_eq!(wire.head().await.word(1), "200");
    let mut came = Vec::new();
    for piece in ["first", "second", "third"] {
        pieces.send(piece.into()).unwrap();
        while find(&came, piece.as_bytes()).is_none() {
            let more = wire.some().await;
            assert!(!more.is_empty(), "the answer ended before {piece}");
            came.extend(more);
        }
    }
    drop(pieces);
    while !came.ends_with(b"0\r\n\r\n") {
        came.extend(wire.some().await);
    }
    world.finish().await;
}

/// Control: what was gathered for a client that is gone goes to no other client.
#[tokio::test]
async fn what_a_client_did_not_take_is_nobody_elses() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let address = world.addresses("frankfurt").http.unwrap();
    let asked = Call::plain_of(&app).bytes("rest.frankfurt.test");
    let (said, pieces) = Said::new(200).trickle();
    centre.answers(said);
    let mut gone = wire::tcp(address).await;
    gone.write_all(&asked).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    (0..64).for_each(|_| pieces.send(piece.clone()).unwrap());
    // It leaves when no more of its answer goes out, in the midst of a chunk.
    let gone = gone.into_std().unwrap();
    let (mut unread, mut before, mut same) = (vec![0; 16 << 20], 0, 0);
    eventually("nobody to take more", || {
        let now = gone.peek(&mut unread).unwrap_or_default();
        same = if now > 0 && now == before {
            same + 1
        } else {
            0
        };
        before = now;
        same > 50
    })
    .await;
    drop(gone);
    eventually("the data centre to be left", || {
        pieces.send(piece.clone()).is_err()
    })
    .await;
    centre.answers(Said::ok("another's"));
    let mut next = Wire::plain(address).await;
    next.send(&asked).await;
    let answer = next.answer().await;
    assert_eq!((answer.status, &*answer.text()), (200, "another's"));
    world.finish().await;
}

/// Control: over HTTP/2 both bodies stream at once.
#[tokio::test]
async fn http2_streams_both_ways() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let (said, pieces) = Said::new(200).trickle();
    world.centre("fra1").answers(Reply::Early(said));
    let name = rest_name("frankfurt");
    let https = world.addresses("frankfurt").https.unwrap();
    let stream = TokioIo::new(wire::tls(https, &name, true).await.unwrap());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
    tokio::spawn(connection);
    let (upload, frames) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let body = futures_util::stream::unfold(frames, |mut frames| async move {
        let piece = frames.recv().await?;
        let frame = http_body::Frame::data(Bytes::from_static(piece.as_bytes()));
        Some((Ok::<_, std::io::Error>(frame), frames))
    });
    let request = http::Request::post(format!("https://{name}{}", app.path("chatfiles")))
        .header("authorization", format!("Bearer {}", app.app_token()))
        .body(StreamBody::new(Box::pin(body)))
        .unwrap();
    upload.send("up-1").unwrap();
    let response = in_time("the head", client.send_request(request))
        .await
        .unwrap();
    let mut answer = response.into_body();
    for (up, down) in [("up-2", "down-1"), ("up-3", "down-2")] {
        pieces.send(down.into()).unwrap();
        let frame = in_time("a piece", answer.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), down);
        upload.send(up).unwrap();
        let centre = world.centre("fra1");
        eventually("the upload", || centre.only().body.ends_with(up.as_bytes())).await;
    }
    drop((upload, pieces));
    while let Some(frame) = in_time("the end", answer.frame()).await {
        assert!(frame.unwrap().into_data().unwrap().is_empty());
    }
    eventually("the whole upload", || world.centre("fra1").only().complete).await;
    assert_eq!(world.centre("fra1").only().body, b"up-1up-2up-3");
    world.finish().await;
}

/// Control: `100 Continue` is said only once the call is admitted (SPEC 6.6).
#[tokio::test]
async fn a_body_is_asked_for_only_after_admission() {
    let world = World::new().await;
    let (home, foreign) = (world.app("fra1").await, world.app("bj1").await);
    let ask = |path: String, token: String| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\n\
             Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
    };
    let mut wire = world.wire("frankfurt").await;
    wire.send(ask(home.path("messages"), home.app_token()))
        .await;
    assert_eq!(wire.head().await.word(1), "100");
    wire.send("hello").await;
    assert_eq!(wire.answer().await.status, 200);
    let seen = world.centre("fra1").only();
    assert_eq!(
        (seen.body.as_slice(), seen.header("expect")),
        (&b"hello"[..], None)
    );
    for (path, token, code) in [
        (
            foreign.path("messages"),
            foreign.app_token(),
            "app_lives_elsewhere",
        ),
        (home.path("messages"), home.forged_token(), "token_invalid"),
        (
            home.path("messages"),
            home.user_token("u1"),
            "token_privilege",
        ),
    ] {
        let mut wire = world.wire("frankfurt").await;
        wire.send(ask(path, token)).await;
        let head = wire.head().await;
        assert_ne!(head.word(1), "100", "{code}");
        assert_eq!(head.header("domicile-code"), Some(code));
    }
    world.finish().await;
}

/// Control: a client that leaves in the middle of an upload leaves an incomplete request behind,
/// and the data centre's connection is not used again.
#[tokio::test]
async fn an_upload_that_breaks_off_never_looks_whole() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let (path, token) = (app.path("chatfiles"), app.app_token());
    for framing in ["Transfer-Encoding: chunked", "Content-Length: 100"] {
        let before = centre.requests().len();
        let mut wire = world.plain_wire("frankfurt").await;
        let data = if framing.starts_with('T') {
            chunk("part")
        } else {
            "part".to_owned()
        };
        wire.send(format!(
            "POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n{data}"
        ))
        .await;
        eventually("the part", || {
            centre
                .requests()
                .get(before)
                .is_some_and(|seen| seen.body == b"part")
        })
        .await;
        drop(wire);
        let connection = centre.requests()[before].connection;
        assert_eq!(
            world.call("frankfurt", Call::plain_of(&app)).await.status,
            200
        );
        let seen = centre.requests();
        assert!(!seen[before].complete, "{framing}");
        assert_ne!(seen[before + 1].connection, connection, "{framing}");
    }
    world.finish().await;
}

/// Control: bodies of many megabytes go through, both ways, byte for byte.
#[tokio::test]
async fn large_bodies_arrive_whole() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let large: Vec<u8> = (0..3_000_000_u32)
        .flat_map(u32::to_le_bytes)
        .take(9_000_000)
        .collect();
    world.centre("fra1").answers(Said::ok(large.clone()));
    for via in Via::ALL {
        let call = Call::post(&app.path("chatfiles"))
            .token(&app.app_token())
            .body(large.clone())
            .via(via);
        let answer = world.call("frankfurt", call).await;
        assert!(
            answer.status == 200 && answer.body == large,
            "down by {via:?}"
        );
        let seen = world.centre("fra1").requests().pop().unwrap();
        assert!(seen.complete && seen.body == large, "up by {via:?}");
    }
    world.finish().await;
}

/// Bytes of which each megabyte is another.
fn bytes(first: u32, size: usize) -> Vec<u8> {
    (first..).flat_map(u32::to_le_bytes).take(size).collect()
}

/// Control: what was under way for one client when its upload was given up goes to no data centre behind
/// another's head.
#[tokio::test]
async fn what_a_data_centre_did_not_take_is_no_part_of_anothers_upload() {
    let world = World::of(World::plan().limit("body_idle", "200ms")).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let address = world.addresses("frankfurt").http.unwrap();
    centre.answers(Reply::Deaf);
    let upload = Call::post(&app.path("chatfiles")).token(&app.app_token());
    let mut stuck = wire::tcp(address).await;
    let asked = upload.clone().body(bytes(0, 40 << 20));
    let sent = stuck.write_all(&asked.bytes("rest.frankfurt.test")).await;
    assert!(sent.is_err(), "it was given up in the midst");
    centre.answers(Said::ok("taken"));
    for first in [1 << 30, 1 << 31] {
        let mine = bytes(first, 3 << 20);
        let asked = upload.clone().body(mine.clone()).via(Via::Plain);
        let answer = world.call("frankfurt", asked).await;
        assert_eq!((answer.status, &*answer.text()), (200, "taken"));
        let seen = centre.last();
        assert!(seen.complete && seen.body == mine, "byte for byte");
    }
    world.finish().await;
}

/// Control: the end of a client's connection cuts off a body that goes through a pipe. What the data centre
/// has then is no whole request, and what is left in the pipe goes to nobody.
#[tokio::test]
async fn a_piped_upload_whose_client_leaves_never_looks_whole() {
    const SENT: usize = 3 << 20;
    let world = World::of(World::plan().limit("body_idle", "2s")).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let address = world.addresses("frankfurt").http.unwrap();
    let upload = Call::post(&app.path("chatfiles")).token(&app.app_token());
    let metrics = &world.gateway("frankfurt").lasting.metrics;
    let open = metrics.connections.with_label_values(&["rest"]);
    for (first, takes) in [(1, true), (1 << 29, false)] {
        let left = bytes(first, 40 << 20);
        let asked = upload.clone().body(left.clone());
        let asked = asked.bytes("rest.frankfurt.test");
        let head = asked.len() - left.len();
        centre.answers(if takes { Reply::Hang } else { Reply::Deaf });
        let before = centre.count();
        let mut client = wire::tcp(address).await;
        // What comes behind a head that has left is piped.
        client.write_all(&asked[..head]).await.unwrap();
        centre.has_seen(before + 1).await;
        if takes {
            let some = &asked[head..head + SENT];
            client.write_all(some).await.unwrap();
            eventually("what was sent", || centre.last().body.len() == SENT).await;
        } else {
            // Until everything on the way is full.
            let all = client.write_all(&asked[head..]);
            let sent = tokio::time::timeout(Duration::from_millis(300), all).await;
            assert!(sent.is_err(), "not all of it fits");
        }
        drop(client);
        eventually("the end of it", || open.get() == 0).await;
        let cut = centre.requests().swap_remove(before);
        assert!(!cut.complete && left.starts_with(&cut.body), "{takes}");
        centre.answers(Said::ok("taken"));
        // By each core.
        for other in 0..8 {
            let mine = bytes((1 << 30) + (other << 20), 1 << 20);
            let asked = upload.clone().body(mine.clone()).via(Via::Plain);
            let answer = world.call("frankfurt", asked).await;
            assert_eq!((answer.status, &*answer.text()), (200, "taken"));
            let seen = centre.last();
            assert!(seen.complete && seen.body == mine, "byte for byte");
            assert_ne!(seen.connection, cut.connection, "{takes}");
        }
    }
    world.finish().await;
}

/// Control: while an answer's write waits for the client its upload goes on, or both would wait for ever: this
/// one reads only when it has sent all.
#[tokio::test]
async fn an_upload_goes_on_while_its_client_does_not_read_the_answer() {
    const SIZE: usize = 32 << 20;
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let answer = bytes(1 << 30, SIZE);
    centre.answers(Reply::Early(Said::ok(answer.clone())));
    let body = bytes(0, SIZE);
    let upload = Call::post(&app.path("chatfiles")).token(&app.app_token());
    let asked = upload.body(body.clone()).bytes("rest.frankfurt.test");
    for mut wire in [
        world.wire("frankfurt").await,
        world.plain_wire("frankfurt").await,
    ] {
        wire.send(&asked).await;
        let came = wire.answer().await;
        assert!(came.status == 200 && came.body == answer, "down");
        eventually("all of the upload", || centre.last().complete).await;
        assert!(centre.last().body == body, "up");
    }
    world.finish().await;
}

/// Control: of a connection no more is taken for a body than its length.
#[tokio::test]
async fn what_follows_an_upload_is_the_next_request() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    let address = world.addresses("frankfurt").http.unwrap();
    let next = Call::plain_of(&app).bytes("rest.frankfurt.test");
    for mut wire in [Wire::plain(address).await, world.wire("frankfurt").await] {
        for size in [1, 70_000, 3_000_000] {
            let body = bytes(7, size);
            let upload = Call::post(&app.path("chatfiles")).token(&app.app_token());
            let mut both = upload.body(body.clone()).bytes("rest.frankfurt.test");
            both.extend_from_slice(&next);
            let head = both.len() - next.len() - size;
            let (front, rest) = both.split_at(head);
            let before = centre.count();
            wire.send(front).await;
            centre.has_seen(before + 1).await;
            wire.send(rest).await;
            for _ in 0..2 {
                let answer = wire.answer().await;
                assert_eq!(answer.status, 200);
                assert_eq!(answer.header("connection"), None, "it goes on");
            }
            let mut seen = centre.requests();
            assert_eq!(seen.pop().unwrap().method(), "GET");
            assert!(seen.pop().unwrap().body == body, "{size}");
        }
    }
    world.finish().await;
}

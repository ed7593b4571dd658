//! Clients that don't play along: each gets its row, and the others notice nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::im::Do;
use crate::harness::sdk::{BOTH, By, Event, Login, Sdk, acknowledges, framed, text, unread};
use crate::harness::{TestApp, World, eventually, in_time};

#[tokio::test]
async fn what_is_no_first_message_is_refused_or_just_closed() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let good = Login::of(&app, "u1").frame();
    let half = &good[..good.len() / 2];
    for by in BOTH {
        for frame in [
            &unread()[..],
            &[],
            &[0x08, 0xff],
            half,
            &text(None, 1, "u", "x"),
        ] {
            let mut sdk = world.sdk("frankfurt", by).await;
            sdk.send(frame).await;
            assert_eq!(sdk.refusal().await.0, 4, "{by:?} {frame:?}");
        }
    }
    assert_eq!(world.im("fra1").sessions().len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_websocket_that_is_none_closes_with_the_codes_of_the_rfc() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for logged_in in [false, true] {
        for (bytes, code) in [
            // An unmasked frame, a reserved opcode, a reserved bit, an endless length.
            (&[0x82, 0x01, 0x00][..], 1002),
            (&[0x83, 0x80, 0, 0, 0, 0], 1002),
            (&[0xc2, 0x80, 0, 0, 0, 0], 1002),
            (&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0], 1009),
        ] {
            let mut sdk = world.sdk("frankfurt", By::Websocket).await;
            if logged_in {
                sdk.send(&Login::of(&app, "u1").frame()).await;
                sdk.provision_answer().await;
            }
            sdk.send_raw(bytes).await;
            let mut end = sdk.next().await;
            if let (Event::Frame(_), 1009, false) = (&end, code, logged_in) {
                end = sdk.next().await;
            }
            assert_eq!(end, Event::Closed(Some(code)), "{bytes:?} {logged_in}");
        }
        let mut sdk = world.sdk("frankfurt", By::Websocket).await;
        if logged_in {
            sdk.send(&Login::of(&app, "u1").frame()).await;
            sdk.provision_answer().await;
        }
        sdk.send_message(Message::Text("{}".into())).await;
        assert_eq!(sdk.closed().await, Some(1003));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_length_of_four_gibibytes_is_not_waited_for() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let mut sdk = world.sdk("frankfurt", By::Tcp).await;
    sdk.send_raw(&u32::MAX.to_be_bytes()).await;
    let (status, text) = sdk.refusal().await;
    assert_eq!((status, text.contains("too_large")), (8, true));
    let mut sdk = world.session(&app, "u1", By::Tcp).await;
    sdk.send_raw(&u32::MAX.to_be_bytes()).await;
    assert_eq!(sdk.closed().await, None);
    let metrics = world.metrics("frankfurt").await;
    let refused = metrics.sum("domicile_refusals_total", &[("code", "too_large")]);
    assert_eq!(refused, 2.0);
    world.finish().await;
}

/// Control: `limits.msync_message`, whichever end sends it, and in fragments too.
#[tokio::test]
async fn a_message_is_as_large_as_allowed_and_no_larger() {
    const MOST: usize = 4096;
    let world = World::of(World::plan().limit("msync_message", "4KiB")).await;
    let app = world.app("fra1").await;
    let up = |size| sized(size, |padding| text(None, 1, "u2", padding));
    let down = |size| sized(size, |padding| msync::notice(&app.app_key(), padding));
    for by in BOTH {
        let closed = |code| (by == By::Websocket).then_some(code);
        let mut sdk = world.session(&app, "u1", by).await;
        sdk.send(&up(MOST)).await;
        assert_eq!(sdk.sync_answer().await.meta_id, Some(1));
        sdk.send(&up(MOST + 1)).await;
        assert_eq!(sdk.closed().await, closed(1009));
        let mut sdk = world.session(&app, "u1", by).await;
        let session = world.im("fra1").sessions().last().unwrap().clone();
        session.say(Do::Send(down(MOST)));
        assert_eq!(sdk.next().await, Event::Frame(down(MOST)));
        session.say(Do::Send(down(MOST + 1)));
        assert_eq!(sdk.closed().await, closed(1011));
    }
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    let half = MOST / 2 + 1;
    for (n, first) in [0x02, 0x00].into_iter().enumerate() {
        let mut bytes = framed(By::Websocket, &up(MOST + 2)[n * half..][..half]);
        bytes[0] = first;
        sdk.send_raw(&bytes).await;
    }
    assert_eq!(sdk.closed().await, Some(1009));
    let metrics = world.metrics("frankfurt").await;
    let refused = metrics.sum("domicile_refusals_total", &[("code", "too_large")]);
    assert_eq!(refused, 3.0);
    world.finish().await;
}

/// A frame of that size.
fn sized(size: usize, frame: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    // Lengths take as many bytes in both.
    let shorter = "x".repeat(size - 1000);
    let missing = size - frame(&shorter).len();
    let frame = frame(&(shorter + &"x".repeat(missing)));
    assert_eq!(frame.len(), size);
    frame
}

#[tokio::test]
async fn fragments_and_pings_are_put_in_order() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    let message = text(None, 1, "u2", "in three parts");
    let mut bytes = Vec::new();
    let key = Some([1, 2, 3, 4]);
    for (n, part) in message.chunks(message.len().div_ceil(3)).enumerate() {
        let mut frame = Vec::new();
        websocket::append_frame(&mut frame, websocket::Opcode::Binary, part, key);
        frame[0] = match n {
            0 => 0x02,
            1 => 0x00,
            _ => 0x80,
        };
        bytes.extend(frame);
        websocket::append_frame(&mut bytes, websocket::Opcode::Ping, b"?", key);
    }
    sdk.send_raw(&bytes).await;
    assert_eq!(sdk.sync_answer().await.meta_id, Some(1));
    let seen = world.im("fra1").frames(0, 2).await;
    assert_eq!(seen.frames[1], message);
    world.finish().await;
}

#[tokio::test]
async fn frames_may_come_a_byte_at_a_time_or_many_at_once() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut sdk = world.session(&app, "u1", by).await;
        let frames: Vec<Vec<u8>> = (1..=50).map(|id| text(None, id, "u2", "x")).collect();
        let bytes: Vec<u8> = frames.iter().flat_map(|f| framed(by, f)).collect();
        let (slow, quick) = bytes.split_at(200);
        for byte in slow {
            sdk.send_raw(&[*byte]).await;
        }
        sdk.send_raw(quick).await;
        for id in 1..=50 {
            assert_eq!(sdk.sync_answer().await.meta_id, Some(id));
        }
        let seen = world.im("fra1").session(n);
        assert_eq!(seen.frames[1..], frames);
    }
    world.finish().await;
}

/// Back-pressure: an end that takes nothing stops the other, and nobody else.
#[tokio::test]
async fn ends_that_stop_reading_hold_up_only_themselves() {
    let world = World::of(World::plan().limit("body_idle", "1s")).await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut other = world.session(&app, "u2", by).await;
        // A data centre that stops reading.
        let mut sdk = world.session(&app, "u1", by).await;
        world.im("fra1").sessions().last().unwrap().say(Do::Deaf);
        let big = text(None, 1, "u2", &"x".repeat(500_000));
        let mut sent = 0;
        let flood = async {
            while sdk.try_send(&big).await.is_ok() {
                sent += big.len();
            }
        };
        let flooded = tokio::time::timeout(crate::harness::DEADLINE, flood).await;
        assert!(flooded.is_ok(), "the session is given up");
        assert!(sent < 64 * 1024 * 1024, "{sent} bytes were taken");
        other.send(&unread()).await;
        other.message().await;
        // A client that stops reading.
        let sdk = world.session(&app, "u1", by).await;
        let session = world.im("fra1").sessions().last().unwrap().clone();
        let n = world.im("fra1").sessions().len() - 1;
        let notice = msync::notice(&app.app_key(), &"x".repeat(100_000));
        for _ in 0..1_000 {
            session.say(Do::Send(notice.clone()));
        }
        eventually("the session to be given up", || {
            world.im("fra1").sessions()[n].end.is_some()
        })
        .await;
        // The rest of 100 MB was never taken: what is between the two are the system's buffers.
        let taken = world.im("fra1").session(n).sent * notice.len();
        assert!(taken < 64_000_000, "{by:?}: {taken} bytes were taken");
        drop(sdk);
        other.send(&unread()).await;
        other.message().await;
    }
    world.finish().await;
}

/// More refusals than are kept for a client at once: none is lost, in whatever time it reads them.
#[tokio::test]
async fn a_flood_of_refusals_arrives_whole() {
    const MANY: u64 = 10_000;
    let world = World::new().await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut sdk = world.session(&app, "u1", by).await;
        let mut bytes = Vec::new();
        for id in 1..=MANY {
            bytes.extend(framed(by, &text(Some("acme#other"), id, "u2", "")));
        }
        bytes.extend(framed(by, &text(None, MANY + 1, "u2", "")));
        sdk.send_raw(&bytes).await;
        for id in 1..=MANY {
            assert_eq!(sdk.sync_answer().await.meta_id, Some(id));
        }
        let last = sdk.sync_answer().await;
        assert_eq!(last.meta_id, Some(MANY + 1));
        assert_eq!(last.status.unwrap().error_code, Some(0));
    }
    world.finish().await;
}

/// Control: `Relay::pump` goes on with an end that it has not looked at while the other was full. The client reads
/// nothing until the gateway waits for it, so that its answers leave all at once later, when nothing else happens.
#[tokio::test]
async fn a_client_that_has_read_everything_is_heard_again() {
    const MANY: u32 = 150_000;
    let world = World::new().await;
    let app = world.app("fra1").await;
    let Sdk::Tcp(stream) = world.session(&app, "u1", By::Tcp).await else {
        unreachable!("it is over TCP")
    };
    let (mut reading, mut writing) = tokio::io::split(*stream);
    let all = tokio::spawn(async move {
        for id in 1..=MANY {
            let frame = framed(By::Tcp, &text(Some("acme#other"), id.into(), "u2", ""));
            writing.write_all(&frame).await.unwrap();
        }
        writing.flush().await.unwrap();
        writing
    });
    let mut looks = (0.0, 0);
    in_time("the gateway to wait for its client", async {
        while looks.1 < 10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let labels = [("direction", "up"), ("outcome", "refused")];
            let metrics = world.metrics("frankfurt").await;
            let now = metrics.sum("domicile_frames_total", &labels);
            let is_same = now > 0.0 && now == looks.0;
            looks = (now, if is_same { looks.1 + 1 } else { 0 });
        }
    })
    .await;
    assert!(
        looks.0 < f64::from(MANY),
        "more than the system's buffers take"
    );
    for id in 1..=MANY {
        let answer = async {
            let mut answer = vec![0; reading.read_u32().await.unwrap() as usize];
            reading.read_exact(&mut answer).await.unwrap();
            answer
        };
        let answer = in_time("an answer", answer).await;
        assert!(acknowledges(&answer, id.into()), "{id}");
    }
    drop(all.await.unwrap());
    world.finish().await;
}

/// A PROVISION that is longer by this text.
fn login(app: &TestApp, padding: &str) -> Vec<u8> {
    let login = Login::of(app, "u1");
    let named = login.change(|_, provision| provision.device_name = Some(padding.to_owned()));
    named.frame()
}

/// Control: `FIRST`. Nobody knows yet whose it is.
#[tokio::test]
async fn a_first_message_is_no_larger_than_a_login_needs() {
    const MOST: usize = 64 * 1024;
    let world = World::new().await;
    let app = world.app("fra1").await;
    for by in BOTH {
        for size in [MOST, MOST + 1] {
            let frame = sized(size, |padding| login(&app, padding));
            let mut sdk = world.sdk("frankfurt", by).await;
            if size == MOST {
                sdk.send(&frame).await;
                let answer = sdk.provision_answer().await;
                assert_eq!(answer.status.unwrap().error_code, Some(0));
                // What follows may be longer.
                let long = sized(2 * MOST, |padding| text(None, 1, "u2", padding));
                sdk.send(&long).await;
                assert_eq!(sdk.sync_answer().await.meta_id, Some(1));
            } else {
                // It may be refused before it was sent whole.
                let _ = sdk.try_send(&frame).await;
                let status = sdk.provision_answer().await.status.unwrap();
                assert_eq!(status.error_code, Some(8));
                assert!(status.reason.unwrap().contains("too_large"));
                assert_eq!(sdk.closed().await, (by == By::Websocket).then_some(1009));
            }
        }
    }
    world.finish().await;
}

/// A slow client is not one that takes nothing.
#[tokio::test]
async fn an_end_that_reads_slowly_is_waited_for() {
    let world = World::of(World::plan().limit("body_idle", "500ms")).await;
    let app = world.app("fra1").await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut sdk = world.session(&app, "u1", by).await;
        let session = world.im("fra1").frames(n, 1).await;
        // More than the system's buffers take, so that it waits all the time.
        let notice = msync::notice(&app.app_key(), &"x".repeat(200_000));
        for _ in 0..300 {
            session.say(Do::Send(notice.clone()));
        }
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..300 {
            pace.tick().await;
            assert_eq!(sdk.next().await, Event::Frame(notice.clone()), "{by:?}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn upgrades_that_are_none_get_400() {
    let world = World::new().await;
    for head in [
        "GET /websocket HTTP/1.1\r\nhost: ws.frankfurt.test\r\n\r\n",
        "GET /websocket HTTP/1.1\r\nhost: ws.frankfurt.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "POST /websocket HTTP/1.1\r\nhost: ws.frankfurt.test\r\ncontent-length: 0\r\n\r\n",
    ] {
        let mut wire = world.wire("frankfurt").await;
        wire.send(head).await;
        assert_eq!(
            wire.answer().await.verdict(),
            (400, "bad_request"),
            "{head}"
        );
    }
    let mut wire = world.wire("frankfurt").await;
    wire.send("GET /websocket HTTP/1.1\r\nhost: ws.beijing.test\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.verdict(), (421, "host_mismatch"));
    world.finish().await;
}

//! Clients that take their time. Limits are short here; what is shown is that each of them holds.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domicile::domain::Code;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, End, Frames, HEADERS, PING, RST_STREAM, fields, frame, head,
};
use super::raw::{Heard, Raw, connect};
use super::site::{HOST, Site, until};
use super::upstream::Upstream;

const LIMITS: &[(&str, &str)] = &[
    ("head_time", "600ms"),
    ("body_idle", "600ms"),
    ("keep_alive", "600ms"),
    ("tls_handshake", "600ms"),
];

/// Writes a byte, waits a moment for what comes, and so on: a client with all the time in the world.
/// Gives whether the connection ended, or an answer over HTTP/1 came, before the bytes were used up.
fn drip(raw: &mut Raw, bytes: &[u8], http2: bool) -> bool {
    bytes.iter().any(|byte| {
        let sent = raw.try_send([*byte]);
        let heard = raw.listen(Duration::from_millis(50));
        sent.is_err() || heard == Heard::End || (heard == Heard::Something && !http2)
    })
}

#[test]
fn a_head_byte_by_byte_is_too_slow() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let request = format!("GET /acme/chat/users HTTP/1.1\r\n{}\r\n", site.auth());
    for before in ["", &*request] {
        let mut client = Raw::plain(site.http);
        client.send(before);
        if !before.is_empty() {
            assert_eq!(client.answer().map(|answer| answer.status), Some(200));
        }
        let counted = site.refusals(Code::TooSlow);
        assert!(
            drip(&mut client, request.as_bytes(), false),
            "it was let go on"
        );
        let answer = client.answer().expect("an answer");
        assert_eq!((answer.status, answer.code()), (408, Some("too_slow")));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(client.rest(), b"");
        site.await_refusals(Code::TooSlow, counted, "a slow head");
    }
}

#[test]
fn a_body_that_stops_coming_is_too_slow() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    for framing in [
        "Content-Length: 100\r\n\r\nabcd",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nab",
    ] {
        let counted = site.refusals(Code::TooSlow);
        let mut client = Raw::plain(site.http);
        client.send(format!(
            "POST /acme/chat/messages/users HTTP/1.1\r\n{}{framing}",
            site.auth()
        ));
        let answer = client.answer().expect("an answer");
        assert_eq!(
            (answer.status, answer.code()),
            (408, Some("too_slow")),
            "{framing}"
        );
        assert_eq!(client.rest(), b"");
        site.await_refusals(Code::TooSlow, counted, framing);
    }
}

/// Promise P4: what a refused client still sends is discarded for a moment, and not for longer.
#[test]
fn a_refused_upload_is_not_taken() {
    let site = Site::start(Upstream::answering().address, &[]);
    for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
        let mut client = Raw::plain(site.http);
        let auth = site.auth();
        client.send(format!(
            "POST /acme/nosuch/users HTTP/1.1\r\n{auth}{framing}\r\n\r\n"
        ));
        let answer = client.answer().expect("an answer before the body");
        assert_eq!((answer.status, answer.code()), (404, Some("app_unknown")));
        assert_eq!(answer.header("connection"), Some("close"));
        let mut sent = 0;
        while client.try_send([b'a'; 64 * 1024]).is_ok() {
            sent += 64 * 1024;
            assert!(sent < 16 << 20, "{framing}: it is still being read");
        }
    }
}

#[test]
fn idle_connections_and_half_handshakes_are_closed() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let mut silent = Raw::plain(site.http);
    assert_eq!(silent.rest(), b"", "a connection that says nothing");
    let mut idle = Raw::plain(site.http);
    idle.send(format!(
        "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
        site.auth()
    ));
    assert_eq!(idle.answer().map(|answer| answer.status), Some(200));
    assert_eq!(idle.rest(), b"", "a connection between requests");
    let counted = site.refusals(Code::TooSlow);
    let mut half = connect(site.https);
    std::io::Write::write_all(&mut half, b"\x16\x03\x01\x02\x00\x01").unwrap();
    assert_eq!(half.read(&mut [0; 8]).unwrap_or(0), 0, "half a ClientHello");
    site.await_refusals(Code::TooSlow, counted, "half a handshake");
}

/// A data centre that answers without end, until nobody takes it any more.
fn endless() -> (Upstream, Arc<AtomicBool>) {
    let cut = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&cut);
    let upstream = Upstream::start(move |mut connection| {
        if connection.head().is_some() {
            connection.say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
            while connection.say([b'a'; 16 * 1024]) {}
            told.store(true, Ordering::SeqCst);
        }
    });
    (upstream, cut)
}

#[test]
fn a_client_that_stops_reading_is_cut() {
    let (upstream, cut) = endless();
    let site = Site::start(upstream.address, LIMITS);
    let mut client = Raw::plain(site.http);
    client.send(format!(
        "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
        site.auth()
    ));
    until("the data centre's connection ends", || {
        cut.load(Ordering::SeqCst)
    });
    until("the client's connection ends", || site.connections() == 0);
}

#[test]
fn an_http2_client_that_stops_reading_is_cut() {
    let (upstream, cut) = endless();
    let site = Site::start(upstream.address, LIMITS);
    let mut client = Frames::open(&site, &[]);
    client.send(head(1, true, &good(&site, "GET")));
    until("the data centre's connection ends", || {
        cut.load(Ordering::SeqCst)
    });
}

/// The same, with a window of nothing: TCP takes everything, and HTTP/2 nothing.
#[test]
fn an_http2_client_with_a_closed_window_is_cut() {
    let (upstream, cut) = endless();
    let site = Site::start(upstream.address, LIMITS);
    let mut client = Frames::open(&site, &[(4, 0)]);
    client.send(head(1, true, &good(&site, "GET")));
    until("the data centre's connection ends", || {
        cut.load(Ordering::SeqCst)
    });
}

fn good(site: &Site, method: &str) -> Vec<u8> {
    let token = format!("Bearer {}", site.acme.app_token());
    fields([
        (":method", method),
        (":scheme", "https"),
        (":authority", HOST),
        (":path", "/acme/chat/users"),
        ("authorization", &token),
    ])
}

#[test]
fn an_http2_head_byte_by_byte_is_too_slow() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let block = good(&site, "GET");
    let whole = head(1, true, &block);
    let split: Vec<u8> = block
        .chunks(1)
        .enumerate()
        .flat_map(|(n, byte)| frame(if n == 0 { HEADERS } else { CONTINUATION }, 0, 1, byte))
        .collect();
    for (name, bytes) in [("in one frame", whole), ("in many", split)] {
        let counted = site.refusals(Code::TooSlow);
        let mut client = Frames::open(&site, &[]);
        assert!(
            drip(&mut client.raw, &bytes, true),
            "{name}: it was let go on"
        );
        client.raw.rest();
        site.await_refusals(Code::TooSlow, counted, name);
    }
}

/// Frames that ask for nothing do not keep a connection.
#[test]
fn an_http2_client_that_only_pings_is_idle() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let mut client = Frames::open(&site, &[]);
    client.send(head(1, true, &good(&site, "GET")));
    assert_eq!(client.end_of(1), End::Answered(Vec::new()));
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(20);
    assert!(drip(&mut client.raw, &pings, true), "it was let go on");
}

#[test]
fn an_http2_body_that_stops_coming_is_too_slow() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let counted = site.refusals(Code::TooSlow);
    let mut client = Frames::open(&site, &[]);
    client.send(frame(HEADERS, END_HEADERS, 1, &good(&site, "POST")));
    client.send(frame(DATA, 0, 1, b"abcd"));
    let End::Answered(body) = client.end_of(1) else {
        panic!("no answer");
    };
    assert!(String::from_utf8_lossy(&body).contains("\"too_slow\""));
    site.await_refusals(Code::TooSlow, counted, "a slow body");
    // The others on the connection go on.
    client.send(head(3, true, &good(&site, "GET")));
    assert_eq!(client.end_of(3), End::Answered(Vec::new()));
}

/// A request taken back leaves the connection idle, and idle connections end.
#[test]
fn an_http2_client_that_resets_and_falls_silent_is_idle() {
    let site = Site::start(Upstream::answering().address, LIMITS);
    let mut client = Frames::open(&site, &[]);
    client.send(frame(HEADERS, END_HEADERS, 1, &good(&site, "POST")));
    client.send(frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]));
    client.raw.rest();
}

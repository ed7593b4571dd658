//! What is no handshake, or one without an end: told, counted, closed, and no burden.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;

use domicile::domain::Code;

use super::alone;
use super::raw::{Raw, connect};
use super::site::{Site, until};
use super::upstream::Upstream;
use crate::edge::client_hello;

fn site(limits: &[(&str, &str)]) -> Site {
    Site::start(Upstream::answering().address, limits)
}

#[track_caller]
fn is_served_over_tls(site: &Site) {
    let mut client = Raw::tls(site, "http/1.1");
    client.send(format!(
        "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
        site.auth()
    ));
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
}

/// A fatal alert and nothing else.
fn alert(number: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, number]
}

const DECODE_ERROR: u8 = 50;
const PROTOCOL_VERSION: u8 = 70;
const UNRECOGNIZED_NAME: u8 = 112;

/// Cuts a ClientHello into records of so many bytes.
fn cut(hello: &[u8], size: usize) -> Vec<u8> {
    let records = hello[5..].chunks(size).map(|part| {
        let [high, low] = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, high, low], part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// SSL 3.0 as its clients begin (RFC 6101 section 5.6.1.2): no extensions, so no name.
fn ssl3() -> Vec<u8> {
    let mut body = vec![3, 0];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 4, 0, 5, 0, 10, 1, 0]);
    let length = u8::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 0, 0, length + 4, 1, 0, 0, length];
    hello.extend_from_slice(&body);
    hello
}

#[test]
fn what_is_no_tls_gets_an_alert_and_the_end() {
    let site = site(&[]);
    let auth = site.auth();
    for (what, bytes, number, code) in [
        (
            "plain HTTP",
            format!("GET /acme/chat/users HTTP/1.1\r\n{auth}\r\n").into_bytes(),
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        (
            "plain HTTP with a body",
            [b"POST / HTTP/1.1\r\n\r\n".to_vec(), vec![b'x'; 50_000]].concat(),
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        ("SSL 3.0", ssl3(), UNRECOGNIZED_NAME, Code::TlsName),
        (
            "SSL 2.0",
            vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        (
            "garbage",
            vec![0xa5; 3000],
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        ("zeros", vec![0; 3000], PROTOCOL_VERSION, Code::BadRequest),
        (
            "an SSH client",
            b"SSH-2.0-x\r\n".to_vec(),
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        (
            "data before keys",
            vec![23, 3, 3, 0, 1, 0],
            PROTOCOL_VERSION,
            Code::BadRequest,
        ),
        (
            "a record of nothing",
            vec![22, 3, 1, 0, 0],
            DECODE_ERROR,
            Code::BadRequest,
        ),
        (
            "a record that is too long",
            vec![22, 3, 1, 0xff, 0xff, 1],
            DECODE_ERROR,
            Code::BadRequest,
        ),
        (
            "a ServerHello",
            vec![22, 3, 3, 0, 4, 2, 0, 0, 0],
            DECODE_ERROR,
            Code::BadRequest,
        ),
    ] {
        let refused = site.refusals(code);
        let mut client = connect(site.https);
        client.write_all(&bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        site.await_refusals(code, refused, what);
        until("it has closed", || site.connections() == 0);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).expect(what);
        assert_eq!(heard, alert(number), "{what}");
    }
    is_served_over_tls(&site);
}

/// Control: `alert::leave` discards for a while. Whoever is still sending is not reset, which could
/// overtake the alert.
#[test]
fn who_is_still_sending_hears_the_alert() {
    let site = site(&[]);
    let mut client = connect(site.https);
    client.write_all(b"POST / HTTP/1.1\r\n").unwrap();
    let mut heard = [0; 7];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(heard, alert(PROTOCOL_VERSION));
    for _ in 0..20 {
        client.write_all(&[b'x'; 1000]).unwrap();
    }
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut heard).unwrap(), 0);
}

/// SSL 3.0 to TLS 1.1 where a client may be nameless, and by a name.
#[test]
fn old_versions_are_told_so() {
    let site = site(&[]);
    for version in [[3, 0], [3, 1], [3, 2]] {
        let mut hello = client_hello(Some("rest.frankfurt.test"));
        hello[9..11].copy_from_slice(&version);
        let refused = site.refusals(Code::BadRequest);
        let mut client = Raw::plain(site.https);
        client.send(&hello);
        assert_eq!(client.rest(), alert(PROTOCOL_VERSION), "{version:?}");
        site.await_refusals(Code::BadRequest, refused, "an old version");
    }
}

/// Control: `Hello::read`. 64 KiB in one-byte records are 384 KiB on the wire; a hello that is cut
/// into as many records as it has bytes is no better.
#[test]
fn a_long_hello_in_tiny_records_is_not_waited_for() {
    let site = site(&[]);
    let mut long = vec![22, 3, 1, 0, 0, 1, 0, 0xff, 0xfc];
    long.resize(5 + 65_536, 0);
    let whole = client_hello(Some("rest.frankfurt.test"));
    for bytes in [cut(&long, 1), cut(&long, 16_000), cut(&whole, 1)] {
        let refused = site.refusals(Code::HeadersTooLarge);
        let mut client = Raw::plain(site.https);
        client.send(&bytes);
        // More than is discarded may still be on its way; then the end comes without an alert.
        let heard = client.rest();
        assert!(
            heard == alert(DECODE_ERROR) || heard.is_empty(),
            "{heard:?}"
        );
        site.await_refusals(Code::HeadersTooLarge, refused, "too long");
    }
    // In a few records it is read.
    let refused = site.refusals(Code::TlsName);
    let mut client = Raw::plain(site.https);
    client.send(cut(&client_hello(Some("rest.beijing.test")), 40));
    assert_eq!(client.rest(), alert(UNRECOGNIZED_NAME));
    site.await_refusals(Code::TlsName, refused, "a foreign name in pieces");
    is_served_over_tls(&site);
}

/// Control: `limits.tls_handshake`, at any stage of the handshake.
#[test]
fn a_handshake_without_an_end_is_cut_off() {
    let site = site(&[("tls_handshake", "200ms")]);
    let hello = client_hello(Some("rest.frankfurt.test"));
    for sent in [0, 3, 5, 100, hello.len()] {
        let refused = site.refusals(Code::TooSlow);
        let mut client = Raw::plain(site.https);
        client.send(&hello[..sent]);
        client.rest();
        site.await_refusals(Code::TooSlow, refused, "a stalled handshake");
    }
}

/// Control: `limits.handshakes`. Whoever keeps others waiting gives way, not whoever comes next.
#[test]
fn of_too_many_handshakes_the_oldest_gives_way() {
    let limits = [("handshakes", "4"), ("tls_handshake", "60s")];
    let site = site(&limits);
    let mut half: Vec<Raw> = (0..4).map(|_| Raw::plain(site.https)).collect();
    until("all are in", || site.connections() == 4);
    let refused = site.refusals(Code::RateLimited);
    is_served_over_tls(&site);
    assert_eq!(half[0].rest(), b"", "the oldest is closed");
    site.await_refusals(Code::RateLimited, refused, "one too many");
    until("three are left", || site.connections() == 3);
}

/// Control: the line in `serve/tls/handshakes.rs`; without it they push each other out.
#[test]
fn of_a_crowd_that_comes_at_once_each_is_served_in_its_turn() {
    let site = site(&[("handshakes", "2")]);
    let refused = site.refusals(Code::RateLimited);
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| is_served_over_tls(&site));
        }
    });
    assert_eq!(site.refusals(Code::RateLimited), refused);
}

/// Some without a word, some with half a hello, some with a whole one and no answer to ours.
#[test]
fn five_thousand_half_open_handshakes_keep_nobody_out() {
    let name = "hostile::hello::five_thousand_half_open_handshakes_keep_nobody_out";
    alone::run(name, half_open);
}

/// How much more memory the process may have for 5,000 of them, its clients' share included.
const GROWTH: u64 = 128 * 1024 * 1024;

fn half_open() {
    let site = site(&[("tls_handshake", "60s")]);
    // Both ends of each connection are in this process.
    let count = usize::min(5_000, (alone::descriptors() - 500) / 2);
    assert!(
        count >= 1_100,
        "the limit of open files leaves room for {count}"
    );
    let mut open = Raw::tls(&site, "http/1.1");
    let request = format!("GET /acme/chat/users HTTP/1.1\r\n{}\r\n", site.auth());
    open.send(&request);
    assert_eq!(open.answer().map(|answer| answer.status), Some(200));
    let hello = client_hello(Some("rest.frankfurt.test"));
    let before = alone::resident();
    let crowd: Vec<TcpStream> = (0..count)
        .map(|n| {
            let mut stream = connect(site.https);
            let said = [0, hello.len() / 2, hello.len()][n % 3];
            let _ = stream.write_all(&hello[..said]);
            stream
        })
        .collect();
    until("as many as may be", || site.connections() <= 1_025);
    let grown = alone::resident().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes");
    for _ in 0..20 {
        is_served_over_tls(&site);
        open.send(&request);
        assert_eq!(open.answer().map(|answer| answer.status), Some(200));
    }
    drop(crowd);
    is_served_over_tls(&site);
}

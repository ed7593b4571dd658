//! Heads that parsers disagree about, over HTTP/1 and with a real nginx as the
//! data centre: a request is refused, or becomes exactly one there, and what is hidden in it never
//! arrives as a request of its own.

use domicile::domain::Code;

use super::raw::Raw;
use super::site::{HOST, Site};
use super::stage::{BAD, REFUSED, Stage, Then, case, once, play_all, post};
use super::upstream::Upstream;

#[test]
fn the_host_is_there_once() {
    play_all(|stage| {
        let auth = format!("Authorization: Bearer {}\r\n", stage.site.acme.app_token());
        let get = |lines: &str| format!("GET /acme/chat/users HTTP/1.1\r\n{auth}{lines}\r\n");
        let refused = |code| Then::Refused {
            code,
            closed: false,
        };
        let (twice, own) = (
            format!("Host: {HOST}\r\n").repeat(2),
            format!("Host: {HOST}\r\n"),
        );
        vec![
            case("twice the same", get(&twice), REFUSED),
            case(
                "and another",
                get(&format!("{own}Host: sgp.example\r\n")),
                REFUSED,
            ),
            case(
                "and another before",
                get(&format!("Host: sgp.example\r\n{own}")),
                REFUSED,
            ),
            case("none", get(""), REFUSED),
            case("empty", get("Host:\r\n"), REFUSED),
            case(
                "two in one",
                get(&format!("Host: {HOST}, sgp.example\r\n")),
                REFUSED,
            ),
            case("with a path", get(&format!("Host: {HOST}/x\r\n")), REFUSED),
            case("with a user", get(&format!("Host: a@{HOST}\r\n")), REFUSED),
            case(
                "with a port that is none",
                get(&format!("Host: {HOST}:https\r\n")),
                REFUSED,
            ),
            case(
                "with bytes outside ASCII",
                get("Host: rest.frankfurt.t\u{e9}st\r\n"),
                REFUSED,
            ),
            case(
                "of another region",
                get("Host: sgp.example\r\n"),
                refused(Code::HostMismatch),
            ),
            case(
                "with a dot at its end",
                get(&format!("Host: {HOST}.\r\n")),
                refused(Code::HostMismatch),
            ),
            case(
                "with a space before the colon",
                get(&format!("Host : {HOST}\r\n")),
                BAD,
            ),
            case("folded", get(&format!("Host:\r\n {HOST}\r\n")), BAD),
            case("with a port", get(&format!("Host: {HOST}:1\r\n")), once("")),
            case(
                "in capitals",
                get("HOST: REST.Frankfurt.TEST\r\n"),
                once(""),
            ),
        ]
    });
}

#[test]
fn heads_have_one_reading() {
    play_all(|stage| {
        let (auth, hidden) = (stage.auth(), stage.hidden());
        let get = |lines: &str| format!("GET /acme/chat/users HTTP/1.1\r\n{auth}{lines}\r\n");
        let with = |line: &str| format!("{line}\r\n{auth}\r\n");
        let mut cases = vec![
            case("good", get(""), once("")),
            case(
                "bare LF throughout",
                get("X-A: b\r\n").replace("\r\n", "\n"),
                Then::Either { body: "" },
            ),
            case(
                "bare LF in one line",
                get("X-A: b\nX-C: d\r\n"),
                Then::Either { body: "" },
            ),
            case(
                "empty lines before it",
                format!("\r\n\r\n{}", get("")),
                Then::Either { body: "" },
            ),
        ];
        for (name, lines) in [
            ("a folded line", "X-A: b\r\n c\r\n"),
            ("a folded line with a tab", "X-A: b\r\n\tc\r\n"),
            ("a bare CR in a value", "X-A: b\rc\r\n"),
            ("a bare CR before a name", "X-A: b\r\n\rX-C: d\r\n"),
            ("a NUL in a value", "X-A: b\0c\r\n"),
            ("a NUL in a name", "X-\0A: b\r\n"),
            ("a space before the colon", "X-A : b\r\n"),
            ("a space in a name", "X A: b\r\n"),
            ("a name outside ASCII", "X-\u{e9}: b\r\n"),
            ("a name with a slash", "X/A: b\r\n"),
            ("a name with a parenthesis", "X(A): b\r\n"),
            ("an empty name", ": b\r\n"),
            ("no colon", "X-A\r\n"),
            ("a control character in a value", "X-A: b\u{1}c\r\n"),
            ("DEL in a value", "X-A: b\u{7f}c\r\n"),
        ] {
            let bytes = format!("{}{hidden}", get(lines));
            cases.push(case(name, bytes, BAD));
        }
        for line in [
            "GET /acme/chat/users\0 HTTP/1.1",
            "GET /acme/chat/us ers HTTP/1.1",
            "GET /acme/chat/users  HTTP/1.1",
            "GET  /acme/chat/users HTTP/1.1",
            "GET\t/acme/chat/users HTTP/1.1",
            "GET /acme/chat/users\tHTTP/1.1",
            "GET /acme/chat/users HTTP/1.1 ",
            "GET /acme/chat/users HTTP/1.2",
            "GET /acme/chat/users HTTP/2.0",
            "GET /acme/chat/users HTTP/0.9",
            "GET /acme/chat/users http/1.1",
            "GET /acme/chat/users HTTP/1.1\rX-A: b",
            "GET /acme/chat/users",
            "GET",
            " GET /acme/chat/users HTTP/1.1",
            "G(T /acme/chat/users HTTP/1.1",
            "G\u{e9}T /acme/chat/users HTTP/1.1",
            "PRI * HTTP/2.0",
        ] {
            cases.push(case(
                line.escape_debug().to_string(),
                with(line) + &hidden,
                BAD,
            ));
        }
        cases
    });
}

#[test]
fn a_hop_by_hop_field_ends_here() {
    play_all(|stage| {
        let auth = stage.auth();
        let get = |lines: &str| format!("GET /acme/chat/users HTTP/1.1\r\n{auth}{lines}\r\n");
        let nominates = |what: &str| format!("Connection: {what}\r\n");
        let mut cases = vec![
            case(
                "an upgrade to h2c",
                get(
                    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
                ),
                once(""),
            ),
            case(
                "an upgrade to a socket",
                get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\n"),
                once(""),
            ),
            case(
                "a TE",
                get("TE: trailers, chunked\r\nConnection: TE\r\n"),
                once(""),
            ),
        ];
        for name in [
            "Host",
            "Domicile-App-Id",
            "Domicile-Gateway-Secret",
            "Content-Length",
            "X-Forwarded-For",
            "Connection",
        ] {
            let bytes = post(
                stage,
                &format!("{}Content-Length: 4\r\n", nominates(name)),
                "abcd",
            );
            cases.push(case(
                format!("Connection names {name}"),
                bytes,
                once("abcd"),
            ));
        }
        let given = "Domicile-App-Id: 00000000000000000000000000000000\r\n";
        cases.push(case("an App ID of the client's", get(given), once("")));
        cases.push(case("two of them", get(&given.repeat(2)), once("")));
        cases
    });
}

#[test]
fn what_is_too_large_is_refused_from_its_head() {
    play_all(|stage| {
        let auth = stage.auth();
        let get = |lines: &str| format!("GET /acme/chat/users HTTP/1.1\r\n{auth}{lines}\r\n");
        let large = Then::Refused {
            code: Code::HeadersTooLarge,
            closed: true,
        };
        let many = |count| {
            (0..count)
                .map(|n| format!("X-{n}: y\r\n"))
                .collect::<String>()
        };
        let token = |text: &str| {
            format!(
                "GET /acme/chat/users HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {text}\r\n\r\n"
            )
        };
        let invalid = Then::Refused {
            code: Code::TokenInvalid,
            closed: false,
        };
        vec![
            case("10,000 fields", get(&many(10_000)), large.clone()),
            case(
                "101 fields",
                get(&many(99)),
                Then::Refused {
                    code: Code::HeadersTooLarge,
                    closed: false,
                },
            ),
            case("100 fields", get(&many(98)), once("")),
            case(
                "a field of 40 KiB",
                get(&format!("X-A: {}\r\n", "b".repeat(40 * 1024))),
                large.clone(),
            ),
            case(
                "a name of 40 KiB",
                get(&format!("{}: b\r\n", "a".repeat(40 * 1024))),
                large.clone(),
            ),
            case(
                "a target of 1 MiB",
                format!(
                    "GET /acme/chat/{} HTTP/1.1\r\n{auth}\r\n",
                    "u".repeat(1 << 20)
                ),
                large.clone(),
            ),
            case(
                "a token of 1 MiB",
                token(&format!("007{}", "A".repeat(1 << 20))),
                large,
            ),
            case(
                "a token of 20 KiB",
                token(&format!("007{}", "A".repeat(20 << 10))),
                invalid.clone(),
            ),
            case("a token that inflates to 16 MiB", token(&bomb()), invalid),
            case(
                "a length beyond the limit",
                post(
                    stage,
                    "Content-Length: 104857600\r\nExpect: 100-continue\r\n",
                    "",
                ),
                Then::Refused {
                    code: Code::TooLarge,
                    closed: true,
                },
            ),
        ]
    });
}

/// 16 MiB of zeros in some 20 KiB of text.
fn bomb() -> String {
    access_token::wire::seal(&vec![0; 16 << 20])
}

/// `limits.headers` may be more than hyper's own limit.
#[test]
fn as_many_fields_pass_as_are_allowed() {
    let upstream = Upstream::answering();
    let site = Site::start(upstream.address, &[("headers", "300")]);
    for (count, status) in [(298, 200), (299, 431)] {
        let many: String = (0..count).map(|n| format!("X-{n}: y\r\n")).collect();
        let auth = site.auth();
        let mut client = Raw::plain(site.http);
        client.send(format!("GET /acme/chat/users HTTP/1.1\r\n{auth}{many}\r\n"));
        assert_eq!(
            client.answer().map(|answer| answer.status),
            Some(status),
            "{count}"
        );
    }
}

/// Other protocols at the doors.
#[test]
fn what_is_not_http_is_closed() {
    let stage = Stage::new();
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for bytes in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03",
        preface,
        "\0\0\0\0\r\n\r\n",
        "SSH-2.0-x\r\n",
    ] {
        let bad = stage.site.refusals(Code::BadRequest);
        let mut client = Raw::plain(stage.site.http);
        client.send(bytes);
        client.finish();
        client.rest();
        stage
            .site
            .await_refusals(Code::BadRequest, bad, &bytes.escape_debug().to_string());
    }
    let mut client = Raw::plain(stage.site.https);
    client.send(stage.hidden());
    client.rest();
    assert!(stage.seen_since(0).is_empty());
}

//! Requests that two parsers could take for one or for two, over HTTP/1, with a real nginx as the
//! data centre: each is refused, or becomes exactly one request there, and what is hidden in it
//! never arrives as a request of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use domicile::domain::Code;

use super::nginx::{Nginx, Seen};
use super::raw::{Answer, Raw};
use super::site::{HOST, Site, until};

/// What is done to a request, and what is to come of it.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub then: Then,
}

/// What is to come of a request.
#[derive(Debug, Clone)]
pub enum Then {
    /// Refused with this code, by the gateway or by hyper; the connection closes if `closed`.
    Refused { code: Code, closed: bool },
    /// One request with this body arrives; the connection closes if `closed`.
    Forwarded { body: &'static str, closed: bool },
    /// One of the two: refused with 400, or forwarded once with this body.
    Either { body: &'static str },
    /// The same, and the connection closes.
    EitherClosed,
    /// One request arrives with [`Stage::hidden`] as its body, or without one.
    Hidden { closed: bool },
    /// The gateway answers by itself; the connection closes.
    Preflight,
    /// The head was in order, so it may have been begun; the body is broken.
    BrokenBody { code: Code },
}

/// A gateway in front of nginx.
pub struct Stage {
    pub nginx: Nginx,
    pub site: Site,
    sentinels: AtomicUsize,
}

impl Stage {
    pub fn new() -> Self {
        let nginx = Nginx::start();
        let site = Site::start(nginx.rest, &[("head_time", "2s"), ("body_idle", "2s")]);
        Self {
            nginx,
            site,
            sentinels: AtomicUsize::new(0),
        }
    }

    pub fn auth(&self) -> String {
        self.site.auth()
    }

    /// A request that would pass, were it sent.
    pub fn hidden(&self) -> String {
        format!("GET /acme/chat/smuggled HTTP/1.1\r\n{}\r\n", self.auth())
    }

    /// Sends a good request after whatever was done, and gives what nginx saw before it arrived.
    pub fn seen_since(&self, before: usize) -> Vec<Seen> {
        let number = self.sentinels.fetch_add(1, Ordering::Relaxed);
        let line = format!("GET /acme/chat/users/sentinel-{number} HTTP/1.1");
        let mut good = Raw::plain(self.site.http);
        good.send(format!("{line}\r\n{}\r\n", self.auth()));
        let answer = good.answer().expect("an answer to a good request");
        assert_eq!(answer.status, 200, "{answer:?}");
        let arrived = |seen: &Seen| seen.line == line;
        until("nginx writes its log", || {
            self.nginx.seen().iter().any(arrived)
        });
        let seen = self.nginx.seen();
        let end = seen.iter().position(arrived).unwrap_or_default();
        seen[before..end].to_vec()
    }

    fn play(&self, case: &Case) {
        let before = self.nginx.seen().len();
        let count = |code| self.site.refusals(code);
        let counted = Code::ALL.map(count);
        let mut client = Raw::plain(self.site.http);
        client.send(&case.bytes);
        let answer = client.answer_to(case.bytes.starts_with(b"HEAD "));
        let answer = answer.unwrap_or_else(|| panic!("{}: no answer", case.name));
        let code = match (&case.then, answer.status) {
            (Then::Refused { code, .. } | Then::BrokenBody { code }, _) => Some(*code),
            (Then::Either { .. } | Then::EitherClosed, 400) => Some(Code::BadRequest),
            _ => None,
        };
        if let Some(code) = code {
            assert_refused(&case.name, &answer, code);
        } else {
            let status = if matches!(case.then, Then::Preflight) {
                204
            } else {
                200
            };
            assert_eq!(answer.status, status, "{}: {answer:?}", case.name);
        }
        if case.then.closes() {
            let rest = client.rest();
            assert_eq!(
                rest.escape_ascii().to_string(),
                "",
                "{}: more answers",
                case.name
            );
        }
        // The gateway lingers until the client has closed too.
        drop(client);
        if let Some(code) = code {
            self.site
                .await_refusals(code, counted[code.index()], &case.name);
        }
        self.judge(case, code, &self.seen_since(before));
    }

    /// nginx saw nothing, or one request that is what it should be.
    fn judge(&self, case: &Case, refused: Option<Code>, seen: &[Seen]) {
        let name = &case.name;
        let smuggled = seen.iter().any(|seen| seen.line.contains("smuggled"));
        assert!(!smuggled, "{name}: {seen:#?}");
        match (&case.then, seen) {
            (Then::BrokenBody { .. }, []) => {}
            // nginx saw its connection close before the body's end.
            (Then::BrokenBody { .. }, [one]) => assert_eq!(one.status, "400", "{name}: {one:?}"),
            (Then::Preflight, []) => {}
            (then, [one]) => {
                assert!(refused.is_none(), "{name}: refused and forwarded");
                assert_eq!(one.status, "200", "{name}: {one:?}");
                let body = then.body().unwrap_or(&one.body);
                assert_eq!(one.body, body, "{name}: {one:?}");
                if matches!(then, Then::Hidden { .. }) {
                    assert!(one.body.contains("smuggled"), "{name}: {one:?}");
                }
                assert_eq!(one.app, self.site.acme.app_id, "{name}");
                assert_eq!(one.host, self.nginx.rest.to_string(), "{name}");
                let framed =
                    usize::from(!one.length.is_empty()) + usize::from(!one.coding.is_empty());
                assert!(
                    framed <= 1 && (framed == 1 || body.is_empty()),
                    "{name}: {one:?}"
                );
            }
            (_, []) => assert!(refused.is_some(), "{name}: nothing arrived"),
            (_, more) => panic!("{name}: {more:#?}"),
        }
    }
}

impl Then {
    const fn closes(&self) -> bool {
        match self {
            Self::Refused { closed, .. }
            | Self::Forwarded { closed, .. }
            | Self::Hidden { closed } => *closed,
            Self::Either { .. } => false,
            Self::EitherClosed | Self::Preflight | Self::BrokenBody { .. } => true,
        }
    }

    /// What a request that arrives has as its body, where only one thing will do.
    const fn body(&self) -> Option<&'static str> {
        match self {
            Self::Forwarded { body, .. } | Self::Either { body } => Some(body),
            Self::EitherClosed => Some(""),
            Self::Hidden { .. }
            | Self::Refused { .. }
            | Self::Preflight
            | Self::BrokenBody { .. } => None,
        }
    }
}

/// By its code, or an answer of hyper's own with the same status and nothing in it.
#[track_caller]
pub fn assert_refused(name: &str, answer: &Answer, code: Code) {
    let status = domicile::gateway::row(code).status.as_u16();
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    match answer.code() {
        Some(shown) => assert_eq!(shown, code.as_str(), "{name}"),
        None => {
            assert!(matches!(status, 400 | 431), "{name}: {answer:?}");
            assert_eq!(answer.body, b"", "{name}");
        }
    }
}

/// Plays all cases, and says of every one that fails how.
fn play_all(cases: impl Fn(&Stage) -> Vec<Case>) {
    let stage = Stage::new();
    for case in cases(&stage) {
        stage.play(&case);
    }
}

const BAD: Then = Then::Refused {
    code: Code::BadRequest,
    closed: true,
};

/// The framing is in order, so the connection may go on.
const REFUSED: Then = Then::Refused {
    code: Code::BadRequest,
    closed: false,
};

const BROKEN: Then = Then::BrokenBody {
    code: Code::BadRequest,
};

const fn once(body: &'static str) -> Then {
    Then::Forwarded {
        body,
        closed: false,
    }
}

const fn once_and_closed(body: &'static str) -> Then {
    Then::Forwarded { body, closed: true }
}

fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, then: Then) -> Case {
    Case {
        name: name.into(),
        bytes: bytes.into(),
        then,
    }
}

/// A POST with these header lines (each with its line end) and what follows the head.
fn post(stage: &Stage, lines: &str, rest: &str) -> String {
    format!(
        "POST /acme/chat/messages/users HTTP/1.1\r\n{}{lines}\r\n{rest}",
        stage.auth()
    )
}

#[test]
fn content_length_has_one_reading() {
    play_all(|stage| {
        let hidden = stage.hidden();
        let two = |a: &str, b: &str| format!("Content-Length: {a}\r\nContent-Length: {b}\r\n");
        let all = (4 + hidden.len()).to_string();
        let body = format!("abcd{hidden}");
        let mut cases = vec![
            case("two that differ", post(stage, &two("4", &all), &body), BAD),
            case(
                "two that differ, the long one first",
                post(stage, &two(&all, "4"), &body),
                BAD,
            ),
            case(
                "two that differ, no body",
                post(stage, &two("0", "1"), ""),
                BAD,
            ),
            case(
                "two that agree",
                post(stage, &two("4", "4"), "abcd"),
                Then::Either { body: "abcd" },
            ),
            case(
                "one that is good",
                post(stage, "Content-Length: 4\r\n", "abcd"),
                once("abcd"),
            ),
            case(
                "with zeros",
                post(stage, "Content-Length: 0004\r\n", "abcd"),
                Then::Either { body: "abcd" },
            ),
        ];
        for value in [
            "+4",
            "-4",
            "-1",
            "0x4",
            "4;",
            "4,",
            "4, 4",
            "4, 5",
            "4 4",
            "4.0",
            "4e0",
            "",
            "four",
            "\"4\"",
            "18446744073709551616",
            "18446744073709551620",
            "99999999999999999999999999999999999999",
            "4\u{b}",
            "\u{a0}4",
        ] {
            let lines = format!("Content-Length: {value}\r\n");
            cases.push(case(
                format!("as {value:?}"),
                post(stage, &lines, &body),
                BAD,
            ));
        }
        cases
    });
}

#[test]
fn transfer_encoding_has_one_reading() {
    play_all(|stage| {
        let hidden = stage.hidden();
        let chunked = format!("0\r\n\r\n{hidden}");
        let length = format!("Content-Length: {}\r\n", chunked.len());
        let te = |value: &str| format!("Transfer-Encoding: {value}\r\n");
        let mut cases = Vec::new();
        // RFC 9112 section 6.1: read by Transfer-Encoding alone, and the connection closes.
        for (name, lines) in [
            ("before a length", format!("{}{length}", te("chunked"))),
            ("after a length", format!("{length}{}", te("chunked"))),
            (
                "in capitals, with a length",
                format!("{length}{}", te("CHUNKED")),
            ),
            (
                "before a short length",
                format!("{}Content-Length: 3\r\n", te("chunked")),
            ),
            (
                "between two lengths",
                format!("{length}{}{length}", te("chunked")),
            ),
        ] {
            let bytes = post(stage, &lines, &chunked);
            cases.push(case(name, bytes, once_and_closed("")));
        }
        let whole = "4\r\nabcd\r\n0\r\n\r\n";
        let good = post(stage, &te("chunked"), whole);
        cases.push(case("a good one", good, once_and_closed("abcd")));
        let preflight = format!(
            "OPTIONS /acme/chat/users HTTP/1.1\r\n{}Access-Control-Request-Method: PUT\r\n\
             {length}Transfer-Encoding: chunked\r\n\r\n{chunked}",
            stage.auth()
        );
        cases.push(case("in a preflight", preflight, Then::Preflight));
        for value in [
            "xchunked",
            "chunkedx",
            "chunked, identity",
            "identity",
            "identity, chunked, identity",
            "chunked;q=1",
            "chunked\u{b}",
            "\"chunked\"",
            "gzip",
            "chunked, gzip",
            "",
            ",",
            "ch unked",
            "chunked\u{a0}",
        ] {
            for (name, more) in [("alone", ""), ("with a length", &*length)] {
                let bytes = post(stage, &format!("{more}{}", te(value)), &chunked);
                cases.push(case(format!("{value:?} {name}"), bytes, BAD));
            }
        }
        for (name, lines) in [
            ("twice in one", te("chunked, chunked")),
            ("twice", format!("{}{}", te("chunked"), te("chunked"))),
            (
                "identity, then chunked",
                format!("{}{}", te("identity"), te("chunked")),
            ),
            ("gzip, then chunked", te("gzip, chunked")),
            ("with an empty one", te(", chunked")),
        ] {
            cases.push(case(
                name,
                post(stage, &lines, &chunked),
                Then::EitherClosed,
            ));
        }
        for (name, lines) in [
            (
                "chunked, then identity",
                format!("{}{}", te("chunked"), te("identity")),
            ),
            (
                "a space before the colon",
                "Transfer-Encoding : chunked\r\n".into(),
            ),
            (
                "a space before the name",
                " Transfer-Encoding: chunked\r\n".into(),
            ),
            (
                "a tab before the colon",
                "Transfer-Encoding\t: chunked\r\n".into(),
            ),
            ("folded", "Transfer-Encoding:\r\n chunked\r\n".into()),
            (
                "behind a bare CR",
                "X-A: b\rTransfer-Encoding: chunked\r\n".into(),
            ),
            ("with a NUL", "Transfer-Encoding: chunked\0\r\n".into()),
            (
                "with a NUL in the name",
                "Transfer\0-Encoding: chunked\r\n".into(),
            ),
        ] {
            let bytes = post(stage, &format!("{length}{lines}"), &chunked);
            cases.push(case(name, bytes, BAD));
        }
        let old = good_in_1_0(stage, &te("chunked"), whole);
        cases.push(case("in HTTP/1.0", old, BAD));
        let old = good_in_1_0(stage, &format!("{length}{}", te("chunked")), &chunked);
        cases.push(case("in HTTP/1.0 with a length", old, BAD));
        cases
    });
}

fn good_in_1_0(stage: &Stage, lines: &str, rest: &str) -> String {
    post(stage, lines, rest).replacen("HTTP/1.1", "HTTP/1.0", 1)
}

#[test]
fn chunks_have_one_reading() {
    play_all(|stage| {
        let hidden = stage.hidden();
        let chunked = |rest: &str| post(stage, "Transfer-Encoding: chunked\r\n", rest);
        let mut cases = vec![
            case(
                "upper-case digits",
                chunked("A\r\n0123456789\r\n0\r\n\r\n"),
                once_and_closed("0123456789"),
            ),
            case(
                "leading zeros",
                chunked("0004\r\nabcd\r\n000\r\n\r\n"),
                once_and_closed("abcd"),
            ),
            case(
                "an extension",
                chunked("4;a=b\r\nabcd\r\n0\r\n\r\n"),
                once_and_closed("abcd"),
            ),
            case(
                "a quoted extension",
                chunked("4;a=\"b;c\"\r\nabcd\r\n0;x\r\n\r\n"),
                once_and_closed("abcd"),
            ),
        ];
        let long = "a".repeat(40 * 1024);
        for (name, rest) in [
            (
                "a size too large for any number",
                format!("FFFFFFFFFFFFFFFFF\r\n{hidden}"),
            ),
            (
                "a size that wraps to 4",
                format!("10000000000000004\r\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "a size with 0x",
                format!("0x4\r\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "a negative size",
                format!("-4\r\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            ("no size", format!("\r\nabcd\r\n0\r\n\r\n{hidden}")),
            ("no digits", format!("xyz\r\nabcd\r\n0\r\n\r\n{hidden}")),
            (
                "no line end behind the data",
                format!("4\r\nabcd0\r\n\r\n{hidden}"),
            ),
            (
                "more data than the size says",
                format!("4\r\nabcdef\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "a bare CR behind the size",
                format!("4\rabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "a bare LF behind the size",
                format!("4\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "a bare LF in an extension",
                format!("4;a\nb\r\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "an endless extension",
                format!("4;{long}\r\nabcd\r\n0\r\n\r\n{hidden}"),
            ),
            (
                "trailers without an end",
                format!("0\r\nX-A: {long}\r\n\r\n{hidden}"),
            ),
        ] {
            cases.push(case(name, chunked(&rest), BROKEN));
        }
        for name in [
            "Domicile-App-Id",
            "Domicile-Gateway-Secret",
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Authorization",
            "X-App-Id",
            "Connection",
        ] {
            let rest = format!("4\r\nabcd\r\n0\r\n{name}: 1\r\n\r\n");
            cases.push(case(
                format!("the trailer {name}"),
                chunked(&rest),
                once_and_closed("abcd"),
            ));
        }
        cases
    });
}

/// Methods that usually have no body, with one.
#[test]
fn a_body_is_a_body_whatever_the_method() {
    play_all(|stage| {
        let hidden = stage.hidden();
        let (auth, length) = (stage.auth(), hidden.len());
        let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
        let mut cases = Vec::new();
        for method in ["GET", "HEAD", "DELETE", "PUT", "OPTIONS", "PROPFIND"] {
            let line = format!("{method} /acme/chat/users HTTP/1.1\r\n{auth}");
            cases.push(Case {
                name: format!("{method} with a length"),
                bytes: format!("{line}Content-Length: {length}\r\n\r\n{hidden}").into(),
                then: Then::Hidden { closed: false },
            });
            cases.push(Case {
                name: format!("{method} with chunks"),
                bytes: format!("{line}Transfer-Encoding: chunked\r\n\r\n{chunk}").into(),
                then: Then::Hidden { closed: true },
            });
        }
        cases
    });
}

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

/// What stands behind a refused head, or in its body, is nobody's request (promise P4).
#[test]
fn nothing_follows_a_refused_body() {
    play_all(|stage| {
        let (auth, hidden) = (stage.auth(), stage.hidden());
        let length = hidden.len();
        let mut cases = Vec::new();
        for (target, code) in [
            ("/acme/nosuch/users", Code::AppUnknown),
            ("/acme/chat/../users", Code::BadRequest),
            ("/acme", Code::AppMissing),
            ("http://sgp.example/acme/chat/users", Code::NotAForwardProxy),
            ("/other/app/users", Code::AppMismatch),
        ] {
            let then = Then::Refused { code, closed: true };
            for lines in [
                format!("Content-Length: {length}\r\n\r\n{hidden}"),
                format!("Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n{hidden}"),
                format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
                format!("Content-Length: 1000000\r\n\r\n{hidden}"),
            ] {
                let bytes = format!("POST {target} HTTP/1.1\r\n{auth}{lines}");
                cases.push(case(
                    format!("{target} with {}", &lines[..20]),
                    bytes,
                    then.clone(),
                ));
            }
        }
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

/// Shorter than promised: the data centre sees its connection break, never a whole request.
#[test]
fn a_body_that_ends_early_is_never_completed() {
    let stage = Stage::new();
    for (name, lines, rest) in [
        ("by its length", "Content-Length: 100\r\n", "abcd"),
        ("in a chunk", "Transfer-Encoding: chunked\r\n", "64\r\nabcd"),
        (
            "between chunks",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nabcd\r\n",
        ),
        (
            "before the last line",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nabcd\r\n0\r\n",
        ),
    ] {
        let before = stage.nginx.seen().len();
        let mut client = Raw::plain(stage.site.http);
        client.send(post(&stage, lines, rest));
        client.finish();
        client.rest();
        let whole = |seen: &Seen| seen.status == "200";
        let seen = stage.seen_since(before);
        assert!(!seen.iter().any(whole), "{name}: {seen:?}");
    }
}

/// Longer than promised: by RFC 9112 what follows is a request of its own, and is judged as one.
#[test]
fn what_follows_a_body_is_judged_as_a_request() {
    let stage = Stage::new();
    for (name, rest) in [
        ("junk", "efgh\r\n\r\n"),
        ("a chunk", "4\r\nefgh\r\n0\r\n\r\n"),
    ] {
        let (before, bad) = (
            stage.nginx.seen().len(),
            stage.site.refusals(Code::BadRequest),
        );
        let mut client = Raw::plain(stage.site.http);
        client.send(post(
            &stage,
            "Content-Length: 4\r\n",
            &format!("abcd{rest}"),
        ));
        assert_eq!(
            client.answer().map(|answer| answer.status),
            Some(200),
            "{name}"
        );
        assert_eq!(
            client.answer().map(|answer| answer.status),
            Some(400),
            "{name}"
        );
        assert_eq!(client.rest(), b"", "{name}");
        drop(client);
        stage.site.await_refusals(Code::BadRequest, bad, name);
        let seen = stage.seen_since(before);
        assert_eq!(
            seen.iter().map(|seen| &*seen.body).collect::<Vec<_>>(),
            ["abcd"],
            "{name}"
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

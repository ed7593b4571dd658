//! Bodies that are none, or none of theirs, over HTTP/1 and with a real nginx as the
//! data centre: a request is refused, or becomes exactly one there, and what is hidden in it never
//! arrives as a request of its own.

use domicile::domain::Code;

use super::nginx::Seen;
use super::raw::Raw;
use super::stage::{Case, Stage, Then, case, play_all, post};

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

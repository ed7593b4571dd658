//! HTTP/2 that is malformed or too much (RFC 9113): refused or reset, counted, and never a second
//! request at the data centre, a real nginx.

use domicile::domain::Code;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, End, Frames, HEADERS, PING, RST_STREAM, SETTINGS,
    fields, frame, head,
};
use super::nginx::Seen;
use super::site::{ALSO, HOST};
use super::stage::Stage;

const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;

type Field<'a> = (&'a str, &'a str);

/// The pseudo-header fields of a good request.
const GET: [Field<'_>; 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", HOST),
    (":path", "/acme/chat/users"),
];

const POST: [Field<'_>; 4] = [
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", HOST),
    (":path", "/acme/chat/messages/users"),
];

fn token(stage: &Stage) -> String {
    format!("Bearer {}", stage.site.acme.app_token())
}

/// Sends one head and gives what the stream came to, and what nginx saw.
#[track_caller]
fn ask(stage: &Stage, list: &[Field<'_>], rest: &[Vec<u8>]) -> (End, Vec<Seen>) {
    let before = stage.nginx.seen().len();
    let mut frames = Frames::open(&stage.site, &[]);
    frames.send(
        [
            head(1, rest.is_empty(), &fields(list.iter().copied())),
            rest.concat(),
        ]
        .concat(),
    );
    let end = frames.end_of(1);
    if matches!(end, End::Reset(_) | End::Away(_)) {
        // Where h2 answers by itself the connection ends.
        frames.until_closed();
    }
    drop(frames);
    (end, stage.seen_since(before))
}

/// The code of a refusal's body.
fn code_of(end: &End) -> Option<String> {
    let End::Answered(body) = end else {
        return None;
    };
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body["code"].as_str()?.to_owned())
}

#[test]
fn a_good_request_passes() {
    let stage = Stage::new();
    let token = token(&stage);
    let list = [
        &GET[..],
        &[
            ("authorization", &token),
            ("te", "trailers"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ],
    ]
    .concat();
    let (end, seen) = ask(&stage, &list, &[]);
    assert_eq!(end, End::Answered(b"here\n".to_vec()));
    assert_eq!(seen.len(), 1);
    let list = [
        &POST[..],
        &[("authorization", &token), ("content-length", "4")],
    ]
    .concat();
    let (end, seen) = ask(&stage, &list, &[frame(DATA, END_STREAM, 1, b"abcd")]);
    assert_eq!(end, End::Answered(b"here\n".to_vec()));
    assert_eq!(seen[0].body, "abcd");
    assert_eq!((&*seen[0].length, &*seen[0].coding), ("4", ""));
}

/// What h2 resets by itself is a `bad_request` as well, and is counted so (SPEC 6.5).
#[test]
fn malformed_heads_are_reset_and_counted() {
    let stage = Stage::new();
    let token = token(&stage);
    let with = |more: &[Field<'static>]| [&GET[..], more].concat();
    let without = |name: &str| {
        GET.into_iter()
            .filter(|(n, _)| *n != name)
            .collect::<Vec<_>>()
    };
    let instead = |name: &'static str, value: &'static str| {
        GET.map(|(n, v)| if n == name { (n, value) } else { (n, v) })
            .to_vec()
    };
    let cases: Vec<(&str, Vec<Field<'_>>)> = vec![
        ("connection", with(&[("connection", "close")])),
        (
            "transfer-encoding",
            with(&[("transfer-encoding", "chunked")]),
        ),
        ("upgrade", with(&[("upgrade", "h2c")])),
        ("keep-alive", with(&[("keep-alive", "1")])),
        (
            "proxy-connection",
            with(&[("proxy-connection", "keep-alive")]),
        ),
        ("a TE that is not trailers", with(&[("te", "gzip")])),
        ("an upper-case name", with(&[("X-A", "b")])),
        ("an empty name", with(&[("", "b")])),
        ("a name with a space", with(&[("x a", "b")])),
        ("a name with a colon", with(&[("x:a", "b")])),
        ("a name with a line end", with(&[("x\r\nhost", "b")])),
        (
            "a value with a line end",
            with(&[("x-a", "b\r\nhost: sgp.example")]),
        ),
        ("a value with a bare LF", with(&[("x-a", "b\nc")])),
        ("a value with a NUL", with(&[("x-a", "b\0c")])),
        (
            "a pseudo-header behind a header",
            [&[("x-a", "b")], &GET[..]].concat(),
        ),
        ("an unknown pseudo-header", with(&[(":x", "b")])),
        ("two paths", with(&[(":path", "/acme/chat/smuggled")])),
        ("two methods", with(&[(":method", "POST")])),
        ("two authorities", with(&[(":authority", "sgp.example")])),
        ("a status", with(&[(":status", "200")])),
        ("no path", without(":path")),
        ("no method", without(":method")),
        ("an empty path", instead(":path", "")),
        (
            "a path with a space",
            instead(":path", "/acme/chat/users HTTP/1.1"),
        ),
        (
            "a path with a line end",
            instead(":path", "/acme/chat/users HTTP/1.1\r\nx: y"),
        ),
        ("a path with a NUL", instead(":path", "/acme/chat/users\0")),
        ("a method with a space", instead(":method", "GET /x")),
        (
            "an authority with a space",
            instead(":authority", "rest.frankfurt.test x"),
        ),
        (
            "a protocol without CONNECT",
            with(&[(":protocol", "websocket")]),
        ),
        ("a length that is none", with(&[("content-length", "four")])),
    ];
    let mut uncounted = Vec::new();
    for (name, list) in cases {
        let bad = stage.site.refusals(Code::BadRequest);
        let list = [&list[..], &[("authorization", &token)]].concat();
        let (end, seen) = ask(&stage, &list, &[]);
        let refused = matches!(end, End::Reset(PROTOCOL_ERROR) | End::Away(PROTOCOL_ERROR))
            || code_of(&end).as_deref() == Some("bad_request");
        assert!(refused, "{name}: {end:?}");
        assert!(seen.is_empty(), "{name}: {seen:?}");
        if stage.site.refusals(Code::BadRequest) == bad {
            uncounted.push(name);
        }
    }
    assert!(
        uncounted.is_empty(),
        "not in domicile_refusals_total: {uncounted:#?}"
    );
}

#[test]
fn heads_that_h2_lets_pass_get_their_code() {
    let stage = Stage::new();
    let token = token(&stage);
    let instead = |name: &'static str, value: &'static str| {
        GET.map(|(n, v)| if n == name { (n, value) } else { (n, v) })
            .to_vec()
    };
    let with = |more: &[Field<'static>]| [&GET[..], more].concat();
    let cases: Vec<(&str, Vec<Field<'_>>, Code)> = vec![
        (
            "Host says otherwise",
            with(&[("host", "sgp.example")]),
            Code::BadRequest,
        ),
        (
            "Host is another of ours",
            with(&[("host", ALSO)]),
            Code::BadRequest,
        ),
        (
            "two Hosts",
            with(&[("host", HOST), ("host", HOST)]),
            Code::BadRequest,
        ),
        (
            "an authority elsewhere",
            instead(":authority", "sgp.example"),
            Code::HostMismatch,
        ),
        (
            "an authority with a user",
            instead(":authority", "a@rest.frankfurt.test"),
            Code::BadRequest,
        ),
        ("an asterisk", instead(":path", "*"), Code::BadRequest),
        (
            "dots",
            instead(":path", "/acme/chat/../x"),
            Code::BadRequest,
        ),
        (
            "an encoded slash",
            instead(":path", "/acme/chat/users%2fbob"),
            Code::BadRequest,
        ),
        ("no App", instead(":path", "/acme"), Code::AppMissing),
        (
            "CONNECT",
            vec![(":method", "CONNECT"), (":authority", HOST)],
            Code::NotAForwardProxy,
        ),
        (
            "two App IDs",
            with(&[("x-app-id", "1"), ("x-app-id", "1")]),
            Code::BadRequest,
        ),
    ];
    for (name, list, code) in cases {
        let before = stage.site.refusals(code);
        let list = [&list[..], &[("authorization", &token)]].concat();
        let (end, seen) = ask(&stage, &list, &[]);
        assert_eq!(
            code_of(&end).as_deref(),
            Some(code.as_str()),
            "{name}: {end:?}"
        );
        assert!(stage.site.refusals(code) > before, "{name}");
        assert!(seen.is_empty(), "{name}: {seen:?}");
    }
}

#[test]
fn a_body_has_the_length_that_was_promised() {
    let stage = Stage::new();
    let token = token(&stage);
    let data = |bytes: &[u8], flags| frame(DATA, flags, 1, bytes);
    for (name, length, rest) in [
        ("longer", "2", vec![data(b"abcd", END_STREAM)]),
        (
            "longer, in two frames",
            "2",
            vec![data(b"ab", 0), data(b"cd", END_STREAM)],
        ),
        ("shorter", "10", vec![data(b"abcd", END_STREAM)]),
        ("nothing at all", "10", vec![data(b"", END_STREAM)]),
    ] {
        let list = [
            &POST[..],
            &[("authorization", &token), ("content-length", length)],
        ]
        .concat();
        let (end, seen) = ask(&stage, &list, &rest);
        let refused = matches!(end, End::Reset(_) | End::Away(_))
            || code_of(&end).as_deref() == Some("bad_request");
        assert!(refused, "{name}: {end:?}");
        let whole = seen.iter().any(|seen| seen.status == "200");
        assert!(!whole, "{name}: {seen:?}");
    }
    let trailers = fields([
        ("domicile-app-id", "1"),
        ("host", "sgp.example"),
        ("content-length", "9"),
    ]);
    let rest = [data(b"abcd", 0), head(1, true, &trailers)];
    let list = [&POST[..], &[("authorization", &token)]].concat();
    let (end, seen) = ask(&stage, &list, &rest);
    let [one] = &seen[..] else {
        // h2 may take trailers with a length for malformed.
        return assert!(
            matches!(end, End::Reset(_)) && seen.is_empty(),
            "{end:?} {seen:?}"
        );
    };
    assert_eq!((&*one.body, &one.app), ("abcd", &stage.site.acme.app_id));
}

#[test]
fn too_large_heads_are_refused_and_counted() {
    let stage = Stage::new();
    let token = token(&stage);
    let names: Vec<String> = (0..10_000).map(|n| format!("x-{n}")).collect();
    let many: Vec<Field<'_>> = names.iter().map(|name| (&**name, "y")).collect();
    let (large, larger) = ("b".repeat(40 * 1024), "b".repeat(1 << 20));
    let mut uncounted = Vec::new();
    for (name, more) in [
        ("101 fields", &many[..100]),
        ("10,000 fields", &many[..]),
        ("40 KiB", &[("x-a", &*large)][..]),
        ("1 MiB", &[("x-a", &*larger)][..]),
        (
            "a token of 1 MiB",
            &[("x-app-id", "1"), ("x-b", &*larger)][..],
        ),
    ] {
        // With more CONTINUATION frames than h2 takes it is a flood.
        let counted =
            || [Code::HeadersTooLarge, Code::RateLimited].map(|code| stage.site.refusals(code));
        let before = counted();
        let list = [&GET[..], &[("authorization", &token)], more].concat();
        let (end, seen) = ask(&stage, &list, &[]);
        let refused = match &end {
            End::Answered(body) => {
                body.is_empty() || code_of(&end).as_deref() == Some("headers_too_large")
            }
            // GOAWAY may be lost to the reset that comes of sending on.
            End::Reset(_) | End::Away(_) | End::Closed => true,
        };
        assert!(refused, "{name}: {end:?}");
        assert!(seen.is_empty(), "{name}");
        if counted() == before {
            uncounted.push(name);
        }
    }
    assert!(
        uncounted.is_empty(),
        "not in domicile_refusals_total: {uncounted:#?}"
    );
}

/// One field of 4,000 bytes, put into the table once and named by a byte from there on.
#[test]
fn a_small_block_that_grows_is_refused() {
    let stage = Stage::new();
    let value = "b".repeat(4_000);
    let mut block = fields(GET);
    let literal = fields([("x", &*value)]);
    block.push(0x40);
    block.extend_from_slice(&literal[1..]);
    block.extend(std::iter::repeat_n(0xbe, 16_000));
    let before = stage.nginx.seen().len();
    let mut frames = Frames::open(&stage.site, &[]);
    frames.send(head(1, true, &block));
    let end = frames.end_of(1);
    let answered = matches!(&end, End::Answered(body) if body == b"here\n");
    assert!(!answered, "{end:?}");
    assert!(stage.seen_since(before).is_empty());
}

/// The connection is ended, its work is dropped, and others are served.
#[test]
fn floods_end_their_connection() {
    let stage = Stage::new();
    let token = token(&stage);
    let list = [&GET[..], &[("authorization", &token)]].concat();
    let good = fields(list.iter().copied());
    let continued = {
        let first = frame(HEADERS, END_STREAM, 1, &good);
        let more = frame(CONTINUATION, 0, 1, &fields([("x", "y")]));
        [first, more.repeat(20_000)].concat()
    };
    let empty = {
        let first = frame(HEADERS, END_STREAM, 1, &good);
        [first, frame(CONTINUATION, 0, 1, &[]).repeat(20_000)].concat()
    };
    let resets: Vec<u8> = (0..5_000u32)
        .flat_map(|n| {
            [
                head(2 * n + 1, true, &good),
                frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]),
            ]
        })
        .flatten()
        .collect();
    for (name, bytes) in [
        ("CONTINUATION", continued),
        ("empty CONTINUATION", empty),
        ("rapid reset", resets),
    ] {
        let mut frames = Frames::open(&stage.site, &[]);
        frames.send(bytes);
        let end = frames.end_of(u32::MAX);
        assert!(matches!(end, End::Away(_) | End::Closed), "{name}: {end:?}");
        let seen = stage.seen_since(0);
        assert!(seen.len() < 300, "{name}: {}", seen.len());
    }
    // Asked for much, answered little: it may go on, but nobody else may feel it.
    for (name, bytes) in [
        ("PING", frame(PING, 0, 0, &[0; 8]).repeat(20_000)),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[]).repeat(20_000)),
        (
            "empty DATA",
            [head(1, false, &good), frame(DATA, 0, 1, &[]).repeat(20_000)].concat(),
        ),
    ] {
        let mut frames = Frames::open(&stage.site, &[]);
        frames.send(bytes);
        stage.seen_since(0);
        drop(frames);
        let _ = name;
    }
}

#[test]
fn there_are_at_most_200_streams() {
    let stage = Stage::new();
    let token = token(&stage);
    let list = [&POST[..], &[("authorization", &token)]].concat();
    let block = fields(list.iter().copied());
    let mut frames = Frames::open(&stage.site, &[]);
    for n in 0..201 {
        frames.send(frame(HEADERS, END_HEADERS, 2 * n + 1, &block));
    }
    assert_eq!(frames.end_of(401), End::Reset(REFUSED_STREAM));
    for n in 0..200 {
        frames.send(frame(DATA, END_STREAM, 2 * n + 1, b"abcd"));
    }
    assert_eq!(frames.end_of(399), End::Answered(b"here\n".to_vec()));
}

/// Frames that are none, on streams that are none.
#[test]
fn broken_framing_ends_the_connection_and_is_counted() {
    let stage = Stage::new();
    let token = token(&stage);
    let list = [&GET[..], &[("authorization", &token)]].concat();
    let good = fields(list.iter().copied());
    let oversized = frame(DATA, 0, 1, &vec![0; 70_000]);
    let mut uncounted = Vec::new();
    for (name, bytes) in [
        ("HEADERS on stream 0", frame(HEADERS, 5, 0, &good)),
        ("HEADERS on an even stream", frame(HEADERS, 5, 2, &good)),
        ("DATA on an idle stream", frame(DATA, 0, 1, b"abcd")),
        ("a frame beyond the largest", oversized),
        ("SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("PING of 7 bytes", frame(PING, 0, 0, &[0; 7])),
        (
            "CONTINUATION of nothing",
            frame(CONTINUATION, END_HEADERS, 1, &good),
        ),
        (
            "PING within a head",
            [frame(HEADERS, 1, 1, &good), frame(PING, 0, 0, &[0; 8])].concat(),
        ),
        ("HPACK that is none", frame(HEADERS, 5, 1, &[0xff; 64])),
        ("an index beyond the table", frame(HEADERS, 5, 1, &[0xfe])),
        (
            "padding beyond the frame",
            frame(HEADERS, 0x0d, 1, &[0xff, 1, 2]),
        ),
    ] {
        let bad = stage.site.refusals(Code::BadRequest);
        let mut frames = Frames::open(&stage.site, &[]);
        frames.send(&bytes);
        let end = frames.end_of(u32::MAX);
        assert!(matches!(end, End::Away(_) | End::Closed), "{name}: {end:?}");
        frames.until_closed();
        if stage.site.refusals(Code::BadRequest) == bad {
            uncounted.push(name);
        }
    }
    assert!(stage.seen_since(0).is_empty());
    assert!(
        uncounted.is_empty(),
        "not in domicile_refusals_total: {uncounted:#?}"
    );
}

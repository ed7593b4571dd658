//! Messages in fragments, with control frames between them: section 5 of the Autobahn test suite.

use websocket::{Fault, MAX_FRAGMENTS, Role};

use crate::support::*;

#[test]
fn fragments_make_a_message() {
    let rows: [(&str, &[Plain], &[Event]); 9] = [
        (
            "5.3 two",
            &[part(TEXT, "fragment1"), whole(CONTINUATION, "fragment2")],
            &[Event::Fragment, text("fragment1fragment2")],
        ),
        (
            "5.6 a ping between them",
            &[part(TEXT, "a"), whole(PING, "p"), whole(CONTINUATION, "b")],
            &[Event::Fragment, ping("p"), text("ab")],
        ),
        (
            "5.19 many pings",
            &[
                part(TEXT, "1"),
                part(CONTINUATION, "2"),
                whole(PING, "x"),
                part(CONTINUATION, "3"),
                whole(PONG, "y"),
                part(CONTINUATION, "4"),
                whole(PING, "z"),
                whole(CONTINUATION, "5"),
            ],
            &[
                Event::Fragment,
                Event::Fragment,
                ping("x"),
                Event::Fragment,
                Event::Pong,
                Event::Fragment,
                ping("z"),
                text("12345"),
            ],
        ),
        (
            "6.1.2 all empty",
            &[
                part(BINARY, ""),
                part(CONTINUATION, ""),
                whole(CONTINUATION, ""),
            ],
            &[Event::Fragment, Event::Fragment, binary("")],
        ),
        (
            "6.1.3 some empty",
            &[
                part(TEXT, ""),
                part(CONTINUATION, "x"),
                whole(CONTINUATION, ""),
            ],
            &[Event::Fragment, Event::Fragment, text("x")],
        ),
        (
            "one after another",
            &[
                part(BINARY, [1]),
                whole(CONTINUATION, [2]),
                whole(BINARY, [3]),
                part(TEXT, "4"),
                whole(CONTINUATION, "5"),
                part(BINARY, [6]),
                whole(CONTINUATION, [7]),
            ],
            &[
                Event::Fragment,
                binary([1, 2]),
                binary([3]),
                Event::Fragment,
                text("45"),
                Event::Fragment,
                binary([6, 7]),
            ],
        ),
        (
            "long",
            &[
                part(BINARY, [1; 300]),
                part(CONTINUATION, [1; 66_000]),
                whole(CONTINUATION, [1; 9]),
            ],
            &[Event::Fragment, Event::Fragment, binary([1; 66_309])],
        ),
        (
            "a close between them",
            &[part(TEXT, "a"), whole(CLOSE, ""), whole(CONTINUATION, "b")],
            &[Event::Fragment, Event::Close(None, String::new())],
        ),
        (
            "never finished",
            &[part(TEXT, "a"), part(CONTINUATION, "b")],
            &[Event::Fragment, Event::Fragment],
        ),
    ];
    for (name, frames, events) in rows {
        expect(name, frames, events);
    }
}

#[test]
fn fragments_out_of_turn() {
    use Fault::*;
    let rows: [(&str, &[Plain], &[Event]); 9] = [
        (
            "5.1 a fragmented ping",
            &[part(PING, "a")],
            &[Event::Fault(ControlFragmented)],
        ),
        (
            "5.2 a fragmented pong",
            &[part(PONG, "a")],
            &[Event::Fault(ControlFragmented)],
        ),
        (
            "a fragmented close",
            &[part(CLOSE, "")],
            &[Event::Fault(ControlFragmented)],
        ),
        (
            "5.9 a continuation of nothing",
            &[whole(CONTINUATION, "a"), whole(TEXT, "b")],
            &[Event::Fault(UnexpectedContinuation)],
        ),
        (
            "5.12 without FIN",
            &[part(CONTINUATION, "a")],
            &[Event::Fault(UnexpectedContinuation)],
        ),
        (
            "a continuation of a whole message",
            &[whole(TEXT, "a"), whole(CONTINUATION, "b")],
            &[text("a"), Event::Fault(UnexpectedContinuation)],
        ),
        (
            "5.15 a continuation of a finished message",
            &[
                part(TEXT, "a"),
                whole(CONTINUATION, "b"),
                part(CONTINUATION, "c"),
            ],
            &[
                Event::Fragment,
                text("ab"),
                Event::Fault(UnexpectedContinuation),
            ],
        ),
        (
            "5.18 a message inside a message",
            &[part(TEXT, "a"), whole(TEXT, "b")],
            &[Event::Fragment, Event::Fault(ExpectedContinuation)],
        ),
        (
            "a fragment of another kind inside a message",
            &[part(TEXT, "a"), part(CONTINUATION, "b"), part(BINARY, "c")],
            &[
                Event::Fragment,
                Event::Fragment,
                Event::Fault(ExpectedContinuation),
            ],
        ),
    ];
    for (name, frames, events) in rows {
        expect(name, frames, events);
    }
}

#[test]
fn a_flood_of_empty_fragments_ends() {
    let most = MAX_FRAGMENTS as usize;
    let stream = |empty: usize| {
        let frames = [raw(Role::Client, &part(BINARY, "")), [0, 0].repeat(empty)];
        [
            frames.concat(),
            raw(Role::Client, &whole(CONTINUATION, "x")),
        ]
        .concat()
    };
    let allowed = read(Role::Client, 10, [&stream(most - 2)[..]]);
    assert_eq!(allowed.last(), Some(&binary("x")));
    let flood = read(Role::Client, 10, [&stream(most)[..]]);
    assert_eq!(flood.last(), Some(&Event::Fault(Fault::TooManyFragments)));
    assert_eq!(flood.len(), most + 1);
}

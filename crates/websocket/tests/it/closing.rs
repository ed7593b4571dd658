//! Close frames: section 7 of the Autobahn test suite.

use websocket::{Fault, code};

use crate::support::*;

#[test]
fn bodies() {
    use Fault::*;
    let with = |reason: &[u8]| whole(CLOSE, [&[0x03, 0xE8], reason].concat());
    let closed = |reason: &str| Event::Close(Some(1000), reason.to_owned());
    let longest = "*".repeat(123);
    let rows: [(&str, Plain, Event); 10] = [
        (
            "7.3.1 empty",
            whole(CLOSE, ""),
            Event::Close(None, String::new()),
        ),
        ("7.3.2 one byte", whole(CLOSE, [3]), Event::Fault(CloseBody)),
        ("7.3.3 code only", with(b""), closed("")),
        (
            "7.3.4 reason",
            with(b"Hello World!"),
            closed("Hello World!"),
        ),
        (
            "7.3.5 123 bytes",
            with(longest.as_bytes()),
            closed(&longest),
        ),
        (
            "7.3.6 124 bytes",
            with(&[b'*'; 124]),
            Event::Fault(ControlTooLong),
        ),
        (
            "7.5.1 not UTF-8",
            with(b"\xce\xba\xed\xa0\x80edited"),
            Event::Fault(Utf8),
        ),
        ("UTF-8 cut off", with(b"\xce"), Event::Fault(Utf8)),
        ("UTF-8", with("κόσμε".as_bytes()), closed("κόσμε")),
        (
            "code before reason",
            whole(CLOSE, b"\x03\xED\xff"),
            Event::Fault(CloseCode),
        ),
    ];
    for (name, frame, event) in rows {
        expect(name, &[frame, whole(PING, "after it")], &[event]);
    }
}

#[test]
fn codes() {
    for number in (0..1200).chain([1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65_535]) {
        let frame = whole(CLOSE, u16::to_be_bytes(number));
        let event = if code::is_valid(number) {
            Event::Close(Some(number), String::new())
        } else {
            Event::Fault(Fault::CloseCode)
        };
        expect("7.7, 7.9, 7.13", &[frame], &[event]);
    }
}

#[test]
fn after_messages_and_inside_one() {
    expect(
        "7.1.1",
        &[whole(TEXT, "a"), whole(CLOSE, ""), whole(TEXT, "b")],
        &[text("a"), Event::Close(None, String::new())],
    );
    expect(
        "7.1.4",
        &[
            part(TEXT, "a"),
            whole(CLOSE, [0x03, 0xE9]),
            whole(CONTINUATION, "b"),
        ],
        &[Event::Fragment, Event::Close(Some(1001), String::new())],
    );
}

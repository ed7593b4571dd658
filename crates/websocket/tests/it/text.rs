//! Text is UTF-8: section 6 of the Autobahn test suite.

use websocket::Fault;

use crate::support::*;

#[test]
fn valid_text() {
    let rows: [(&str, &[u8]); 12] = [
        ("6.2 Greek and more", "Hello-µ@ßöäüàá-UTF-8!!".as_bytes()),
        ("6.5 kosme", "κόσμε".as_bytes()),
        ("6.6 first of two bytes", b"\xc2\x80"),
        ("6.6 last of two bytes", b"\xdf\xbf"),
        ("6.6 first of three bytes", b"\xe0\xa0\x80"),
        ("6.6 last of three bytes", b"\xef\xbf\xbf"),
        ("6.6 first of four bytes", b"\xf0\x90\x80\x80"),
        ("6.7 NUL", b"\0"),
        ("6.7 DEL", b"\x7f"),
        ("6.9 around the surrogates", b"\xed\x9f\xbf\xee\x80\x80"),
        ("6.9 U+10FFFF", b"\xf4\x8f\xbf\xbf"),
        (
            "6.22 noncharacters",
            b"\xef\xbf\xbe\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf",
        ),
    ];
    for (name, bytes) in rows {
        in_every_two_fragments(name, bytes, &text(str::from_utf8(bytes).unwrap()));
        byte_by_byte(name, bytes, &text(str::from_utf8(bytes).unwrap()));
    }
}

#[test]
fn invalid_text() {
    let rows: [(&str, &[u8]); 24] = [
        (
            "6.3 U+D800 after kosme",
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        ),
        (
            "6.4 U+110000",
            b"\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80edited",
        ),
        ("6.6 a cut character", b"\xce\xba\xe1\xbd"),
        ("6.8 first of five bytes", b"\xf8\x88\x80\x80\x80"),
        ("6.8 first of six bytes", b"\xfc\x84\x80\x80\x80\x80"),
        ("6.10 last of four bytes", b"\xf7\xbf\xbf\xbf"),
        ("6.10 last of six bytes", b"\xfd\xbf\xbf\xbf\xbf\xbf"),
        ("6.11 U+110000", b"\xf4\x90\x80\x80"),
        ("6.12 first continuation byte", b"\x80"),
        ("6.12 last continuation byte", b"\xbf"),
        ("6.13 a lonely start of two", b"\xc3 "),
        ("6.13 a lonely start of four", b"\xf0 "),
        ("6.14 the last byte missing, two", b"\xc3"),
        ("6.14 the last byte missing, three", b"\xe0\xa0"),
        ("6.14 the last byte missing, four", b"\xf0\x90\x80"),
        ("6.16 FE", b"\xfe"),
        ("6.16 FF", b"\xff"),
        ("6.17 overlong slash, two", b"\xc0\xaf"),
        ("6.17 overlong slash, three", b"\xe0\x80\xaf"),
        ("6.18 longest overlong, four", b"\xf0\x8f\xbf\xbf"),
        ("6.19 overlong NUL", b"\xc0\x80"),
        ("6.20 first high surrogate", b"\xed\xa0\x80"),
        ("6.20 last low surrogate", b"\xed\xbf\xbf"),
        ("6.21 a surrogate pair", b"\xed\xa0\x80\xed\xb0\x80"),
    ];
    for (name, bytes) in rows {
        in_every_two_fragments(name, bytes, &Event::Fault(Fault::Utf8));
        byte_by_byte(name, bytes, &Event::Fault(Fault::Utf8));
        in_every_two_fragments_as(BINARY, name, bytes, &binary(bytes));
    }
}

#[test]
fn a_character_is_not_continued_in_the_next_message() {
    let frames = [whole(TEXT, b"\xc3"), whole(TEXT, b"\xbc")];
    expect("two messages", &frames, &[Event::Fault(Fault::Utf8)]);
}

fn in_every_two_fragments(name: &str, bytes: &[u8], event: &Event) {
    in_every_two_fragments_as(TEXT, name, bytes, event);
}

fn in_every_two_fragments_as(opcode: u8, name: &str, bytes: &[u8], event: &Event) {
    expect(name, &[whole(opcode, bytes)], std::slice::from_ref(event));
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let frames = [
            part(opcode, first),
            whole(PING, "p"),
            whole(CONTINUATION, second),
        ];
        if opcode == TEXT && is_wrong_already(first) {
            expect(name, &frames, std::slice::from_ref(event));
        } else {
            expect(name, &frames, &[Event::Fragment, ping("p"), event.clone()]);
        }
    }
}

fn byte_by_byte(name: &str, bytes: &[u8], event: &Event) {
    let mut frames = vec![part(TEXT, "")];
    frames.extend(bytes.iter().map(|byte| part(CONTINUATION, [*byte])));
    frames.push(whole(CONTINUATION, ""));
    let good = (0..=bytes.len()).take_while(|end| !is_wrong_already(&bytes[..*end]));
    let mut events = vec![Event::Fragment; good.count()];
    events.push(event.clone());
    expect(name, &frames, &events);
}

/// Whatever follows, it will not be UTF-8.
fn is_wrong_already(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some())
}

//! Lengths and codings that parsers disagree about, over HTTP/1 and with a real nginx as the
//! data centre: a request is refused, or becomes exactly one there, and what is hidden in it never
//! arrives as a request of its own.

use super::stage::{BAD, BROKEN, Stage, Then, case, once, once_and_closed, play_all, post};

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

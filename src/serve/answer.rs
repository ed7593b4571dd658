//! An answer in HTTP/1.1: its head, and how its body is framed (RFC 9112 section 6).

use std::cell::RefCell;
use std::io::Write as _;

use http::StatusCode;
use http::header::{self, HeaderMap};
use http::response::Parts;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::domain::Clock;

/// How a body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none, by the answer's status.
    Nothing,
    /// So many bytes are still to come.
    Exact(u64),
    Chunked,
}

/// A body that is not what its head says. The client sees its connection close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misframed;

impl Framing {
    pub fn of(status: StatusCode, exact: Option<u64>) -> Self {
        if status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            return Self::Nothing;
        }
        exact.map_or(Self::Chunked, Self::Exact)
    }

    /// What comes before a piece of so many bytes, more than none.
    ///
    /// # Errors
    /// When more comes than was said.
    pub fn begin_piece(&mut self, out: &mut Vec<u8>, size: usize) -> Result<(), Misframed> {
        match self {
            Self::Nothing => return Err(Misframed),
            Self::Exact(left) => *left = left.checked_sub(size as u64).ok_or(Misframed)?,
            Self::Chunked => {
                // A vector takes everything.
                let _ = write!(out, "{size:x}\r\n");
            }
        }
        Ok(())
    }

    /// What comes behind a piece.
    pub fn end_piece(self, out: &mut Vec<u8>) {
        if self == Self::Chunked {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// What comes behind the last piece.
    ///
    /// # Errors
    /// When less came than was said.
    pub fn end(self, out: &mut Vec<u8>) -> Result<(), Misframed> {
        match self {
            Self::Nothing | Self::Exact(0) => {}
            Self::Exact(_) => return Err(Misframed),
            Self::Chunked => out.extend_from_slice(b"0\r\n\r\n"),
        }
        Ok(())
    }
}

/// The status line and the fields, with `Date` where there is none (RFC 9110 section 6.6.1), and the empty line.
pub fn write_head(
    out: &mut Vec<u8>,
    head: &Parts,
    body: Framing,
    persists: bool,
    clock: &dyn Clock,
) {
    let status = head.status;
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let (mut has_date, mut has_connection) = (false, false);
    for (name, value) in &head.headers {
        // Framing is made here.
        if *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING {
            continue;
        }
        has_date |= *name == header::DATE;
        has_connection |= *name == header::CONNECTION;
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    match body {
        Framing::Nothing => {}
        Framing::Exact(length) => {
            let mut digits = itoa::Buffer::new();
            for part in ["content-length: ", digits.format(length), "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if !persists && !has_connection {
        out.extend_from_slice(b"connection: close\r\n");
    }
    if !has_date {
        write_date(out, clock.unix_lately());
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether the answer's own fields end the connection.
pub fn says_close(headers: &HeaderMap) -> bool {
    let mut fields = headers.iter();
    fields.any(|(name, value)| {
        *name == header::CONNECTION && value.as_bytes().eq_ignore_ascii_case(b"close")
    })
}

fn write_date(out: &mut Vec<u8>, now: u64) {
    thread_local! {
        /// The last one that was asked for on this core, and its second.
        static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now || text.is_empty() {
            *second = now;
            *text = date(now).unwrap_or_default();
        }
        if !text.is_empty() {
            for part in ["date: ", text, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    });
}

/// As HTTP has it (RFC 9110 section 5.6.7).
fn date(unix: u64) -> Option<String> {
    let time = Timestamp::from_second(i64::try_from(unix).ok()?).ok()?;
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .ok()
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    struct At(u64);

    impl Clock for At {
        fn unix_millis(&self) -> u64 {
            self.0 * 1_000
        }
    }

    fn written(status: u16, fields: &[(&str, &str)], body: Framing, persists: bool) -> String {
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        let mut out = Vec::new();
        write_head(&mut out, &head, body, persists, &At(784_111_777));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_head_has_its_fields_its_framing_and_a_date() {
        assert_eq!(
            written(200, &[("x-a", "1"), ("x-a", "2")], Framing::Exact(5), true),
            "HTTP/1.1 200 OK\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 5\r\n\
             date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
        );
        let date = ("date", "then");
        assert_eq!(
            written(299, &[date], Framing::Chunked, false),
            "HTTP/1.1 299 \r\ndate: then\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        let fields = [
            date,
            ("content-length", "7"),
            ("transfer-encoding", "gzip"),
            ("connection", "close"),
        ];
        assert_eq!(
            written(204, &fields, Framing::Nothing, false),
            "HTTP/1.1 204 No Content\r\ndate: then\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn statuses_without_a_body_have_no_framing() {
        for status in [100, 204, 304] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Framing::of(status, Some(3)), Framing::Nothing);
        }
        assert_eq!(Framing::of(StatusCode::OK, Some(3)), Framing::Exact(3));
        assert_eq!(Framing::of(StatusCode::OK, None), Framing::Chunked);
    }

    #[test]
    fn a_body_that_is_not_what_was_said_is_no_body() {
        let mut out = Vec::new();
        let mut exact = Framing::Exact(3);
        assert_eq!(exact.begin_piece(&mut out, 2), Ok(()));
        assert_eq!(exact.end(&mut out), Err(Misframed));
        assert_eq!(exact.begin_piece(&mut out, 2), Err(Misframed));
        assert_eq!(exact.begin_piece(&mut out, 1), Ok(()));
        assert_eq!(exact.end(&mut out), Ok(()));
        assert!(out.is_empty());
        assert_eq!(Framing::Nothing.begin_piece(&mut out, 1), Err(Misframed));
        let mut chunked = Framing::Chunked;
        chunked.begin_piece(&mut out, 26).unwrap();
        chunked.end_piece(&mut out);
        chunked.end(&mut out).unwrap();
        assert_eq!(out, b"1a\r\n\r\n0\r\n\r\n");
    }
}

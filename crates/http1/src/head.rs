//! An answer's head, and what it says of its body (RFC 9112 section 6.3).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::fault::Fault;

/// The most that a head may have, in bytes.
pub(crate) const HEAD: usize = 64 * 1024;

/// The most fields that a head may have.
const FIELDS: usize = 100;

/// The most answers that may come before the last one.
pub(crate) const INTERIM: u8 = 16;

/// An answer's head. What concerns the connection alone is not among its fields: lengths, transfer
/// codings, and a `Connection` that names no other field.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub length: Length,
    /// Whether the connection can serve another request behind this answer.
    pub persists: bool,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// After so many bytes.
    Exact(u64),
    /// With a last chunk.
    Chunked,
    /// With the connection.
    Open,
}

/// Reads the heads that answer one request: interim ones (RFC 9110 section 15.2), which are passed
/// over, and the last one.
#[derive(Debug)]
pub struct Heads {
    bodiless: bool,
    /// So much of the buffer has no end of a head in it.
    looked: usize,
    interim: u8,
}

impl Heads {
    /// Of the answers to a request of this method.
    pub fn to(method: &Method) -> Self {
        Self {
            bodiless: *method == Method::HEAD,
            looked: 0,
            interim: 0,
        }
    }

    /// The request is sent anew, on another connection.
    pub const fn begin_again(&mut self) {
        self.looked = 0;
        self.interim = 0;
    }

    /// Takes the head from the front of the buffer, once it is whole. Until then the buffer may
    /// only be added to.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<Head>, Fault> {
        loop {
            let Some(end) = self.end(buffer)? else {
                return if self.looked > HEAD {
                    Err(Fault::HeadTooLarge)
                } else {
                    Ok(None)
                };
            };
            if end > HEAD {
                return Err(Fault::HeadTooLarge);
            }
            let head = parse(&buffer.split_to(end).freeze(), self.bodiless)?;
            self.looked = 0;
            // An upgrade is no interim answer: what follows is not HTTP any more.
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Some(head));
            }
            self.interim += 1;
            if self.interim > INTERIM {
                return Err(Fault::TooManyInterim);
            }
        }
    }

    /// Where the empty line ends that ends the head. Of lines that end with a bare LF some readers
    /// would see other lines.
    fn end(&mut self, buffer: &[u8]) -> Result<Option<usize>, Fault> {
        let from = self.looked.min(buffer.len()).saturating_sub(3);
        for at in memchr::memchr_iter(b'\n', &buffer[from..]) {
            let head = &buffer[..=from + at];
            if !head.ends_with(b"\r\n") {
                return Err(Fault::LineEnd);
            }
            if head.ends_with(b"\r\n\r\n") {
                self.looked = buffer.len();
                return Ok(Some(head.len()));
            }
        }
        self.looked = buffer.len();
        Ok(None)
    }
}

fn parse(bytes: &Bytes, bodiless: bool) -> Result<Head, Fault> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let status = parser
        .parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields)
        .map_err(Fault::Head)?;
    if status != httparse::Status::Complete(bytes.len()) {
        return Err(Fault::LineEnd);
    }
    let code = parsed.code.ok_or(Fault::Field)?;
    let code = StatusCode::from_u16(code).map_err(|_| Fault::Field)?;
    let modern = parsed.version == Some(1);
    let mut framing = Framing::default();
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    for field in &*parsed.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Fault::Field)?;
        if framing.takes(&name, field.value)? {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        map.append(name, value.map_err(|_| Fault::Field)?);
    }
    let length = framing.length(code, bodiless, modern)?;
    Ok(Head {
        status: code,
        fields: map,
        persists: framing.persists(modern) && length != Length::Open,
        length,
    })
}

/// What a head says of its body and of the connection.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Framing {
    /// Whether the field concerns the connection alone.
    fn takes(&mut self, name: &HeaderName, value: &[u8]) -> Result<bool, Fault> {
        if *name == header::CONTENT_LENGTH {
            self.content_length(value)?;
        } else if *name == header::TRANSFER_ENCODING {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::TransferEncoding);
            }
            self.chunked = true;
        } else if *name == header::CONNECTION {
            return Ok(self.connection(value));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// A number, or one number several times (RFC 9110 section 8.6).
    fn content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        for number in value.split(|byte| *byte == b',') {
            let number = decimal(number.trim_ascii()).ok_or(Fault::ContentLength)?;
            if self
                .length
                .replace(number)
                .is_some_and(|other| other != number)
            {
                return Err(Fault::ContentLength);
            }
        }
        Ok(())
    }

    /// Whether it says nothing but whether the connection goes on.
    fn connection(&mut self, value: &[u8]) -> bool {
        let mut alone = true;
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else {
                alone = false;
            }
        }
        alone
    }

    fn length(&self, status: StatusCode, bodiless: bool, modern: bool) -> Result<Length, Fault> {
        // HTTP/1.0 knows no transfer codings, and a recipient cannot know who made these.
        if self.chunked && !modern {
            return Err(Fault::TransferEncoding);
        }
        if self.chunked && self.length.is_some() {
            return Err(Fault::TwoLengths);
        }
        let none = bodiless
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        Ok(match self.length {
            _ if none => Length::Exact(0),
            Some(length) => Length::Exact(length),
            None if self.chunked => Length::Chunked,
            None => Length::Open,
        })
    }

    fn persists(&self, modern: bool) -> bool {
        !self.close && (modern || self.keep_alive)
    }
}

/// A number in digits alone.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(method: &Method, text: &str) -> Result<Option<Head>, Fault> {
        Heads::to(method).read(&mut BytesMut::from(text))
    }

    fn read(text: &str) -> Head {
        read_of(&Method::GET, text).unwrap().unwrap()
    }

    fn fault(text: &str) -> Fault {
        read_of(&Method::GET, text).unwrap_err()
    }

    fn with(fields: &str) -> String {
        format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")
    }

    #[test]
    fn a_head_is_read_byte_by_byte_as_at_once() {
        let text = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello";
        let (mut heads, mut buffer) = (Heads::to(&Method::POST), BytesMut::new());
        let mut found = None;
        for (at, byte) in text.bytes().enumerate() {
            buffer.extend_from_slice(&[byte]);
            if let Some(head) = heads.read(&mut buffer).unwrap() {
                found = Some((at, head));
                break;
            }
        }
        let (at, head) = found.unwrap();
        assert_eq!(&text[at + 1..], "hello");
        assert!(buffer.is_empty());
        assert_eq!(head.status, StatusCode::CREATED);
        assert_eq!(head.length, Length::Exact(5));
        assert!(head.persists);
        let values: Vec<_> = head.fields.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(head.fields.len(), 2, "lengths stay here");
    }

    #[test]
    fn interim_answers_are_passed_over_but_not_for_ever() {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
        let last = with("Content-Length: 0");
        let head = read(&format!("{}{last}", interim.repeat(usize::from(INTERIM))));
        assert_eq!(head.status, StatusCode::OK);
        assert!(head.fields.is_empty());
        let more = interim.repeat(usize::from(INTERIM) + 1);
        assert_eq!(fault(&more), Fault::TooManyInterim);
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
        assert_eq!(read(upgrade).status, StatusCode::SWITCHING_PROTOCOLS);
    }

    #[test]
    fn lengths_are_those_of_the_standard() {
        for (fields, length) in [
            ("Content-Length: 0", Length::Exact(0)),
            ("Content-Length: 7, 7", Length::Exact(7)),
            ("Content-Length: 7\r\nContent-Length: 7", Length::Exact(7)),
            ("Transfer-Encoding: Chunked", Length::Chunked),
            ("X: y", Length::Open),
        ] {
            assert_eq!(read(&with(fields)).length, length, "{fields}");
        }
        for status in ["204 No Content", "304 Not Modified"] {
            let text = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\n");
            assert_eq!(read(&text).length, Length::Exact(0));
        }
        let head = read_of(&Method::HEAD, &with("Transfer-Encoding: chunked"));
        assert_eq!(head.unwrap().unwrap().length, Length::Exact(0));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for (fields, expected) in [
            (
                "Content-Length: 7\r\nContent-Length: 8",
                Fault::ContentLength,
            ),
            ("Content-Length: 7, 8", Fault::ContentLength),
            ("Content-Length: +7", Fault::ContentLength),
            ("Content-Length: 0x7", Fault::ContentLength),
            ("Content-Length: ", Fault::ContentLength),
            ("Content-Length: 7,", Fault::ContentLength),
            ("Content-Length: 18446744073709551616", Fault::ContentLength),
            ("Transfer-Encoding: gzip, chunked", Fault::TransferEncoding),
            ("Transfer-Encoding: gzip", Fault::TransferEncoding),
            (
                "Transfer-Encoding: chunked, chunked",
                Fault::TransferEncoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Fault::TransferEncoding,
            ),
            ("Transfer-Encoding: xchunked", Fault::TransferEncoding),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 7",
                Fault::TwoLengths,
            ),
            (
                "Content-Length: 7\r\nTransfer-Encoding: chunked",
                Fault::TwoLengths,
            ),
            ("X-A: 1\nX-B: 2", Fault::LineEnd),
            ("X-A: 1\n\nHTTP/1.1 200 OK", Fault::LineEnd),
        ] {
            let text = with(fields);
            let found = read_of(&Method::GET, &text).err();
            if expected == Fault::LineEnd {
                assert!(found.is_some() || fields == "X-A: 1\nX-B: 2", "{fields}");
            } else {
                assert_eq!(found, Some(expected), "{fields}");
            }
        }
        for text in [
            "HTTP/1.1 200 OK\r\nX-A : 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX\u{0}: 1\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "\r\n\r\n\r\n\r\n",
        ] {
            assert!(read_of(&Method::GET, text).is_err(), "{text:?}");
        }
        let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(fault(old), Fault::TransferEncoding);
    }

    #[test]
    fn a_connection_goes_on_only_where_both_versions_say_so() {
        for (fields, persists) in [
            ("Content-Length: 1", true),
            ("Content-Length: 1\r\nConnection: keep-alive", true),
            ("Content-Length: 1\r\nConnection: Close", false),
            ("Content-Length: 1\r\nConnection: x, close", false),
            ("X: y", false),
        ] {
            assert_eq!(read(&with(fields)).persists, persists, "{fields}");
        }
        let old = |fields: &str| read(&format!("HTTP/1.0 200 OK\r\n{fields}\r\n\r\n")).persists;
        assert!(!old("Content-Length: 1"));
        assert!(old("Content-Length: 1\r\nConnection: Keep-Alive"));
    }

    #[test]
    fn a_connection_field_that_names_others_stays_for_whoever_removes_them() {
        let kept = |fields: &str| read(&with(fields)).fields.contains_key("connection");
        assert!(!kept("Connection: close"));
        assert!(kept("Connection: close, X-Secret"));
    }

    #[test]
    fn another_connection_begins_with_nothing() {
        let mut heads = Heads::to(&Method::GET);
        let (mut first, mut second) =
            (BytesMut::from("HTTP/1.1 200 OK\r\nX-A: 1"), BytesMut::new());
        assert!(heads.read(&mut first).unwrap().is_none());
        heads.begin_again();
        assert!(heads.read(&mut second).unwrap().is_none());
        second.extend_from_slice(with("Content-Length: 0").as_bytes());
        assert_eq!(
            heads.read(&mut second).unwrap().unwrap().status,
            StatusCode::OK
        );
    }

    #[test]
    fn heads_are_bounded() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD));
        assert_eq!(fault(&long), Fault::HeadTooLarge);
        assert_eq!(fault(&format!("{long}\r\n\r\n")), Fault::HeadTooLarge);
        let many = with(&"X: y\r\n".repeat(FIELDS + 1));
        assert_eq!(fault(&many), Fault::Head(httparse::Error::TooManyHeaders));
    }
}

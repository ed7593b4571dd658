//! A request whose head has come and can be read in one way only (RFC 9112), taken from a buffer at once.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};

/// The most fields that a head may have.
const FIELDS: usize = 100;

/// A request with all of its head, and with what has come of its body.
#[derive(Debug)]
pub struct Whole {
    pub request: Request<Bytes>,
    /// How much of the body is still to come, in bytes.
    pub left: usize,
    /// Whether the client lets the connection serve another request.
    pub persists: bool,
}

/// What a head says of its body and of the connection.
struct Said {
    /// The head's own size.
    head: usize,
    length: usize,
    has_length: bool,
    persists: bool,
    has_connection: bool,
}

/// Fields of requests that are read elsewhere.
const ELSEWHERE: [HeaderName; 6] = [
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

impl Whole {
    /// Takes the first request of the buffer, if its head is there and nothing about it is out
    /// of the ordinary: HTTP/1.1, a usual method, a path, lines that end in CRLF, at most one length, no
    /// transfer coding, no upgrade, nothing to be said before the body. Anything else stays where it is, for a
    /// reader that knows more. The buffer holds nothing of what was taken, nor its memory. `most` is that of a
    /// head, in bytes.
    pub fn take(buffer: &mut BytesMut, most: usize) -> Option<Self> {
        let mut all = std::mem::take(buffer).freeze();
        let Some((mut request, said)) = request(&all, most) else {
            *buffer = BytesMut::from(&*all);
            return None;
        };
        let has_come = said.length.min(all.len() - said.head);
        let rest = all.split_off(said.head + has_come);
        if has_come > 0 {
            *request.body_mut() = all.split_off(said.head);
        }
        if !rest.is_empty() {
            buffer.extend_from_slice(&rest);
        }
        Some(Self {
            request,
            left: said.length - has_come,
            persists: said.persists,
        })
    }
}

/// Whether all of so many lines of a head end in CRLF. No CR stands alone in what httparse has read, and none
/// of its lines has another LF.
fn has_plain_lines(head: &[u8], lines: usize) -> bool {
    head.ends_with(b"\r\n\r\n") && memchr::Memchr::new(b'\r', head).count() == lines
}

fn request(all: &Bytes, most: usize) -> Option<(Request<Bytes>, Said)> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let httparse::Status::Complete(end) =
        parsed.parse_with_uninit_headers(all, &mut fields).ok()?
    else {
        return None;
    };
    let method = parsed.method?;
    let path = parsed.path.filter(|path| path.starts_with('/'))?;
    // Empty lines may come before a request.
    if !all.starts_with(method.as_bytes()) {
        return None;
    }
    // The first one and the last, which is empty, among them.
    let lines = parsed.headers.len() + 2;
    if end > most || parsed.version != Some(1) || !has_plain_lines(&all[..end], lines) {
        return None;
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = usual_method(method)?;
    *request.uri_mut() = Uri::from_maybe_shared(all.slice_ref(path.as_bytes())).ok()?;
    let mut said = Said::of_head(end);
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    for field in &*parsed.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        said.hear(&name, field.value)?;
        let value = HeaderValue::from_maybe_shared(all.slice_ref(field.value)).ok()?;
        map.append(name, value);
    }
    *request.headers_mut() = map;
    Some((request, said))
}

impl Said {
    const fn of_head(size: usize) -> Self {
        Self {
            head: size,
            length: 0,
            has_length: false,
            persists: true,
            has_connection: false,
        }
    }

    /// Nothing if the field asks for more than is done here.
    fn hear(&mut self, name: &HeaderName, value: &[u8]) -> Option<()> {
        if *name == header::CONTENT_LENGTH {
            self.length = decimal(value)?;
            return (!std::mem::replace(&mut self.has_length, true)).then_some(());
        }
        if *name == header::CONNECTION {
            self.persists = persists(value)?;
            return (!std::mem::replace(&mut self.has_connection, true)).then_some(());
        }
        (!ELSEWHERE.contains(name)).then_some(())
    }
}

fn persists(value: &[u8]) -> Option<bool> {
    if value.eq_ignore_ascii_case(b"keep-alive") {
        Some(true)
    } else {
        value.eq_ignore_ascii_case(b"close").then_some(false)
    }
}

/// Digits and nothing else, of a number that a buffer may have.
fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        Some(number * 10 + digit)
    })
}

/// Those whose answers have a body, by rules without exceptions.
fn usual_method(name: &str) -> Option<Method> {
    Some(match name {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        "PATCH" => Method::PATCH,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1024;

    fn take(text: &str) -> (Option<Whole>, String) {
        let mut buffer = BytesMut::from(text);
        let whole = Whole::take(&mut buffer, MOST);
        (whole, String::from_utf8(buffer.to_vec()).unwrap())
    }

    #[test]
    fn a_plain_request_is_taken_and_what_follows_stays() {
        let next = "GET /next HTTP/1.1\r\n\r\n";
        let (whole, left) = take(&format!(
            "POST /a/b?c=%20 HTTP/1.1\r\nHost: a\r\nx-y:  1 \r\nX-Y: 2\r\ncontent-length: 5\r\n\r\nhello{next}"
        ));
        let Whole {
            request,
            left: to_come,
            persists,
        } = whole.unwrap();
        assert!(persists);
        assert_eq!(to_come, 0);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/a/b?c=%20");
        let values: Vec<_> = request.headers().get_all("x-y").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(request.headers()["host"], "a");
        assert_eq!(request.body(), "hello");
        assert_eq!(left, next);
    }

    /// It may be room that others are to read into.
    #[test]
    fn a_buffer_that_was_taken_from_holds_no_memory() {
        let mut buffer = BytesMut::with_capacity(4 * MOST);
        buffer.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        assert!(Whole::take(&mut buffer, MOST).is_some());
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn of_a_body_that_has_not_come_whole_is_said_what_is_left() {
        for (came, left) in [("", 5), ("he", 3), ("hello", 0)] {
            let (whole, rest) = take(&format!(
                "PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\n{came}"
            ));
            let whole = whole.unwrap();
            assert_eq!(
                (whole.request.body(), whole.left),
                (&Bytes::from(came), left)
            );
            assert_eq!(rest, "");
        }
    }

    #[test]
    fn a_client_says_whether_its_connection_goes_on() {
        for (said, persists) in [
            ("", true),
            ("Connection: Keep-Alive\r\n", true),
            ("connection: close\r\n", false),
        ] {
            let (whole, _) = take(&format!("GET / HTTP/1.1\r\n{said}\r\n"));
            assert_eq!(whole.unwrap().persists, persists, "{said}");
        }
    }

    /// They are for a reader that knows more, or that refuses them in its own words.
    #[test]
    fn what_is_not_whole_or_not_plain_stays_as_it_is() {
        let long = "a".repeat(MOST);
        for text in [
            "",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n",
            "GET / HTTP/1.1\nhost: a\n\n",
            "GET / HTTP/1.1\r\nhost: a\n\r\n",
            "GET / HTTP/1.1\nhost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.2\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET a HTTP/1.1\r\n\r\n",
            "GET * HTTP/1.1\r\n\r\n",
            "GET /\u{1} HTTP/1.1\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "HEAD / HTTP/1.1\r\n\r\n",
            "OPTIONS / HTTP/1.1\r\n\r\n",
            "TRACE / HTTP/1.1\r\n\r\n",
            "get / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length: 0x1\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length:\r\n\r\na",
            "POST / HTTP/1.1\r\ncontent-length: 18446744073709551617\r\n\r\na",
            "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\na",
            "GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nte: trailers\r\n\r\n",
            "GET / HTTP/1.1\r\ntrailer: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhttp2-settings: a\r\n\r\n",
            "GET / HTTP/1.1\r\nconnection: upgrade\r\n\r\n",
            "GET / HTTP/1.1\r\nconnection: keep-alive, x-a\r\n\r\n",
            "GET / HTTP/1.1\r\nconnection: close\r\nconnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\na: \u{0}\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\rc\r\n\r\n",
            &format!("GET /{long} HTTP/1.1\r\n\r\n"),
            &format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS + 1)),
        ] {
            let (whole, left) = take(text);
            assert!(whole.is_none(), "{text:?}");
            assert_eq!(left, text);
        }
    }
}

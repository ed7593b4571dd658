//! How long a message is, by its head alone.

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};

const HEADERS: usize = 64;

pub enum Length {
    /// Bytes of head and body.
    Of(u64),
    /// It is a tunnel from here on.
    Endless,
    /// The head is not complete.
    Unknown,
    Unreadable,
}

pub fn request(bytes: &[u8]) -> Length {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(head)) => whole(head, request.headers),
        Ok(Status::Partial) => Length::Unknown,
        Err(_) => Length::Unreadable,
    }
}

pub fn answer(bytes: &[u8]) -> Length {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut answer = Response::new(&mut headers);
    match answer.parse(bytes) {
        Ok(Status::Complete(_)) if answer.code == Some(101) => Length::Endless,
        Ok(Status::Complete(head)) => whole(head, answer.headers),
        Ok(Status::Partial) => Length::Unknown,
        Err(_) => Length::Unreadable,
    }
}

fn whole(head: usize, headers: &[Header<'_>]) -> Length {
    let mut body = 0;
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Length::Unreadable;
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = str::from_utf8(header.value).ok();
            let Some(length) = length.and_then(|text| text.parse::<u64>().ok()) else {
                return Length::Unreadable;
            };
            body = length;
        }
    }
    Length::Of(head as u64 + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_its_head_says() {
        let head = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        assert!(matches!(request(head), Length::Of(n) if n == head.len() as u64 + 3));
        let head = b"HTTP/1.1 200 OK\r\nconTent-lenGth: 512\r\n\r\n";
        assert!(matches!(answer(head), Length::Of(n) if n == head.len() as u64 + 512));
        let head = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        assert!(matches!(request(head), Length::Of(n) if n == head.len() as u64));
    }

    #[test]
    fn half_a_head_has_no_length_yet() {
        assert!(matches!(request(b"GET /a HTTP/1.1\r\nHo"), Length::Unknown));
        assert!(matches!(answer(b"HTTP/1.1 200 OK\r\n"), Length::Unknown));
    }

    #[test]
    fn what_it_cannot_relay_is_unreadable() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(matches!(answer(chunked), Length::Unreadable));
        let negative = b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n";
        assert!(matches!(request(negative), Length::Unreadable));
    }

    #[test]
    fn an_upgrade_has_no_end() {
        assert!(matches!(
            answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            Length::Endless
        ));
    }
}

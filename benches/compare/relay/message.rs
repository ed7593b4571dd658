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

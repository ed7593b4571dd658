//! Messages in HTTP/1.1: an input is a byte that chooses the method and the pieces, then what a data centre
//! or a client sends.
//!
//! Answers: whatever comes and however it is chopped, nothing panics, and it comes to the same end: the same
//! head, body and trailers, the same bytes left over, or the same fault. Requests: one is taken as it stands at
//! the front, by its own length, or nothing is.

#![no_main]

use bytes::BytesMut;
use http::Method;
use http1::{Body, Fault, Heads, Piece, Whole};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, stream @ ..] = data else {
        return;
    };
    request(stream);
    let method = [Method::GET, Method::HEAD][usize::from(choice & 1)].clone();
    let whole = read(&method, &mut [stream].into_iter());
    for size in [1, usize::from(choice >> 1) + 2] {
        assert_eq!(whole, read(&method, &mut stream.chunks(size)));
    }
});

fn request(stream: &[u8]) {
    let mut buffer = BytesMut::from(stream);
    let Some(whole) = Whole::take(&mut buffer, 1_024) else {
        assert_eq!(buffer, stream);
        return;
    };
    let taken = stream.strip_suffix(&*buffer).expect("what follows stays");
    let head = taken
        .strip_suffix(&**whole.request.body())
        .expect("a body ends it");
    let text = String::from_utf8_lossy(head).to_lowercase();
    assert!(head.len() <= 1_024 && text.ends_with("\r\n\r\n"));
    let lines: Vec<&str> = text[..text.len() - 4].split("\r\n").collect();
    assert!(
        lines
            .iter()
            .all(|line| !line.is_empty() && !line.contains(['\r', '\n']))
    );
    assert!(lines[0].ends_with(" http/1.1"));
    assert_eq!(lines.len() - 1, whole.request.headers().len());
    let fields: Vec<(&str, &str)> = lines.iter().filter_map(|l| l.split_once(':')).collect();
    for name in ["transfer-encoding", "upgrade", "expect"] {
        assert!(fields.iter().all(|(n, _)| *n != name));
    }
    let lengths = fields.iter().filter(|(n, _)| *n == "content-length");
    let lengths: Vec<_> = lengths.map(|(_, v)| v.trim().parse::<usize>()).collect();
    match &lengths[..] {
        [] => assert_eq!((whole.request.body().len(), whole.left), (0, 0)),
        [Ok(length)] => {
            assert_eq!(whole.request.body().len() + whole.left, *length);
            assert!(whole.left == 0 || buffer.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

/// What came: the head and all bytes of the body as text, what is left over, and how it ended.
fn read(method: &Method, pieces: &mut dyn Iterator<Item = &[u8]>) -> (String, Vec<u8>, String) {
    let (mut heads, mut buffer) = (Heads::to(method), BytesMut::new());
    let mut text = String::new();
    let head = loop {
        match heads.read(&mut buffer) {
            Ok(Some(head)) => break head,
            Ok(None) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return (text, Vec::new(), "no head".to_owned()),
            },
            Err(fault) => return (text, Vec::new(), ended(fault)),
        }
    };
    text += &format!("{head:?}");
    let (mut body, mut bytes) = (Body::of(head.length), Vec::new());
    loop {
        match body.read(&mut buffer) {
            Ok(Piece::Data(piece)) => {
                assert!(!piece.is_empty());
                bytes.extend_from_slice(&piece);
            }
            Ok(Piece::Trailers(trailers)) => text += &format!("{trailers:?}"),
            Ok(Piece::More) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None if body.ends_here() => {}
                None => return (text, bytes, "cut".to_owned()),
            },
            Ok(Piece::End) => {
                assert!(body.is_over());
                pieces.for_each(|piece| buffer.extend_from_slice(piece));
                return (text, bytes, format!("{buffer:?}"));
            }
            Err(fault) => return (text, bytes, ended(fault)),
        }
    }
}

/// A head's own faults may be found earlier or later, by its parts.
fn ended(fault: Fault) -> String {
    match fault {
        Fault::Head(_) | Fault::HeadTooLarge | Fault::LineEnd => "bad head".to_owned(),
        fault => format!("{fault:?}"),
    }
}

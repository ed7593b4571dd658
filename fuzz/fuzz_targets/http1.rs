//! Answers in HTTP/1.1: an input is a byte that chooses the method and the pieces, then what a data centre
//! sends.
//!
//! Whatever comes and however it is chopped, nothing panics, and it comes to the same end: the same head,
//! body and trailers, the same bytes left over, or the same fault.

#![no_main]

use bytes::BytesMut;
use http::Method;
use http1::{Body, Fault, Heads, Piece};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, stream @ ..] = data else {
        return;
    };
    let method = [Method::GET, Method::HEAD][usize::from(choice & 1)].clone();
    let whole = read(&method, &mut [stream].into_iter());
    for size in [1, usize::from(choice >> 1) + 2] {
        assert_eq!(whole, read(&method, &mut stream.chunks(size)));
    }
});

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

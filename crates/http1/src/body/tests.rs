use proptest::prelude::*;

use super::*;

/// What a body came to: its bytes, its trailers, what was left behind it.
type Came = Result<(Vec<u8>, HeaderMap, Vec<u8>), Option<Fault>>;

/// Reads a body that comes in pieces of this size. `Err(None)`: it never ended.
fn read(length: Length, bytes: &[u8], size: usize) -> Came {
    let (mut body, mut buffer) = (Body::of(length), BytesMut::new());
    let (mut data, mut trailers) = (Vec::new(), HeaderMap::new());
    let mut pieces = bytes.chunks(size.max(1));
    loop {
        match body.read(&mut buffer).map_err(Some)? {
            Piece::Data(bytes) => data.extend_from_slice(&bytes),
            Piece::Trailers(fields) => trailers = fields,
            Piece::More => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None if body.ends_here() => {}
                None => return Err(None),
            },
            Piece::End => {
                assert!(body.is_over());
                assert_eq!(body.left(), Some(0));
                let left = [&buffer[..], &pieces.collect::<Vec<_>>().concat()].concat();
                return Ok((data, trailers, left));
            }
        }
    }
}

fn chunks(text: &str) -> Came {
    let whole = read(Length::Chunked, text.as_bytes(), usize::MAX);
    assert_eq!(whole, read(Length::Chunked, text.as_bytes(), 1), "{text:?}");
    whole
}

fn data(came: Came) -> String {
    String::from_utf8(came.unwrap().0).unwrap()
}

#[test]
fn a_body_ends_after_its_length_and_not_before() {
    let (data, _, left) = read(Length::Exact(5), b"helloHTTP", 2).unwrap();
    assert_eq!((&data[..], &left[..]), (&b"hello"[..], &b"HTTP"[..]));
    assert_eq!(read(Length::Exact(5), b"hell", 9), Err(None));
    let none = read(Length::Exact(0), b"x", 9).unwrap();
    assert_eq!(none.2, b"x");
}

#[test]
fn an_open_body_ends_with_the_connection() {
    assert_eq!(data(read(Length::Open, b"hello", 2)), "hello");
    assert_eq!(data(read(Length::Open, b"", 2)), "");
}

#[test]
fn chunks_are_put_together() {
    assert_eq!(data(chunks("5\r\nhello\r\n0\r\n\r\n")), "hello");
    assert_eq!(data(chunks("0\r\n\r\n")), "");
    assert_eq!(
        data(chunks("1\r\nh\r\n0004\r\nello\r\n000\r\n\r\n")),
        "hello"
    );
    assert_eq!(
        data(chunks("a;x=\"y\"; z\r\n0123456789\r\n0;e\r\n\r\n")),
        "0123456789"
    );
    assert_eq!(data(chunks("5 ;x\r\nhello\r\n0\r\n\r\n")), "hello");
    let (_, trailers, left) = chunks("1\r\nh\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\nmore").unwrap();
    assert_eq!(trailers.len(), 2);
    assert_eq!(left, b"more");
}

#[test]
fn chunks_that_could_be_read_in_two_ways_are_not_read() {
    for (text, fault) in [
        ("\r\n", Fault::ChunkSize),
        ("g\r\n", Fault::ChunkSize),
        ("0x5\r\nhello\r\n", Fault::ChunkSize),
        ("+5\r\nhello\r\n", Fault::ChunkSize),
        ("-5\r\nhello\r\n", Fault::ChunkSize),
        (" 5\r\nhello\r\n", Fault::ChunkSize),
        ("5 \r\nhello\r\n", Fault::ChunkSize),
        ("5 5\r\nhello\r\n", Fault::ChunkSize),
        ("5\nhello\r\n", Fault::ChunkSize),
        ("5;x\rhello\r\n", Fault::ChunkSize),
        ("5;x\ny\r\nhello\r\n", Fault::ChunkSize),
        ("10000000000000000\r\n", Fault::ChunkSize),
        ("fffffffffffffffff\r\n", Fault::ChunkSize),
        ("5\r\nhello5\r\n", Fault::ChunkEnd),
        ("5\r\nhello\n0\r\n\r\n", Fault::ChunkEnd),
        ("5\r\nhello\r0\r\n", Fault::ChunkEnd),
        ("0\r\nno field\r\n\r\n", Fault::Trailers),
        ("0\r\nX-A: 1\n\r\n\r\n", Fault::Trailers),
        ("0\r\nX-A: 1\r\n folded\r\n\r\n", Fault::Trailers),
    ] {
        assert_eq!(chunks(text), Err(Some(fault)), "{text:?}");
    }
    for cut in [
        "",
        "5",
        "5\r",
        "5\r\nhell",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "0\r\n",
        "0\r\n\r",
    ] {
        assert_eq!(chunks(cut), Err(None), "{cut:?}");
    }
}

#[test]
fn what_frames_chunks_is_bounded() {
    let long = format!("5;{}", "x".repeat(2000));
    assert_eq!(chunks(&long), Err(Some(Fault::ChunkSize)));
    let trailers = format!("0\r\nX: {}", "x".repeat(17_000));
    assert_eq!(chunks(&trailers), Err(Some(Fault::Trailers)));
    let many = format!("0\r\n{}\r\n", "X: y\r\n".repeat(65));
    assert_eq!(chunks(&many), Err(Some(Fault::Trailers)));
}

proptest! {
    #[test]
    fn whatever_is_put_into_chunks_comes_out(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..10),
        size in 1_usize..50,
        behind in prop::collection::vec(any::<u8>(), 0..10),
    ) {
        let mut text = Vec::new();
        for piece in &pieces {
            text.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            text.extend_from_slice(piece);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"0\r\n\r\n");
        text.extend_from_slice(&behind);
        let (data, trailers, left) = read(Length::Chunked, &text, size).unwrap();
        prop_assert_eq!(data, pieces.concat());
        prop_assert!(trailers.is_empty());
        prop_assert_eq!(left, behind);
    }
}

//! A message's head, read by a parser of the tests' own.

/// A request's or an answer's head.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// `GET /x HTTP/1.1` or `HTTP/1.1 200 OK`
    pub line: String,
    pub headers: Vec<(String, String)>,
    /// As it came, with the empty line.
    pub raw: Vec<u8>,
}

/// How a body's end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Nothing,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    /// The head at the start of `bytes`, if it is complete. Strict: what is not plain is a failure.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = find(bytes, b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&bytes[..end]).expect("a head in UTF-8");
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header line");
            assert!(!name.contains([' ', '\t']), "folding or spaces in {line:?}");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Some(Self {
            headers: headers.collect(),
            line,
            raw: bytes[..end].to_vec(),
        })
    }

    /// The only value of a header; a failure when it is there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} is there {} times", values.len());
        values.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The `n`th word of the first line.
    pub fn word(&self, n: usize) -> &str {
        self.line.split(' ').nth(n).unwrap_or_default()
    }

    /// What the framing headers say; `otherwise` without any.
    pub fn framing(&self, otherwise: Framing) -> Framing {
        match (
            self.header("transfer-encoding"),
            self.header("content-length"),
        ) {
            (Some(_), Some(_)) => panic!("both framings in {:?}", self.line),
            (Some(coding), None) => {
                assert_eq!(coding.to_ascii_lowercase(), "chunked");
                Framing::Chunked
            }
            (None, Some(length)) => Framing::Length(length.parse().expect("a length")),
            (None, None) => otherwise,
        }
    }
}

/// A chunked body as it comes in.
#[derive(Debug, Default)]
pub struct Chunks {
    pub done: bool,
    pub trailers: Vec<(String, String)>,
}

impl Chunks {
    /// Takes what is complete off `buffer` and gives its data.
    pub fn take(&mut self, buffer: &mut Vec<u8>) -> Vec<u8> {
        let mut data = Vec::new();
        while !self.done {
            let Some(line_end) = find(buffer, b"\r\n") else {
                break;
            };
            let size = std::str::from_utf8(&buffer[..line_end]).expect("a chunk size");
            let size = usize::from_str_radix(size, 16).expect("a chunk size");
            let start = line_end + 2;
            if size == 0 {
                let Some(trailers) = trailers(&buffer[start..]) else {
                    break;
                };
                buffer.drain(..start + trailers.1);
                self.trailers = trailers.0;
                self.done = true;
            } else if buffer.len() < start + size + 2 {
                break;
            } else {
                data.extend_from_slice(&buffer[start..start + size]);
                assert_eq!(&buffer[start + size..start + size + 2], b"\r\n");
                buffer.drain(..start + size + 2);
            }
        }
        data
    }
}

type Trailers = (Vec<(String, String)>, usize);

fn trailers(rest: &[u8]) -> Option<Trailers> {
    if rest.starts_with(b"\r\n") {
        return Some((Vec::new(), 2));
    }
    let end = find(rest, b"\r\n\r\n")?;
    let text = std::str::from_utf8(&rest[..end]).expect("trailers");
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').expect("a trailer");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Some((text.split("\r\n").map(pair).collect(), end + 4))
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

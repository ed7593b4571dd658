//! What a data centre of the tests answers.

use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Takes the whole request, then answers.
    Answer(Answer),
    /// Answers once the head is there, and goes on taking the body.
    Early(Answer),
    /// Takes the whole request and says nothing.
    Hang,
    /// Takes no byte after the head, and says nothing.
    Deaf,
    /// Closes once the head is there.
    Cut,
    /// Takes the whole request, then closes without a word.
    CutAfterBody,
    /// These bytes, as they are; then it closes.
    Raw(Vec<u8>),
    /// These bytes, as they are; then its sending side closes and it goes on reading.
    HalfClose(Vec<u8>),
}

/// An answer as it goes on the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// Waits for a permit before the head.
    pub gate: Option<Arc<Semaphore>>,
    /// Closes the connection when it is out.
    pub closes: bool,
}

#[derive(Debug, Clone)]
pub enum Body {
    Whole(Vec<u8>),
    /// Chunks as the test sends them.
    Trickle(Arc<Mutex<Option<mpsc::UnboundedReceiver<Vec<u8>>>>>),
    /// Chunks and trailers, byte for byte.
    Chunked(Vec<u8>),
    /// Fewer bytes than promised, then the connection is cut.
    Short {
        promised: usize,
        sent: Vec<u8>,
    },
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Whole(Vec::new()),
            gate: None,
            closes: false,
        }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200).body(body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// A chunked body, a chunk for each that is sent; it ends when the sender goes.
    pub fn trickle(mut self) -> (Self, mpsc::UnboundedSender<Vec<u8>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.body = Body::Trickle(Arc::new(Mutex::new(Some(receiver))));
        (self, sender)
    }

    /// A chunked body as it stands on the wire.
    pub fn chunked(mut self, wire: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Chunked(wire.into());
        self
    }

    /// Promises more than it sends, and cuts.
    pub fn short(mut self, promised: usize, sent: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Short {
            promised,
            sent: sent.into(),
        };
        self
    }

    /// Waits until the test adds a permit.
    pub fn gated(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }

    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// The head on the wire.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Whatever\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        match &self.body {
            Body::Whole(_) if self.status == 204 || self.status == 304 => {}
            Body::Whole(body) => head += &format!("Content-Length: {}\r\n", body.len()),
            Body::Short { promised, .. } => head += &format!("Content-Length: {promised}\r\n"),
            Body::Trickle(_) | Body::Chunked(_) => head += "Transfer-Encoding: chunked\r\n",
        }
        (head + "\r\n").into_bytes()
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

//! A data centre that writes down every byte it gets, and does what the test says.
//!
//! Its parser is its own, and strict: a request that is not plain fails the test that sent it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::eventually;
use super::head::{Chunks, Framing, Head};
use super::script::{Answer, Body, Reply};

/// A request as far as it has come.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The connection's number.
    pub connection: usize,
    pub head: Head,
    pub body: Vec<u8>,
    /// The body came to its end.
    pub complete: bool,
    pub trailers: Vec<(String, String)>,
}

impl Seen {
    pub fn method(&self) -> &str {
        self.head.word(0)
    }

    pub fn target(&self) -> &str {
        self.head.word(1)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

/// Everything a data centre has seen.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Connections that were accepted, the gateway's probes among them.
    pub connections: usize,
    /// Connections that are open.
    pub open: usize,
    /// Bytes in all.
    pub bytes: usize,
    pub requests: Vec<Seen>,
    /// What came on a connection and was no complete head.
    pub stray: Vec<Vec<u8>>,
}

type Script = Arc<dyn Fn(&Head) -> Reply + Send + Sync>;

struct State {
    recording: Mutex<Recording>,
    script: Mutex<Script>,
    /// What the parser found wrong, for the test's thread to say.
    failed: Mutex<Vec<String>>,
}

/// A running data centre.
pub struct Centre {
    pub zone: String,
    pub address: SocketAddr,
    state: Arc<State>,
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Centre {
    pub async fn start(zone: &str, ip: IpAddr) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let zone_text = zone.to_owned();
        let script: Script = Arc::new(move |_| {
            let body = format!(r#"{{"zone":"{zone_text}"}}"#);
            Answer::ok(body)
                .header("Content-Type", "application/json")
                .into()
        });
        let centre = Self {
            zone: zone.to_owned(),
            address,
            state: Arc::new(State {
                recording: Mutex::default(),
                script: Mutex::new(script),
                failed: Mutex::default(),
            }),
            listening: Mutex::new(None),
        };
        centre.listen(listener);
        centre
    }

    fn listen(&self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, Arc::clone(&self.state), stop.clone()));
        *self.listening.lock().unwrap() = Some(Listening { stop, task });
    }

    /// Answers every request alike from now on.
    pub fn answers(&self, reply: impl Into<Reply>) {
        let reply = reply.into();
        self.scripted(move |_| reply.clone());
    }

    /// Decides by the head.
    pub fn scripted(&self, script: impl Fn(&Head) -> Reply + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Arc::new(script);
    }

    /// Goes away: closes everything, and refuses connections.
    pub async fn stop(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(listening) = listening {
            listening.stop.cancel();
            listening.task.await.unwrap();
        }
    }

    pub fn recording(&self) -> Recording {
        self.state.recording.lock().unwrap().clone()
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.recording().requests
    }

    /// How many requests have begun.
    pub fn count(&self) -> usize {
        self.state.recording.lock().unwrap().requests.len()
    }

    /// The newest request.
    pub fn last(&self) -> Seen {
        let recording = self.state.recording.lock().unwrap();
        recording.requests.last().cloned().expect("a request")
    }

    /// The only request so far.
    pub fn only(&self) -> Seen {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.into_iter().next().unwrap()
    }

    pub fn bytes(&self) -> usize {
        self.state.recording.lock().unwrap().bytes
    }

    /// Waits until so many requests have begun.
    pub async fn has_seen(&self, count: usize) {
        let what = format!("{count} requests in {}", self.zone);
        eventually(&what, || self.count() >= count).await;
    }

    /// What the parser could not read as one plain request.
    pub fn failures(&self) -> Vec<String> {
        self.state.failed.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, _)) = accepted else { break };
        let number = {
            let mut recording = state.recording.lock().unwrap();
            recording.connections += 1;
            recording.open += 1;
            recording.connections
        };
        let state = Arc::clone(&state);
        connections.spawn(async move {
            // Also when it is cut off in the middle.
            let _open = Open(Arc::clone(&state));
            let connection = Connection {
                number,
                buffer: Vec::new(),
                state,
            };
            connection.serve(stream).await;
        });
    }
    drop(listener);
    connections.shutdown().await;
}

struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.recording.lock().unwrap().open -= 1;
    }
}

struct Connection {
    number: usize,
    buffer: Vec<u8>,
    state: Arc<State>,
}

/// Whether the connection goes on.
#[derive(PartialEq)]
enum Then {
    GoOn,
    Close,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (mut read, mut write) = stream.into_split();
        loop {
            let Some(head) = self.head(&mut read).await else {
                return self.ended();
            };
            if self.exchange(&head, &mut read, &mut write).await == Then::Close {
                return;
            }
        }
    }

    /// The next head; none at the end of the connection.
    async fn head(&mut self, read: &mut OwnedReadHalf) -> Option<Head> {
        loop {
            if let Some(head) = self.parsed() {
                self.buffer.drain(..head.raw.len());
                return Some(head);
            }
            if !self.fill(read).await {
                return None;
            }
        }
    }

    fn parsed(&self) -> Option<Head> {
        let parsed = std::panic::catch_unwind(|| {
            let head = Head::parse(&self.buffer)?;
            // Framing that can be read in two ways fails here.
            head.framing(Framing::Nothing);
            Some(head)
        });
        parsed.unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            self.state.failed.lock().unwrap().push(text);
            None
        })
    }

    async fn fill(&mut self, read: &mut OwnedReadHalf) -> bool {
        let before = self.buffer.len();
        let more = read.read_buf(&mut self.buffer).await;
        self.state.recording.lock().unwrap().bytes += self.buffer.len() - before;
        matches!(more, Ok(n) if n > 0)
    }

    fn ended(self) {
        if !self.buffer.is_empty() {
            self.state.recording.lock().unwrap().stray.push(self.buffer);
        }
    }

    async fn exchange(
        &mut self,
        head: &Head,
        read: &mut OwnedReadHalf,
        write: &mut OwnedWriteHalf,
    ) -> Then {
        let place = {
            let mut recording = self.state.recording.lock().unwrap();
            recording.requests.push(Seen {
                connection: self.number,
                head: head.clone(),
                body: Vec::new(),
                complete: false,
                trailers: Vec::new(),
            });
            recording.requests.len() - 1
        };
        let reply = {
            let script = Arc::clone(&self.state.script.lock().unwrap());
            script(head)
        };
        let framing = head.framing(Framing::Nothing);
        match reply {
            Reply::Cut => Then::Close,
            Reply::Deaf => std::future::pending().await,
            Reply::Hang => {
                self.body(place, framing, read).await;
                // Bytes behind a request that has no answer yet are not plain.
                self.drain(read).await
            }
            Reply::CutAfterBody => {
                self.body(place, framing, read).await;
                Then::Close
            }
            Reply::Raw(bytes) => {
                self.body(place, framing, read).await;
                let _ = write.write_all(&bytes).await;
                let _ = write.shutdown().await;
                Then::Close
            }
            Reply::HalfClose(bytes) => {
                self.body(place, framing, read).await;
                let _ = write.write_all(&bytes).await;
                let _ = write.shutdown().await;
                self.drain(read).await
            }
            Reply::Answer(answer) => {
                if !self.body(place, framing, read).await {
                    return Then::Close;
                }
                say(&answer, head, write).await
            }
            Reply::Early(answer) => {
                let said = say(&answer, head, write);
                let (then, whole) = tokio::join!(said, self.body(place, framing, read));
                if whole { then } else { Then::Close }
            }
        }
    }

    /// Reads until the other side closes.
    async fn drain(&mut self, read: &mut OwnedReadHalf) -> Then {
        while self.fill(read).await {}
        let rest = std::mem::take(&mut self.buffer);
        if !rest.is_empty() {
            self.state.recording.lock().unwrap().stray.push(rest);
        }
        Then::Close
    }

    /// Takes the body, as it comes; whether it came to its end.
    async fn body(&mut self, place: usize, framing: Framing, read: &mut OwnedReadHalf) -> bool {
        let mut chunks = Chunks::default();
        let mut left = match framing {
            Framing::Length(length) => length,
            Framing::Nothing | Framing::Chunked | Framing::UntilClose => 0,
        };
        loop {
            let data = if framing == Framing::Chunked {
                chunks.take(&mut self.buffer)
            } else {
                let take = left.min(self.buffer.len());
                left -= take;
                self.buffer.drain(..take).collect()
            };
            let complete = chunks.done || (framing != Framing::Chunked && left == 0);
            {
                let mut recording = self.state.recording.lock().unwrap();
                let seen = &mut recording.requests[place];
                seen.body.extend_from_slice(&data);
                seen.complete = complete;
                seen.trailers.clone_from(&chunks.trailers);
            }
            if complete {
                return true;
            }
            if !self.fill(read).await {
                return false;
            }
        }
    }
}

async fn say(answer: &Answer, head: &Head, write: &mut OwnedWriteHalf) -> Then {
    if let Some(gate) = &answer.gate {
        gate.acquire().await.unwrap().forget();
    }
    if write.write_all(&answer.head()).await.is_err() {
        return Then::Close;
    }
    let bodiless = head.word(0) == "HEAD" || matches!(answer.status, 204 | 304);
    let written = match &answer.body {
        Body::Whole(_) | Body::Short { .. } if bodiless => Ok(()),
        Body::Whole(bytes) | Body::Chunked(bytes) => write.write_all(bytes).await,
        Body::Short { sent, .. } => {
            let _ = write.write_all(sent).await;
            return Then::Close;
        }
        Body::Trickle(chunks) => {
            let mut chunks = chunks.lock().unwrap().take().expect("a body is sent once");
            while let Some(chunk) = chunks.recv().await {
                let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
                framed.extend_from_slice(&chunk);
                framed.extend_from_slice(b"\r\n");
                if write.write_all(&framed).await.is_err() {
                    return Then::Close;
                }
            }
            write.write_all(b"0\r\n\r\n").await
        }
    };
    if written.is_err() || answer.closes {
        return Then::Close;
    }
    Then::GoOn
}

//! The session side of a data centre: MSYNC over WebSocket and TCP. It writes down every frame, and
//! answers as the test says. Its WebSocket is another implementation than the gateway's.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use msync::schema::{self, MSync};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::eventually;

/// What the data centre does.
#[derive(Debug, Clone)]
pub enum Do {
    Send(Vec<u8>),
    /// Over WebSocket.
    Ping,
    Close(u16),
    /// Ends the connection without a word.
    Cut,
    /// Reads nothing any more.
    Deaf,
    /// Takes its time for what follows.
    Wait(Duration),
}

/// One session, as the data centre saw it.
#[derive(Clone)]
pub struct SeenSession {
    /// Headers of the upgrade, or members of the preamble.
    pub facts: Vec<(String, String)>,
    pub frames: Vec<Vec<u8>>,
    /// How many frames the other side has taken.
    pub sent: usize,
    /// How it ended: not yet, without a word, or with a close code.
    pub end: Option<Option<u16>>,
    say: UnboundedSender<Do>,
}

impl SeenSession {
    pub fn fact(&self, name: &str) -> Option<&str> {
        let found = self.facts.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Has the data centre do something by itself.
    pub fn say(&self, what: Do) {
        let _ = self.say.send(what);
    }

    pub fn messages(&self) -> Vec<MSync> {
        let frames = self.frames.iter();
        frames.map(|f| MSync::decode(&f[..]).unwrap()).collect()
    }
}

type Script = Arc<dyn Fn(&MSync) -> Vec<Do> + Send + Sync>;

struct State {
    sessions: Mutex<Vec<SeenSession>>,
    script: Mutex<Script>,
}

pub struct Im {
    pub zone: String,
    pub websocket: SocketAddr,
    pub msync: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl Im {
    pub async fn start(zone: &str, ip: IpAddr) -> Self {
        let state = Arc::new(State {
            sessions: Mutex::default(),
            script: Mutex::new(Arc::new(well_behaved)),
        });
        let mut tasks = JoinSet::new();
        let [websocket, msync] = [
            TcpListener::bind((ip, 0)).await.unwrap(),
            TcpListener::bind((ip, 0)).await.unwrap(),
        ];
        let addresses = [&websocket, &msync].map(|l| l.local_addr().unwrap());
        tasks.spawn(accept(websocket, Arc::clone(&state), true));
        tasks.spawn(accept(msync, Arc::clone(&state), false));
        Self {
            zone: zone.to_owned(),
            websocket: addresses[0],
            msync: addresses[1],
            state,
            _tasks: tasks,
        }
    }

    /// Answers each frame like this from now on.
    pub fn script(&self, script: impl Fn(&MSync) -> Vec<Do> + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Arc::new(script);
    }

    /// The same answer to every PROVISION; well behaved otherwise.
    pub fn answers(&self, answer: impl Fn() -> Vec<Do> + Send + Sync + 'static) {
        self.script(move |frame| match command(frame) {
            3 => answer(),
            _ => well_behaved(frame),
        });
    }

    /// Sessions whose first frame has come.
    pub fn sessions(&self) -> Vec<SeenSession> {
        let sessions = self.state.sessions.lock().unwrap();
        let begun = sessions.iter().filter(|s| !s.frames.is_empty());
        begun.cloned().collect()
    }

    pub fn session(&self, n: usize) -> SeenSession {
        self.sessions()[n].clone()
    }

    /// Waits until the session has sent so many frames.
    pub async fn frames(&self, n: usize, count: usize) -> SeenSession {
        let has = || {
            self.sessions()
                .get(n)
                .is_some_and(|s| s.frames.len() >= count)
        };
        eventually("frames at the data centre", has).await;
        self.session(n)
    }

    pub async fn ended(&self, n: usize) -> Option<u16> {
        let has = || self.sessions().get(n).is_some_and(|s| s.end.is_some());
        eventually("a session to end at the data centre", has).await;
        self.session(n).end.unwrap()
    }
}

pub fn command(frame: &MSync) -> i32 {
    frame.command.unwrap_or(0)
}

/// Lets everybody in, and acknowledges what is to be acknowledged.
pub fn well_behaved(frame: &MSync) -> Vec<Do> {
    match command(frame) {
        0 => {
            let payload = frame.payload.clone().unwrap_or_default();
            let sync = schema::CommSyncUl::decode(&payload[..]).unwrap();
            let id = sync.meta.and_then(|meta| meta.id);
            id.map(|id| Do::Send(msync::sync_ack(id, id + 1_000, 1)))
                .into_iter()
                .collect()
        }
        1 => vec![Do::Send(msync::unread_answer(1))],
        3 => vec![Do::Send(msync::provision_answer(Some("device"), None))],
        4 => vec![Do::Close(1000)],
        other => panic!("a frame with command {other} came through"),
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, websocket: bool) {
    let mut tasks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let state = Arc::clone(&state);
        if websocket {
            tasks.spawn(over_websocket(stream, state));
        } else {
            tasks.spawn(over_tcp(stream, state));
        }
    }
}

impl State {
    fn begin(&self, facts: Vec<(String, String)>) -> (usize, UnboundedReceiver<Do>) {
        let (say, said) = unbounded_channel();
        let mut sessions = self.sessions.lock().unwrap();
        sessions.push(SeenSession {
            facts,
            frames: Vec::new(),
            sent: 0,
            end: None,
            say,
        });
        (sessions.len() - 1, said)
    }

    fn take(&self, n: usize, frame: Vec<u8>) -> Vec<Do> {
        let decoded = MSync::decode(&frame[..]);
        self.sessions.lock().unwrap()[n].frames.push(frame);
        let script = Arc::clone(&self.script.lock().unwrap());
        script(&decoded.expect("only readable frames come through"))
    }

    fn sent(&self, n: usize) {
        self.sessions.lock().unwrap()[n].sent += 1;
    }

    fn end(&self, n: usize, code: Option<u16>) {
        self.sessions.lock().unwrap()[n].end.get_or_insert(code);
    }
}

#[expect(clippy::result_large_err, reason = "the library's own type")]
async fn over_websocket(stream: TcpStream, state: Arc<State>) {
    let mut facts = Vec::new();
    let look = |request: &Request, response: Response| {
        for (name, value) in request.headers() {
            facts.push((name.to_string(), value.to_str().unwrap().to_owned()));
        }
        facts.push((":path".to_owned(), request.uri().to_string()));
        Ok(response)
    };
    // A probe connects and leaves.
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else {
        return;
    };
    let (n, mut said) = state.begin(facts);
    loop {
        let todo = tokio::select! {
            Some(what) = said.recv() => vec![what],
            message = socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => state.take(n, frame.to_vec()),
                Some(Ok(Message::Close(close))) => {
                    state.end(n, close.map(|c| c.code.into()));
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return state.end(n, None),
            },
        };
        for what in todo {
            let sent = match what {
                Do::Send(frame) => socket.send(Message::Binary(frame.into())).await,
                Do::Ping => socket.send(Message::Ping(Vec::new().into())).await,
                Do::Close(code) => {
                    let frame = CloseFrame {
                        code: code.into(),
                        reason: "".into(),
                    };
                    socket.close(Some(frame)).await
                }
                Do::Cut => return state.end(n, None),
                Do::Deaf => std::future::pending().await,
                Do::Wait(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
            };
            if sent.is_err() {
                return state.end(n, None);
            }
            state.sent(n);
        }
    }
}

async fn over_tcp(mut stream: TcpStream, state: Arc<State>) {
    let Some(preamble) = read(&mut stream).await else {
        return;
    };
    let preamble: serde_json::Value = serde_json::from_slice(&preamble).unwrap();
    let members = preamble.as_object().unwrap().iter();
    let text = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned)
    };
    let facts = members.map(|(name, value)| (name.clone(), text(value)));
    let (n, mut said) = state.begin(facts.collect());
    let (mut reading, mut writing) = stream.into_split();
    let (frames_in, mut frames) = unbounded_channel();
    let reader = tokio::spawn(async move {
        while let Some(frame) = read(&mut reading).await {
            let _ = frames_in.send(frame);
        }
    });
    loop {
        let todo = tokio::select! {
            Some(what) = said.recv() => vec![what],
            frame = frames.recv() => match frame {
                Some(frame) => state.take(n, frame),
                None => return state.end(n, None),
            },
        };
        for what in todo {
            let sent = match what {
                Do::Send(frame) => writing.write_all(&prefixed(&frame)).await,
                Do::Ping => panic!("only a WebSocket has pings"),
                Do::Close(_) | Do::Cut => return state.end(n, None),
                Do::Deaf => {
                    reader.abort();
                    std::future::pending().await
                }
                Do::Wait(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
            };
            if sent.is_err() {
                return state.end(n, None);
            }
            state.sent(n);
        }
    }
}

/// Four bytes of length, and the frame.
pub fn prefixed(frame: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(frame);
    bytes
}

/// The next frame of a length-prefixed stream.
pub async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

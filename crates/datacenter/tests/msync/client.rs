//! What an SDK does, over either transport.

use bytes::{Buf, BytesMut};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{APP_KEY, Running, SECRET, soon};
use crate::schema::m_sync::Command;
use crate::schema::message_body::{self, Content};
use crate::schema::{
    CommNotice, CommSyncDl, CommSyncUl, CommUnreadDl, Jid, MSync, MessageBody, Meta, Provision,
    StatisticsBody, Status, meta,
};

#[derive(Clone, Copy, Debug)]
pub enum Transport {
    WebSocket,
    Tcp,
}

pub const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::Tcp];

/// A connection whose door is passed.
pub enum Wire {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Tcp(TcpStream, BytesMut),
}

/// A user who is logged in.
pub struct Client {
    pub wire: Wire,
    name: String,
    next: u64,
    /// What came while something else was waited for.
    early: Vec<MSync>,
}

impl Wire {
    pub async fn open(centre: &Running, transport: Transport) -> Wire {
        match transport {
            Transport::WebSocket => Wire::websocket(centre, &headers()).await.unwrap(),
            Transport::Tcp => Wire::tcp(centre, &preamble()).await,
        }
    }

    pub async fn websocket(
        centre: &Running,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Wire, Box<tungstenite::Error>> {
        let address = centre.centre.websocket_addr().unwrap();
        let uri = format!("ws://{address}/websocket");
        let mut request = uri.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, response) = soon(client_async(request, connect(address).await)).await?;
        let extensions = response.headers().get("sec-websocket-extensions");
        assert!(extensions.is_none());
        Ok(Wire::WebSocket(Box::new(socket)))
    }

    pub async fn tcp(centre: &Running, preamble: &Value) -> Wire {
        let stream = connect(centre.centre.msync_addr().unwrap()).await;
        let mut wire = Wire::Tcp(stream, BytesMut::new());
        wire.send(preamble.to_string().into_bytes()).await;
        wire
    }

    pub async fn send(&mut self, message: Vec<u8>) {
        match self {
            Wire::WebSocket(socket) => {
                soon(socket.send(Message::Binary(message.into())))
                    .await
                    .unwrap();
            }
            Wire::Tcp(stream, _) => {
                let length = u32::try_from(message.len()).unwrap().to_be_bytes();
                soon(stream.write_all(&[&length, message.as_slice()].concat()))
                    .await
                    .unwrap();
            }
        }
    }

    /// The next message; nothing at the end. Keeps its place when it is given up.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        match self {
            Wire::WebSocket(socket) => match socket.next().await?.ok()? {
                Message::Binary(message) => Some(message.into()),
                _ => None,
            },
            Wire::Tcp(stream, buffer) => loop {
                if let Some(length) = buffer.first_chunk() {
                    let length = u32::from_be_bytes(*length) as usize;
                    if buffer.len() >= 4 + length {
                        buffer.advance(4);
                        return Some(buffer.split_to(length).into());
                    }
                }
                if stream.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            },
        }
    }

    /// The WebSocket's close frame, behind whatever else there is.
    pub async fn close_frame(&mut self) -> Option<CloseFrame> {
        let Wire::WebSocket(socket) = self else {
            return None;
        };
        loop {
            if let Message::Close(frame) = soon(socket.next()).await?.ok()? {
                return frame;
            }
        }
    }

    pub async fn log_in(&mut self, name: &str, resource: &str) -> Option<Provision> {
        self.send(provision(name, resource).encode_to_vec()).await;
        let answer = MSync::decode(soon(self.receive()).await?.as_slice()).unwrap();
        assert_eq!(answer.command(), Command::Provision);
        Some(Provision::decode(answer.payload()).unwrap())
    }
}

impl Client {
    pub async fn log_in(centre: &Running, transport: Transport, name: &str) -> Client {
        Client::with_device(centre, transport, name, "web").await
    }

    pub async fn with_device(
        centre: &Running,
        transport: Transport,
        name: &str,
        resource: &str,
    ) -> Client {
        let mut wire = Wire::open(centre, transport).await;
        let answer = wire.log_in(name, resource).await.unwrap();
        assert_eq!(code(&answer.status), Some(0));
        assert_eq!(answer.resource(), resource);
        Client {
            wire,
            name: name.to_owned(),
            next: 100,
            early: Vec::new(),
        }
    }

    pub async fn send(&mut self, command: Command, payload: Vec<u8>) {
        self.wire
            .send(frame(command, payload).encode_to_vec())
            .await;
    }

    /// Waits for a frame that fits; others are kept for later.
    pub async fn wait<T>(&mut self, fits: impl Fn(&MSync) -> Option<T>) -> T {
        if let Some(found) = self.early.iter().position(|frame| fits(frame).is_some()) {
            return fits(&self.early.remove(found)).unwrap();
        }
        loop {
            let frame = soon(self.wire.receive())
                .await
                .expect("the session is open");
            let frame = MSync::decode(frame.as_slice()).unwrap();
            match fits(&frame) {
                Some(found) => return found,
                None => self.early.push(frame),
            }
        }
    }

    pub async fn answer(&mut self, fits: impl Fn(&CommSyncDl) -> bool) -> CommSyncDl {
        self.wait(|frame| {
            let sync = frame.command() == Command::Sync;
            let answer = sync.then(|| CommSyncDl::decode(frame.payload()).unwrap());
            answer.filter(&fits)
        })
        .await
    }

    pub async fn notice(&mut self) -> Jid {
        self.wait(|frame| {
            let notice = frame.command() == Command::Notice;
            notice.then(|| CommNotice::decode(frame.payload()).unwrap().queue.unwrap())
        })
        .await
    }

    pub async fn unread(&mut self) -> Vec<(String, u32)> {
        self.send(Command::Unread, Vec::new()).await;
        let answer = self
            .wait(|frame| {
                let unread = frame.command() == Command::Unread;
                unread.then(|| CommUnreadDl::decode(frame.payload()).unwrap())
            })
            .await;
        assert_eq!(code(&answer.status), Some(0));
        let queues = answer.unread.into_iter();
        queues
            .map(|queue| (queue.queue.as_ref().unwrap().name().to_owned(), queue.n()))
            .collect()
    }

    /// Pulls a queue until it is empty, acknowledging everything.
    pub async fn pull(&mut self, queue: Jid) -> Vec<Meta> {
        let (mut all, mut key) = (Vec::new(), None);
        loop {
            let asked = CommSyncUl {
                key,
                queue: Some(queue.clone()),
                ..CommSyncUl::default()
            };
            self.send(Command::Sync, asked.encode_to_vec()).await;
            let part = self.answer(|answer| answer.meta_id() == 0).await;
            assert_eq!(part.queue.as_ref(), Some(&queue));
            if part.is_last() {
                assert!(part.metas.is_empty());
                return all;
            }
            key = part.next_key;
            all.extend(part.metas);
        }
    }

    /// Waits for a notice and pulls what it tells of.
    pub async fn receive(&mut self) -> Vec<Meta> {
        loop {
            let queue = self.notice().await;
            let metas = self.pull(queue).await;
            if !metas.is_empty() {
                return metas;
            }
        }
    }

    /// Sends and waits until it is acknowledged or refused.
    pub async fn send_meta(&mut self, meta: Meta) -> CommSyncDl {
        self.next += 1;
        let id = self.next;
        let sync = CommSyncUl {
            meta: Some(Meta {
                id: Some(id),
                ..meta
            }),
            ..CommSyncUl::default()
        };
        self.send(Command::Sync, sync.encode_to_vec()).await;
        self.answer(|answer| answer.meta_id() == id).await
    }

    pub async fn send_text(&mut self, to: Jid, text: &str) -> CommSyncDl {
        let meta = chat(&self.name, to, text);
        self.send_meta(meta).await
    }

    /// The kick that the session ends with.
    pub async fn kicked(&mut self) -> i32 {
        let kick = self
            .answer(|answer| answer.meta_id() == 0 && answer.is_last())
            .await;
        let meta = kick.metas.first().unwrap();
        assert_eq!(meta.ns(), meta::NameSpace::Statistic);
        assert!(meta.from.is_some() && kick.queue.is_some());
        let body = StatisticsBody::decode(meta.payload()).unwrap();
        assert!(soon(self.wire.receive()).await.is_none(), "closed");
        body.operation.unwrap()
    }
}

pub fn provision(name: &str, resource: &str) -> MSync {
    let payload = Provision {
        version: Some("1.4.0".into()),
        resource: Some(resource.to_owned()),
        session_id: Some("1795448554659:".into()),
        ..Provision::default()
    };
    MSync {
        guid: Some(Jid {
            client_resource: Some(resource.to_owned()),
            ..person(name)
        }),
        ..frame(Command::Provision, payload.encode_to_vec())
    }
}

pub fn frame(command: Command, payload: Vec<u8>) -> MSync {
    MSync {
        version: Some(0),
        command: Some(command.into()),
        payload: Some(payload),
        ..MSync::default()
    }
}

/// A text, as SDKs make it.
pub fn chat(from: &str, to: Jid, text: &str) -> Meta {
    let kind = match to.domain() {
        "easemob.com" => message_body::Type::Chat,
        _ => message_body::Type::Groupchat,
    };
    let body = MessageBody {
        r#type: Some(kind.into()),
        from: Some(named(from)),
        to: Some(named(to.name())),
        contents: vec![Content {
            r#type: Some(0),
            text: Some(text.to_owned()),
            ..Content::default()
        }],
        ..MessageBody::default()
    };
    Meta {
        to: Some(to),
        ns: Some(meta::NameSpace::Chat.into()),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    }
}

pub fn body(meta: &Meta) -> MessageBody {
    assert_eq!(meta.ns(), meta::NameSpace::Chat);
    MessageBody::decode(meta.payload()).unwrap()
}

/// Sender and text of each message.
pub fn texts(metas: &[Meta]) -> Vec<(String, String)> {
    let text = |meta: &Meta| {
        let body = body(meta);
        let from = body.from.as_ref().unwrap().name().to_owned();
        assert_eq!(meta.from.as_ref().unwrap().name(), from);
        (from, body.contents[0].text().to_owned())
    };
    metas.iter().map(text).collect()
}

pub fn said(from: &str, text: &str) -> (String, String) {
    (from.to_owned(), text.to_owned())
}

pub fn person(name: &str) -> Jid {
    Jid {
        app_key: Some(APP_KEY.into()),
        domain: Some("easemob.com".into()),
        ..named(name)
    }
}

pub fn conference(id: &str) -> Jid {
    Jid {
        domain: Some("conference.easemob.com".into()),
        ..person(id)
    }
}

pub fn code(status: &Option<Status>) -> Option<i32> {
    status.as_ref().and_then(|status| status.error_code)
}

pub fn headers() -> Vec<(&'static str, &'static str)> {
    vec![
        ("domicile-gateway-secret", SECRET),
        ("domicile-app-id", "970ca35de60c44645bbae8a215061b33"),
        ("domicile-channel", "general"),
        ("domicile-zone", "fra1"),
        ("domicile-retention-days", "7"),
        ("domicile-request-id", "0af7651916cd43dd8448eb211c80319c"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ]
}

pub fn preamble() -> Value {
    json!({
        "app_id": "970ca35de60c44645bbae8a215061b33", "zone": "fra1", "channel": "general",
        "retention_days": 7, "request_id": "0af7651916cd43dd8448eb211c80319c",
        "forwarded_for": "192.0.2.1", "gateway_secret": SECRET,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    })
}

fn named(name: &str) -> Jid {
    Jid {
        name: Some(name.to_owned()),
        ..Jid::default()
    }
}

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
    let stream = soon(TcpStream::connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

//! A hand-made SDK: sessions that send any frame, over both transports.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use msync::schema::{self, CommSyncUl, Jid, MSync, MessageBody, Meta, Provision};
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::im::{prefixed, read};
use super::{TestApp, World, in_time, wire};

/// How a session travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Websocket,
    Tcp,
}

pub const BOTH: [By; 2] = [By::Websocket, By::Tcp];

type Stream = TlsStream<TcpStream>;

/// A client's end of a session.
pub enum Sdk {
    Websocket(Box<WebSocketStream<Stream>>),
    Tcp(Box<Stream>),
}

/// What comes from the gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Frame(Vec<u8>),
    /// With a WebSocket's close code; none over TCP.
    Closed(Option<u16>),
}

impl Event {
    pub fn frame(self) -> Vec<u8> {
        match self {
            Self::Frame(frame) => frame,
            Self::Closed(code) => panic!("closed with {code:?}"),
        }
    }
}

impl World {
    /// A session that has said nothing yet.
    pub async fn sdk(&self, region: &str, by: By) -> Sdk {
        let addresses = self.addresses(region);
        let address = match by {
            By::Websocket => addresses.https,
            By::Tcp => addresses.msync,
        };
        Sdk::connect(address.unwrap(), region, by).await
    }

    /// A session of a user that is logged in.
    pub async fn session(&self, app: &TestApp, user: &str, by: By) -> Sdk {
        let mut sdk = self.sdk(app.region, by).await;
        sdk.send(&Login::of(app, user).frame()).await;
        let answer = sdk.provision_answer().await;
        assert_eq!(answer.status.unwrap().error_code, Some(0));
        sdk
    }
}

impl Sdk {
    /// A session that has said nothing yet, with a region's gateway at this address.
    pub async fn connect(address: SocketAddr, region: &str, by: By) -> Self {
        match by {
            By::Websocket => {
                let name = format!("ws.{region}.test");
                let stream = wire::tls(address, &name, false).await.unwrap();
                let url = format!("wss://{name}/websocket");
                let opened = tokio_tungstenite::client_async(url, stream);
                let (socket, _) = in_time("an upgrade", opened).await.unwrap();
                Sdk::Websocket(Box::new(socket))
            }
            By::Tcp => {
                let stream = wire::tls(address, &format!("msync.{region}.test"), false).await;
                Sdk::Tcp(Box::new(stream.unwrap()))
            }
        }
    }

    pub async fn send(&mut self, frame: &[u8]) {
        self.try_send(frame).await.unwrap();
    }

    /// # Errors
    /// When the gateway has closed.
    pub async fn try_send(&mut self, frame: &[u8]) -> Result<(), tungstenite::Error> {
        let sent = async {
            match self {
                Self::Websocket(socket) => {
                    socket.send(Message::Binary(frame.to_vec().into())).await
                }
                Self::Tcp(stream) => {
                    stream.write_all(&prefixed(frame)).await?;
                    Ok(stream.flush().await?)
                }
            }
        };
        in_time("sending a frame", sent).await
    }

    /// Sends something that is no binary message.
    pub async fn send_message(&mut self, message: Message) {
        let Self::Websocket(socket) = self else {
            panic!("only a WebSocket has such messages");
        };
        socket.send(message).await.unwrap();
    }

    /// Sends bytes as they are, beneath any framing.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        let stream = match self {
            Self::Websocket(socket) => socket.get_mut(),
            Self::Tcp(stream) => stream,
        };
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
    }

    /// The next frame, or the end.
    pub async fn next(&mut self) -> Event {
        in_time("a frame or the end", self.read()).await
    }

    async fn read(&mut self) -> Event {
        match self {
            Self::Websocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(frame))) => break Event::Frame(frame.to_vec()),
                    Some(Ok(Message::Close(close))) => {
                        break Event::Closed(close.map(|c| c.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break Event::Closed(None),
                }
            },
            Self::Tcp(stream) => read(stream).await.map_or(Event::Closed(None), Event::Frame),
        }
    }

    pub async fn message(&mut self) -> MSync {
        MSync::decode(&self.next().await.frame()[..]).unwrap()
    }

    pub async fn provision_answer(&mut self) -> Provision {
        let message = self.message().await;
        assert_eq!(message.command, Some(3));
        Provision::decode(&message.payload.unwrap()[..]).unwrap()
    }

    /// Code and reason of a refused PROVISION, which the end must follow.
    pub async fn refusal(&mut self) -> (i32, String) {
        let status = self.provision_answer().await.status.unwrap();
        let end = self.next().await;
        assert!(matches!(end, Event::Closed(None | Some(1008))), "{end:?}");
        (
            status.error_code.unwrap(),
            status.reason.unwrap_or_default(),
        )
    }

    /// The end, before which nothing may come.
    pub async fn closed(&mut self) -> Option<u16> {
        match self.next().await {
            Event::Closed(code) => code,
            Event::Frame(frame) => panic!("a frame came: {frame:?}"),
        }
    }

    pub async fn sync_answer(&mut self) -> schema::CommSyncDl {
        let message = self.message().await;
        assert_eq!(message.command.unwrap_or(0), 0);
        schema::CommSyncDl::decode(&message.payload.unwrap()[..]).unwrap()
    }
}

/// A PROVISION, as the web SDK sends it.
#[derive(Debug, Clone)]
pub struct Login {
    pub envelope: MSync,
    pub provision: Provision,
}

impl Login {
    pub fn of(app: &TestApp, user: &str) -> Self {
        Self::with(&app.app_key(), user, &app.user_token(user))
    }

    pub fn with(app_key: &str, user: &str, token: &str) -> Self {
        let token = format!("$t${token}");
        Self {
            envelope: MSync {
                version: Some(0),
                guid: Some(jid(Some(app_key), user)),
                auth: Some(token.clone()),
                command: Some(3),
                device_id: Some(0),
                encrypt_type: vec![0],
                ..MSync::default()
            },
            provision: Provision {
                os_type: Some(16),
                version: Some("1.4.0".to_owned()),
                compress_type: vec![0],
                encrypt_type: vec![0],
                device_uuid: Some("device".to_owned()),
                auth_token: Some(format!("{{\"token\":\"{token}\"}}")),
                ..Provision::default()
            },
        }
    }

    pub fn change(mut self, change: impl FnOnce(&mut MSync, &mut Provision)) -> Self {
        change(&mut self.envelope, &mut self.provision);
        self
    }

    pub fn frame(&self) -> Vec<u8> {
        let mut envelope = self.envelope.clone();
        envelope.payload = Some(self.provision.encode_to_vec());
        envelope.encode_to_vec()
    }
}

/// A frame as a client puts it on the wire.
pub fn framed(by: By, frame: &[u8]) -> Vec<u8> {
    match by {
        By::Websocket => {
            let mut bytes = Vec::new();
            let binary = websocket::Opcode::Binary;
            websocket::append_frame(&mut bytes, binary, frame, Some([9, 8, 7, 6]));
            bytes
        }
        By::Tcp => prefixed(frame),
    }
}

pub fn jid(app_key: Option<&str>, name: &str) -> Jid {
    Jid {
        app_key: app_key.map(ToOwned::to_owned),
        name: Some(name.to_owned()),
        domain: Some("easemob.com".to_owned()),
        client_resource: None,
    }
}

/// A one-to-one text message.
pub fn text(app_key: Option<&str>, id: u64, to: &str, text: &str) -> Vec<u8> {
    sync(&meta(app_key, id, to, text))
}

pub fn meta(app_key: Option<&str>, id: u64, to: &str, text: &str) -> Meta {
    let content = schema::message_body::Content {
        r#type: Some(0),
        text: Some(text.to_owned()),
        ..Default::default()
    };
    let body = MessageBody {
        r#type: Some(1),
        contents: vec![content],
        ..MessageBody::default()
    };
    Meta {
        id: Some(id),
        to: Some(jid(app_key, to)),
        ns: Some(1),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    }
}

pub fn sync(meta: &Meta) -> Vec<u8> {
    let payload = CommSyncUl {
        meta: Some(meta.clone()),
        ..CommSyncUl::default()
    };
    envelope(0, payload.encode_to_vec())
}

/// Whether a frame is the acknowledgement of the message with this id.
pub fn acknowledges(frame: &[u8], id: u64) -> bool {
    let message = MSync::decode(frame).unwrap();
    let payload = message.payload.unwrap_or_default();
    let answer = schema::CommSyncDl::decode(&payload[..]).unwrap();
    message.command.unwrap_or(0) == 0 && answer.meta_id == Some(id)
}

/// The heart-beat.
pub fn unread() -> Vec<u8> {
    envelope(1, Vec::new())
}

pub fn envelope(command: i32, payload: Vec<u8>) -> Vec<u8> {
    MSync {
        version: Some(0),
        command: Some(command),
        payload: Some(payload),
        ..MSync::default()
    }
    .encode_to_vec()
}

//! SDK sessions over WebSocket and TLS.

use std::io;
use std::sync::Arc;

use msync::schema::message_body::Content;
use msync::schema::{CommSyncUl, Jid, MSync, MessageBody, Meta};
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use websocket::{Opcode, Read, Reader, Role, append_frame};

use super::Load;
use super::wire::{Wire, tls};
use crate::site::{App, WEBSOCKET, fresh};

/// Messages of a session that comes and goes, and of one that stays longer.
const FEW: usize = 3;
const MANY: usize = 200;

/// Logs in, sends a few messages, and leaves: by a close frame, or without a word.
pub async fn comes_and_goes(load: Arc<Load>) -> io::Result<()> {
    let mut session = Session::open(&load).await?;
    session.talk(&load, FEW).await?;
    if fresh().is_multiple_of(2) {
        session.say(Opcode::Close, &1000_u16.to_be_bytes()).await?;
        while session.message().await.is_ok() {}
    }
    load.counted("session");
    Ok(())
}

/// A session with many messages, and pauses between them.
pub async fn stays(load: Arc<Load>) -> io::Result<()> {
    let mut session = Session::open(&load).await?;
    for _ in 0..MANY {
        if load.is_over() {
            break;
        }
        session.talk(&load, 1).await?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    load.counted("long session");
    Ok(())
}

struct Session {
    wire: Wire<TlsStream<TcpStream>>,
    reader: Reader,
    app: App,
}

impl Session {
    async fn open(load: &Load) -> io::Result<Self> {
        let stream = tls(&load.site, &load.http1, WEBSOCKET).await?;
        let mut wire = Wire::new(stream);
        wire.say(&format!(
            "GET /websocket HTTP/1.1\r\nHost: {WEBSOCKET}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
        .await?;
        let head = wire.head().await?;
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other(format!("no upgrade: {head}")));
        }
        let mut session = Self {
            wire,
            reader: Reader::new(Role::Client, 1 << 20),
            app: load.app().clone(),
        };
        session.log_in().await?;
        Ok(session)
    }

    async fn log_in(&mut self) -> io::Result<()> {
        let (key, user) = (self.app.key(), "u1");
        let login = session_load::provision(&key, user, &self.app.token(user));
        self.say(Opcode::Binary, &login).await?;
        let answer = self.message().await?;
        let answer = msync::read_provision_answer(&answer, &key).map_err(io::Error::other)?;
        match answer.error_code {
            Some(0) => Ok(()),
            code => Err(io::Error::other(format!("a log-in was refused: {code:?}"))),
        }
    }

    /// A heart-beat and messages, each acknowledged.
    async fn talk(&mut self, load: &Load, messages: usize) -> io::Result<()> {
        self.say(Opcode::Binary, &session_load::unread()).await?;
        self.message().await?;
        for _ in 0..messages {
            let id = u64::from(fresh());
            let key = self.app.key();
            self.say(Opcode::Binary, &text(&key, id)).await?;
            let answer = self.message().await?;
            let down = msync::inspect_down(&answer, &key).map_err(io::Error::other)?;
            let is_acknowledged = down.ack == Some(id) && down.error_code.unwrap_or(0) == 0;
            load.answered("message", u16::from(is_acknowledged), &[1]);
        }
        Ok(())
    }

    async fn say(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        append_frame(&mut frame, opcode, payload, Some(session_load::KEY));
        self.wire.stream.write_all(&frame).await?;
        self.wire.stream.flush().await
    }

    async fn message(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let found = match self
                .reader
                .read(&mut self.wire.buffer)
                .map_err(io::Error::other)?
            {
                Read::Need(_) => None,
                Read::Message {
                    payload, consumed, ..
                } => Some((payload.to_vec(), consumed)),
                other => return Err(io::Error::other(format!("not a message: {other:?}"))),
            };
            if let Some((message, consumed)) = found {
                self.wire.buffer.drain(..consumed);
                return Ok(message);
            }
            self.wire.more().await?;
        }
    }
}

/// A text message to another user.
fn text(app_key: &str, id: u64) -> Vec<u8> {
    let content = Content {
        r#type: Some(0),
        text: Some("what one person writes to another".to_owned()),
        ..Content::default()
    };
    let body = MessageBody {
        r#type: Some(1),
        contents: vec![content],
        ..MessageBody::default()
    };
    let meta = Meta {
        id: Some(id),
        to: Some(Jid {
            app_key: Some(app_key.to_owned()),
            name: Some("u2".to_owned()),
            domain: Some("easemob.com".to_owned()),
            client_resource: None,
        }),
        ns: Some(1),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    };
    let sync = CommSyncUl {
        meta: Some(meta),
        ..CommSyncUl::default()
    };
    let frame = MSync {
        version: Some(0),
        command: Some(0),
        payload: Some(sync.encode_to_vec()),
        ..MSync::default()
    };
    frame.encode_to_vec()
}

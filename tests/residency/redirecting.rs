//! Sessions with a data centre in Frankfurt's zone that sends its clients away, over both transports.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use msync::schema::{MSync, Provision, RedirectInfo, Status};
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::im::{prefixed, read};
use crate::harness::sdk::envelope;

/// Where clients are sent, and when.
#[derive(Debug, Clone, Copy, Default)]
pub enum Redirect {
    /// The answer to the log-in says REDIRECT.
    #[default]
    AtLogIn,
    /// It says that all is well, and names a better place.
    Aside,
    /// The answer to the first message after it says REDIRECT.
    Later,
}

pub const WAYS: [Redirect; 3] = [Redirect::AtLogIn, Redirect::Aside, Redirect::Later];

/// What it does, and how many sessions it has had.
#[derive(Default)]
pub struct Sessions {
    pub redirect: Mutex<Redirect>,
    pub had: Mutex<usize>,
}

/// Where it sends them: Virginia's data centre.
pub const TO: (&str, u32) = ("10.74.1.10", 6717);
const OK: i32 = 0;
const REDIRECT: i32 = 5;
const PROVISION: i32 = 3;

pub async fn over_websocket(stream: TlsStream<TcpStream>, sessions: Arc<Sessions>) -> Option<()> {
    // A probe connects and leaves.
    let mut socket = accept_async(stream).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(frame) = message {
            let answer = sessions.answer(&frame);
            socket.send(Message::Binary(answer.into())).await.ok()?;
        }
    }
    None
}

pub async fn over_tcp(mut stream: TlsStream<TcpStream>, sessions: Arc<Sessions>) -> Option<()> {
    let _preamble = read(&mut stream).await?;
    while let Some(frame) = read(&mut stream).await {
        let answer = prefixed(&sessions.answer(&frame));
        stream.write_all(&answer).await.ok()?;
        stream.flush().await.ok()?;
    }
    None
}

impl Sessions {
    fn answer(&self, frame: &[u8]) -> Vec<u8> {
        let redirect = *self.redirect.lock().unwrap();
        if MSync::decode(frame).unwrap().command != Some(PROVISION) {
            return msync::sync_refusal(1, REDIRECT, "");
        }
        *self.had.lock().unwrap() += 1;
        match redirect {
            Redirect::AtLogIn => provision(REDIRECT),
            Redirect::Aside => provision(OK),
            Redirect::Later => msync::provision_answer(Some("device"), None),
        }
    }
}

/// An answer to a log-in that names the place.
fn provision(code: i32) -> Vec<u8> {
    let (host, port) = TO;
    let info = RedirectInfo {
        host: Some(host.to_owned()),
        port: Some(port),
    };
    let status = Status {
        error_code: Some(code),
        redirect_info: vec![info],
        ..Status::default()
    };
    let provision = Provision {
        status: Some(status),
        ..Provision::default()
    };
    envelope(PROVISION, provision.encode_to_vec())
}

//! A wire that is listened to: what goes through it is passed on and written down, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::wire;

/// One connection, as it was on the wire.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    pub from_client: Vec<u8>,
    pub from_server: Vec<u8>,
}

pub struct Relay {
    pub address: SocketAddr,
    captures: Arc<Mutex<Vec<Arc<Mutex<Capture>>>>>,
    _task: JoinSet<()>,
}

/// A record of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Relay {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let captures: Arc<Mutex<Vec<_>>> = Arc::default();
        let mut task = JoinSet::new();
        let all = Arc::clone(&captures);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let capture = Arc::<Mutex<Capture>>::default();
                all.lock().unwrap().push(Arc::clone(&capture));
                connections.spawn(pass(client, wire::tcp(server).await, capture));
            }
        });
        Self {
            address,
            captures,
            _task: task,
        }
    }

    /// Every connection so far, oldest first.
    pub fn captures(&self) -> Vec<Capture> {
        let captures = self.captures.lock().unwrap();
        captures.iter().map(|c| c.lock().unwrap().clone()).collect()
    }
}

async fn pass(client: TcpStream, server: TcpStream, capture: Arc<Mutex<Capture>>) {
    let (up, down) = (client.into_split(), server.into_split());
    let second = Arc::clone(&capture);
    tokio::join!(
        copy(up.0, down.1, |bytes| {
            let from = &mut capture.lock().unwrap().from_client;
            from.extend_from_slice(bytes);
        }),
        copy(down.0, up.1, |bytes| {
            let from = &mut second.lock().unwrap().from_server;
            from.extend_from_slice(bytes);
        }),
    );
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, note: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        note(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Takes a stream of records apart.
///
/// # Panics
/// When it is none.
pub fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let [kind, 3, _, high, low, ..] = *bytes else {
            panic!("no record: {bytes:?}");
        };
        let end = 5 + usize::from(u16::from_be_bytes([high, low]));
        let body = bytes[5..end].to_vec();
        records.push(Record { kind, body });
        bytes = &bytes[end..];
    }
    records
}

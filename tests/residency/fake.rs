//! A machine in Frankfurt's zone that answers as the test wants: under a name, and under its address.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::network;
use super::places::place;
use crate::harness::certificates::{self, Wish};

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Mode {
    /// 200, and the connection stays open.
    Answer,
    /// 200, and the connection closes without a word.
    AnswerOnce,
    /// 307 to this place.
    Redirect(String),
}

pub struct Fake {
    mode: Arc<Mutex<Mode>>,
    served: Arc<Mutex<usize>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What the gateway knows it by.
pub const NAME: &str = "named.fra1.test";
pub const BY_NAME: u16 = 8443;
pub const BY_ADDRESS: u16 = 8444;
/// The last number of its address.
pub const MACHINE: u8 = 20;

impl Fake {
    pub fn start() -> Self {
        let stop = CancellationToken::new();
        let mode = Arc::new(Mutex::new(Mode::Answer));
        let served = Arc::default();
        let (until, state) = (stop.clone(), (Arc::clone(&mode), Arc::clone(&served)));
        let (up, listening) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            network::enter(&place("frankfurt").centre());
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(until.run_until_cancelled(serve(state, up)));
        });
        listening.recv().unwrap();
        Self {
            mode,
            served,
            stop,
            thread: Some(thread),
        }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Requests so far.
    pub fn served(&self) -> usize {
        *self.served.lock().unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type State = (Arc<Mutex<Mode>>, Arc<Mutex<usize>>);

async fn serve(state: State, up: std::sync::mpsc::Sender<()>) {
    let zone = place("frankfurt").zones().next().unwrap();
    let address = zone.machine(MACHINE);
    let by_name = listen(address.into(), BY_NAME, &Wish::names(&[NAME])).await;
    let by_address = Wish::address(&address.to_string());
    let by_address = listen(address.into(), BY_ADDRESS, &by_address).await;
    up.send(()).unwrap();
    tokio::join!(accept(by_name, state.clone()), accept(by_address, state));
}

async fn listen(ip: std::net::IpAddr, port: u16, wish: &Wish) -> (TcpListener, TlsAcceptor) {
    let pair = certificates::issue(wish);
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind((ip, port)).await.unwrap();
    (listener, TlsAcceptor::from(Arc::new(config)))
}

async fn accept((listener, acceptor): (TcpListener, TlsAcceptor), state: State) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), state.clone());
        tokio::spawn(async move {
            if let Ok(mut stream) = acceptor.accept(tcp).await {
                while answer(&mut stream, &state).await.is_some() {}
            }
        });
    }
}

/// Nothing when the connection is over.
async fn answer(stream: &mut TlsStream<TcpStream>, (mode, served): &State) -> Option<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |l| l.trim().parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    *served.lock().unwrap() += 1;
    let mode = mode.lock().unwrap().clone();
    let line = match &mode {
        Mode::Answer | Mode::AnswerOnce => "200 OK\r\n".to_owned(),
        Mode::Redirect(to) => format!("307 Temporary Redirect\r\nLocation: {to}\r\n"),
    };
    let answer = format!("HTTP/1.1 {line}Content-Length: 2\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    if matches!(mode, Mode::AnswerOnce) {
        let _ = stream.shutdown().await;
        return None;
    }
    Some(())
}

/// Puts the CA that vouches for it where the gateway finds it.
pub fn write_ca(file: &Path) {
    std::fs::write(file, certificates::ca()).unwrap();
}

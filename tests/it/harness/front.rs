//! TLS in front of a data centre that has none; what it shows may change while it runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificates::Pair;

pub struct Front {
    pub address: SocketAddr,
    state: Arc<State>,
    _task: JoinSet<()>,
}

struct State {
    to: SocketAddr,
    config: Mutex<Arc<ServerConfig>>,
    completed: AtomicUsize,
    failed: AtomicUsize,
    bytes: AtomicUsize,
}

impl Front {
    /// On a port of its own at `ip`, in front of `to`. With a `client_ca` it demands a certificate of it.
    pub async fn start(ip: IpAddr, to: SocketAddr, pair: &Pair, client_ca: Option<&str>) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let state = Arc::new(State {
            to,
            config: Mutex::new(config(pair, client_ca)),
            completed: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _task: task,
        }
    }

    /// Shows this from now on.
    pub fn shows(&self, pair: &Pair, client_ca: Option<&str>) {
        *self.state.config.lock().unwrap() = config(pair, client_ca);
    }

    /// Handshakes that were completed here.
    pub fn completed(&self) -> usize {
        self.state.completed.load(Ordering::SeqCst)
    }

    /// Handshakes that broke.
    pub fn failed(&self) -> usize {
        self.state.failed.load(Ordering::SeqCst)
    }

    /// Bytes inside TLS that came from the gateway.
    pub fn bytes(&self) -> usize {
        self.state.bytes.load(Ordering::SeqCst)
    }
}

fn config(pair: &Pair, client_ca: Option<&str>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match client_ca {
        None => config.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            let ca = CertificateDer::from_pem_slice(ca.as_bytes()).unwrap();
            roots.add(ca).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&state)));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the way to the test's own data centre"
)]
async fn serve(stream: TcpStream, state: Arc<State>) {
    let config = Arc::clone(&state.config.lock().unwrap());
    let Ok(tls) = TlsAcceptor::from(config).accept(stream).await else {
        state.failed.fetch_add(1, Ordering::SeqCst);
        return;
    };
    state.completed.fetch_add(1, Ordering::SeqCst);
    let Ok(behind) = TcpStream::connect(state.to).await else {
        return;
    };
    let (read, write) = tokio::io::split(tls);
    let (back, forth) = behind.into_split();
    let nowhere = AtomicUsize::new(0);
    tokio::join!(
        carry(read, forth, &state.bytes),
        carry(back, write, &nowhere)
    );
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(read, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

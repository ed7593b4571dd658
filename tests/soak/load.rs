//! Clients of every kind, all at once, for as long as the soak lasts.

mod admins;
mod http1;
mod http2;
mod sessions;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use reqwest::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinSet;

use crate::certificates;
use crate::site::{App, Site};

/// What clients have in common.
pub struct Load {
    site: Site,
    /// Of the admin API.
    key: String,
    http: Client,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    here: Vec<App>,
    elsewhere: Vec<String>,
    next_here: AtomicUsize,
    next_elsewhere: AtomicUsize,
    tally: Mutex<Tally>,
    is_over: AtomicBool,
}

/// What clients did, by its kind, and what went otherwise than it must.
#[derive(Debug, Default)]
struct Tally {
    done: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
}

/// Things that went wrong and are told; of more there is no more to learn.
const TOLD: usize = 20;

/// How many clients of each kind there are.
const KEEP_ALIVE: usize = 16;
const SHORT: usize = 6;
const LEAVING: usize = 2;
const HANDSHAKES: usize = 2;
const HTTP2: usize = 3;
const SESSIONS: usize = 4;
const STAYING: usize = 24;
const REFUSED: usize = 4;
const ASKING: usize = 2;
const ADMINS: usize = 2;

impl Load {
    pub fn new(site: Site, key: String, http: Client, apps: (Vec<App>, Vec<String>)) -> Arc<Self> {
        Arc::new(Self {
            site,
            key,
            http,
            http1: tls(b"http/1.1"),
            http2: tls(b"h2"),
            here: apps.0,
            elsewhere: apps.1,
            next_here: AtomicUsize::new(0),
            next_elsewhere: AtomicUsize::new(0),
            tally: Mutex::default(),
            is_over: AtomicBool::new(false),
        })
    }

    pub fn begin(self: &Arc<Self>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        self.clients(&mut clients, KEEP_ALIVE, "keep-alive", http1::keeps_alive);
        self.clients(&mut clients, SHORT, "short", http1::comes_and_goes);
        self.clients(&mut clients, LEAVING, "leaving", http1::leaves);
        self.clients(&mut clients, REFUSED, "refused", http1::is_refused);
        self.clients(&mut clients, ASKING, "discovery", http1::asks_where);
        self.clients(&mut clients, HANDSHAKES, "handshake", http1::shakes_hands);
        self.clients(&mut clients, HTTP2, "http2", http2::streams);
        self.clients(&mut clients, SESSIONS, "session", sessions::comes_and_goes);
        self.clients(&mut clients, STAYING, "staying", sessions::stays);
        self.clients(&mut clients, ADMINS, "admin", admins::registers);
        clients.spawn(Arc::clone(self).slow_admin());
        clients
    }

    /// Clients that do the same again and again.
    fn clients<F>(
        self: &Arc<Self>,
        clients: &mut JoinSet<()>,
        count: usize,
        kind: &'static str,
        round: fn(Arc<Self>) -> F,
    ) where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        for _ in 0..count {
            let load = Arc::clone(self);
            clients.spawn(async move {
                while !load.is_over() {
                    if let Err(error) = round(Arc::clone(&load)).await {
                        load.wrong(format!("{kind}: {error}"));
                    }
                }
            });
        }
    }

    async fn slow_admin(self: Arc<Self>) {
        while !self.is_over() {
            if let Err(error) = admins::tries_a_key(Arc::clone(&self)).await {
                self.wrong(format!("wrong key: {error}"));
            }
        }
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// How much of each kind was done.
    pub fn done(&self) -> BTreeMap<&'static str, u64> {
        self.tally.lock().done.clone()
    }

    /// How often this was done.
    pub fn count(&self, kind: &str) -> u64 {
        self.tally.lock().done.get(kind).copied().unwrap_or(0)
    }

    /// How many tokens were good. None was used before.
    pub fn tokens(&self) -> u64 {
        let kinds = ["keep-alive", "short", "handshake", "http2", "session"];
        kinds.iter().map(|kind| self.count(kind)).sum()
    }

    /// Whether every App has been asked for.
    pub fn has_called_all(&self) -> bool {
        let all = |next: &AtomicUsize, count| next.load(Ordering::Relaxed) > count;
        all(&self.next_here, self.here.len()) && all(&self.next_elsewhere, self.elsewhere.len())
    }

    /// What a client must never see.
    pub fn went_wrong(&self) -> Vec<String> {
        self.tally.lock().wrong.clone()
    }

    /// Another App than the last ones: all of them come in turn.
    fn app(&self) -> &App {
        let n = self.next_here.fetch_add(1, Ordering::Relaxed);
        &self.here[n % self.here.len()]
    }

    /// The name of an App that lives elsewhere.
    fn app_elsewhere(&self) -> &str {
        let n = self.next_elsewhere.fetch_add(1, Ordering::Relaxed);
        &self.elsewhere[n % self.elsewhere.len()]
    }

    fn counted(&self, kind: &'static str) {
        *self.tally.lock().done.entry(kind).or_default() += 1;
    }

    /// Counts an answer, which must be one of these.
    fn answered(&self, kind: &'static str, status: u16, expected: &[u16]) {
        self.counted(kind);
        if !expected.contains(&status) {
            self.wrong(format!("{kind}: answered {status}, not {expected:?}"));
        }
    }

    fn wrong(&self, what: String) {
        let mut tally = self.tally.lock();
        if tally.wrong.len() < TOLD {
            tally.wrong.push(what);
        }
    }
}

fn tls(protocol: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(certificates::ca().as_bytes());
    roots.add(ca.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

//! The cores: a thread each, with a runtime, listeners and connections of its own.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::closing::Closing;
use super::connection::{Door, Speech};
use super::listen::Sockets;
use super::tls::Edge;
use crate::gateway::{Gateway, Shared};
use crate::pace::Pacer;
use crate::session::{self, Sessions};

/// A gateway's listener, before it is handed to the cores.
pub struct Listening {
    pub shared: Arc<Shared>,
    pub ports: Vec<Port>,
    pub admission: Arc<Admission>,
    pub trusted_proxies: Vec<IpNet>,
}

/// A port of a gateway.
pub struct Port {
    pub sockets: Sockets,
    /// Absent on a plain listener.
    pub tls: Option<Arc<Edge>>,
    pub speech: Speech,
}

/// The running cores.
pub struct Cores {
    threads: Vec<JoinHandle<()>>,
    stop_accepting: CancellationToken,
    close: Arc<Closing>,
    abort: CancellationToken,
}

/// What one core does for one gateway.
struct Share {
    shared: Arc<Shared>,
    listeners: Vec<(StdListener, Option<Arc<Edge>>, Speech)>,
    admission: Arc<Admission>,
    trusted_proxies: Vec<IpNet>,
}

/// How often a core keeps house.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// After an accept failed for want of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Cores {
    /// Starts `count` cores that serve all these gateways.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be started.
    pub fn start(count: usize, gateways: Vec<Listening>) -> io::Result<Self> {
        let tokens = Tokens::default();
        let shares = split(count, gateways);
        let start = |(n, shares): (usize, Vec<Share>)| core(n, shares, tokens.clone());
        let threads = shares.into_iter().enumerate().map(start);
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
            stop_accepting: tokens.stop_accepting,
            close: tokens.close,
            abort: tokens.abort,
        })
    }

    /// Stops listening and lets what is in flight end; after `limit` the rest is dropped.
    pub async fn drain(self, limit: Duration) {
        self.stop_accepting.cancel();
        self.close.close();
        let abort = self.abort.clone();
        let joined = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                // A core that panicked has nothing left to wait for.
                let _ = thread.join();
            }
        });
        tokio::pin!(joined);
        if tokio::time::timeout(limit, &mut joined).await.is_err() {
            abort.cancel();
            let _ = joined.await;
        }
    }
}

#[derive(Clone, Default)]
struct Tokens {
    stop_accepting: CancellationToken,
    close: Arc<Closing>,
    abort: CancellationToken,
}

/// Deals every gateway's sockets out to the cores.
fn split(count: usize, gateways: Vec<Listening>) -> Vec<Vec<Share>> {
    let mut cores: Vec<Vec<Share>> = (0..count.max(1)).map(|_| Vec::new()).collect();
    for gateway in gateways {
        let mut dealt: Vec<Vec<_>> = cores.iter().map(|_| Vec::new()).collect();
        for port in gateway.ports {
            for (listeners, socket) in dealt.iter_mut().zip(port.sockets.sockets) {
                listeners.push((socket, port.tls.clone(), port.speech));
            }
        }
        for (core, listeners) in cores.iter_mut().zip(dealt) {
            core.push(Share {
                shared: Arc::clone(&gateway.shared),
                listeners,
                admission: Arc::clone(&gateway.admission),
                trusted_proxies: gateway.trusted_proxies.clone(),
            });
        }
    }
    cores
}

fn core(number: usize, shares: Vec<Share>, tokens: Tokens) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name(format!("core-{number}"))
        .spawn(move || runtime.block_on(run(shares, tokens)))
}

async fn run(shares: Vec<Share>, tokens: Tokens) {
    let pacer = Pacer::new();
    let tasks = TaskTracker::new();
    let upstreams = TaskTracker::new();
    let background = CancellationToken::new();
    spawn_background(&background, {
        let pacer = Arc::clone(&pacer);
        async move { pacer.run().await }
    });
    for share in shares {
        open(share, &pacer, &tasks, &upstreams, &background, &tokens);
    }
    tokens.stop_accepting.cancelled().await;
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = tokens.abort.cancelled() => {}
    }
    background.cancel();
}

/// Starts one gateway's listeners and housekeeping on this core.
fn open(
    share: Share,
    pacer: &Arc<Pacer>,
    tasks: &TaskTracker,
    upstreams: &TaskTracker,
    background: &CancellationToken,
    tokens: &Tokens,
) {
    let gateway = Arc::new(Gateway::new(&share.shared, pacer, upstreams));
    spawn_background(background, keep_house(Arc::clone(&gateway)));
    let sessions = Sessions::new(Arc::clone(&gateway), tasks.clone());
    spawn_background(background, look_after(Arc::clone(&sessions)));
    for (listener, tls, speech) in share.listeners {
        let door = Arc::new(Door {
            gateway: Arc::clone(&gateway),
            speech,
            sessions: Arc::clone(&sessions),
            tls,
            admission: Arc::clone(&share.admission),
            trusted_proxies: share.trusted_proxies.clone(),
            pacer: Arc::clone(pacer),
            tasks: tasks.clone(),
            closing: Arc::clone(&tokens.close),
        });
        tasks.spawn(accept(listener, door, tokens.stop_accepting.clone()));
    }
}

fn spawn_background<F: Future<Output = ()> + Send + 'static>(end: &CancellationToken, future: F) {
    let end = end.clone();
    tokio::spawn(async move {
        end.run_until_cancelled(future).await;
    });
}

async fn keep_house(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        gateway.sweep();
    }
}

async fn look_after(sessions: Arc<Sessions>) {
    let mut ticks = tokio::time::interval(session::SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sessions.sweep();
    }
}

async fn accept(listener: StdListener, door: Arc<Door>, stop: CancellationToken) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener cannot be used"),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((tcp, from)) => {
                door.tasks.spawn(Arc::clone(&door).serve(tcp, from));
            }
            Err(error) => {
                // Mostly the process's limit of open files.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

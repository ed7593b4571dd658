//! The cores: a thread each, with a runtime, listeners and connections of its own.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::closing::Closing;
use super::connection::{Door, Rooms, Speech};
use super::listen::Sockets;
use super::tls::Edge;
use crate::gateway::{Gateway, Shared};
use crate::pace::Pacer;
use crate::pipe;
use crate::session::{self, Sessions};
use crate::shard;

/// A gateway's listeners, before they are handed to the cores.
pub struct Listening {
    pub setting: Arc<Setting>,
    pub ports: Vec<Port>,
    pub admission: Arc<Admission>,
}

/// A port of a gateway.
pub struct Port {
    pub sockets: Sockets,
    pub speech: Speech,
}

/// What a gateway's configuration makes of it. It can be switched for another while it serves.
pub struct Setting {
    pub shared: Arc<Shared>,
    /// Of the port that speaks HTTPS.
    pub https: Option<Arc<Edge>>,
    pub msync: Option<Arc<Edge>>,
    pub trusted_proxies: Vec<IpNet>,
}

/// The running cores.
pub struct Cores {
    threads: Vec<JoinHandle<()>>,
    switches: Vec<UnboundedSender<Switch>>,
    stop_accepting: CancellationToken,
    close: Arc<Closing>,
    abort: CancellationToken,
}

/// An order to one core: this gateway, counted from 0, has another setting now.
struct Switch {
    gateway: usize,
    setting: Arc<Setting>,
    done: oneshot::Sender<()>,
}

/// What one core does for one gateway.
struct Share {
    setting: Arc<Setting>,
    listeners: Vec<(StdListener, Speech)>,
    admission: Arc<Admission>,
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
        let (mut threads, mut switches) = (Vec::new(), Vec::new());
        for (number, shares) in shares.into_iter().enumerate() {
            let (sender, receiver) = unbounded_channel();
            let core = Core::new(count, tokens.clone());
            threads.push(spawn(number, core, shares, receiver)?);
            switches.push(sender);
        }
        Ok(Self {
            threads,
            switches,
            stop_accepting: tokens.stop_accepting,
            close: tokens.close,
            abort: tokens.abort,
        })
    }

    /// From its return on, connections and requests of a gateway are served by another setting.
    /// Those under way end as they began, and so do sessions.
    pub async fn switch(&self, gateway: usize, setting: &Arc<Setting>) {
        let told = self.switches.iter().filter_map(|core| {
            let (done, is_done) = oneshot::channel();
            let setting = Arc::clone(setting);
            let switch = Switch {
                gateway,
                setting,
                done,
            };
            // A core that is gone serves nobody.
            core.send(switch).ok().map(|()| is_done)
        });
        futures_util::future::join_all(told).await;
    }

    /// Tells the connections that are open to end soon, while everybody is still served.
    pub fn leave(&self) {
        self.close.leave();
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
                listeners.push((socket, port.speech));
            }
        }
        for (core, listeners) in cores.iter_mut().zip(dealt) {
            core.push(Share {
                setting: Arc::clone(&gateway.setting),
                listeners,
                admission: Arc::clone(&gateway.admission),
            });
        }
    }
    cores
}

fn spawn(
    number: usize,
    core: Core,
    shares: Vec<Share>,
    switches: UnboundedReceiver<Switch>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name(format!("core-{number}"))
        .spawn(move || {
            shard::settle();
            runtime.block_on(core.run(shares, switches));
        })
}

/// What all that runs on a core has in common.
struct Core {
    /// How many there are.
    cores: usize,
    pacer: Arc<Pacer>,
    /// What a drain waits for.
    tasks: TaskTracker,
    upstreams: TaskTracker,
    background: CancellationToken,
    tokens: Tokens,
}

impl Core {
    fn new(cores: usize, tokens: Tokens) -> Self {
        Self {
            cores,
            pacer: Pacer::new(),
            tasks: TaskTracker::new(),
            upstreams: TaskTracker::new(),
            background: CancellationToken::new(),
            tokens,
        }
    }

    async fn run(self, shares: Vec<Share>, mut switches: UnboundedReceiver<Switch>) {
        let pacer = Arc::clone(&self.pacer);
        self.spawn_background(async move { pacer.run().await });
        self.spawn_background(keep_pipes());
        let gateways: Vec<_> = shares.into_iter().map(|share| self.open(share)).collect();
        let switching = async {
            while let Some(switch) = switches.recv().await {
                if let Some(rooms) = gateways.get(switch.gateway) {
                    rooms.store(self.furnish(&switch.setting));
                }
                let _ = switch.done.send(());
            }
        };
        let stop = &self.tokens.stop_accepting;
        stop.run_until_cancelled(switching).await;
        stop.cancelled().await;
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = self.tokens.abort.cancelled() => {}
        }
        self.background.cancel();
    }

    /// Starts one gateway's listeners on this core.
    fn open(&self, share: Share) -> Arc<ArcSwap<Rooms>> {
        let rooms = Arc::new(ArcSwap::new(self.furnish(&share.setting)));
        for (listener, speech) in share.listeners {
            let door = Arc::new(Door {
                rooms: Arc::clone(&rooms),
                speech,
                admission: Arc::clone(&share.admission),
                pacer: Arc::clone(&self.pacer),
                tasks: self.tasks.clone(),
                closing: Arc::clone(&self.tokens.close),
            });
            let stop = self.tokens.stop_accepting.clone();
            self.tasks.spawn(accept(listener, door, stop));
        }
        rooms
    }

    /// What a setting makes of a gateway on this core, with its housekeeping.
    fn furnish(&self, setting: &Arc<Setting>) -> Arc<Rooms> {
        let gateway = Gateway::new(&setting.shared, &self.pacer, &self.upstreams, self.cores);
        let gateway = Arc::new(gateway);
        let sessions = Sessions::new(Arc::clone(&gateway), self.tasks.clone());
        self.spawn_background(keep_house(Arc::downgrade(&gateway)));
        self.spawn_background(look_after(Arc::downgrade(&sessions)));
        Arc::new(Rooms {
            gateway,
            sessions,
            setting: Arc::clone(setting),
        })
    }

    fn spawn_background<F: Future<Output = ()> + Send + 'static>(&self, future: F) {
        let end = self.background.clone();
        tokio::spawn(async move {
            end.run_until_cancelled(future).await;
        });
    }
}

/// For as long as anybody is served by it.
async fn keep_house(gateway: Weak<Gateway>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        let Some(gateway) = gateway.upgrade() else {
            return;
        };
        gateway.sweep();
    }
}

async fn keep_pipes() {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        pipe::sweep();
    }
}

/// For as long as there are sessions, or may be new ones.
async fn look_after(sessions: Weak<Sessions>) {
    let mut ticks = tokio::time::interval(session::SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(sessions) = sessions.upgrade() else {
            return;
        };
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

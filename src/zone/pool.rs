//! One core's connections to one upstream, for one channel of one zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::body::Flow;
use super::egress::DialError;
use super::line::Line;
use super::sending::Sending;
use super::upstream::Target;
use crate::pace::{Deadline, Pacer, TICK};

/// How long a connection may idle: shorter than any server's own limit, so that a request is not
/// sent into a closing connection.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// How many idle connections are looked at for one request; a new one is opened then.
const LOOKS: usize = 16;

/// How many idle connections a sweep looks at, and how many a core ends at once: closing thousands takes tens of
/// milliseconds, in which it serves nobody.
const SWEPT: usize = 256;

/// How long what is left of a request may take behind its answer, where no client's time counts.
const REST: Duration = Duration::from_secs(60);

/// How long a connection that is given up may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Pool {
    pub target: Arc<Target>,
    idle: Mutex<Vec<Idle>>,
    /// How many may idle: as many as may be in use at once. With fewer each rush of requests would open its
    /// connections anew.
    most: usize,
    /// Where among the idle ones the next sweep looks.
    place: AtomicUsize,
    /// Requests under way.
    active: AtomicUsize,
    pacer: Arc<Pacer>,
    tasks: TaskTracker,
}

struct Idle {
    connection: Box<Connection>,
    /// By the pacer's ticks.
    since: u64,
}

impl Drop for Pool {
    /// With the setting that it was for. What a rush before a reload left behind is closed beside the core.
    fn drop(&mut self) {
        let idle = std::mem::take(self.idle.get_mut());
        if idle.len() > SWEPT
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(idle));
        }
    }
}

impl Idle {
    fn span(&self, now: u64) -> Duration {
        let ticks = u32::try_from(now - self.since).unwrap_or(u32::MAX);
        TICK.saturating_mul(ticks)
    }
}

/// A connection to the data centre. Its I/O is done by whoever waits for the answer.
pub struct Connection {
    pub line: Line,
    pub deadline: Deadline,
    /// Whether it can serve another request behind this one's answer.
    pub persists: bool,
    /// Of [`Target::generation`], when it was opened.
    generation: u64,
}

/// A connection on loan from its pool, or the place of one.
pub struct Lease {
    pool: Arc<Pool>,
}

impl Pool {
    pub fn new(target: Arc<Target>, most: usize, pacer: Arc<Pacer>, tasks: TaskTracker) -> Self {
        Self {
            target,
            idle: Mutex::new(Vec::new()),
            most,
            place: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            pacer,
            tasks,
        }
    }

    /// Requests under way here, on this core.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    pub fn lease(self: &Arc<Self>) -> Lease {
        self.active.fetch_add(1, Ordering::Relaxed);
        Lease {
            pool: Arc::clone(self),
        }
    }

    /// The idle connection used last, so that the others can end.
    fn reuse(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle.lock();
        for _ in 0..LOOKS {
            let mut connection = idle.pop()?.connection;
            if self.serves(&mut connection) {
                return Some(connection);
            }
        }
        None
    }

    /// Whether an idle connection can serve a request.
    fn serves(&self, connection: &mut Connection) -> bool {
        connection.generation == self.target.generation() && connection.line.is_quiet()
    }

    fn keep(&self, mut connection: Box<Connection>) {
        connection.line.rest();
        let mut idle = self.idle.lock();
        if idle.len() < self.most {
            idle.push(Idle {
                connection,
                since: self.pacer.now(),
            });
        }
    }

    /// Lets go of connections that have idled too long or were closed, of many some at a time.
    pub fn sweep(&self) {
        let now = self.pacer.now();
        let mut idle = self.idle.lock();
        let from = self.place.load(Ordering::Relaxed);
        let from = if from < idle.len() { from } else { 0 };
        let looks = from..from + SWEPT;
        self.place.store(looks.end, Ordering::Relaxed);
        let (mut place, mut ended) = (0, 0);
        idle.retain_mut(|idle| {
            let is_looked_at = looks.contains(&place);
            place += 1;
            let is_left = ended == SWEPT;
            let stays = is_left
                || (idle.span(now) < IDLE_TIME
                    && (!is_looked_at || self.serves(&mut idle.connection)));
            ended += usize::from(!stays);
            stays
        });
    }

    async fn open(&self) -> Result<Box<Connection>, DialError> {
        let generation = self.target.generation();
        let stream = self.target.connect().await?;
        Ok(Box::new(Connection {
            line: Line::new(stream),
            deadline: self.pacer.deadline(),
            persists: true,
            generation,
        }))
    }
}

impl Lease {
    pub fn target(&self) -> &Target {
        &self.pool.target
    }

    /// A connection: an idle one if there is, else a new one.
    ///
    /// # Errors
    /// When a new one cannot be opened.
    pub async fn connection(&self) -> Result<Box<Connection>, DialError> {
        match self.pool.reuse() {
            Some(connection) => Ok(connection),
            // Boxed: opening is rare and large, and every call carries its place.
            None => Box::pin(self.pool.open()).await,
        }
    }

    /// A new connection, whatever idles.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn fresh_connection(&self) -> Result<Box<Connection>, DialError> {
        Box::pin(self.pool.open()).await
    }

    /// Takes a connection back whose exchange is complete.
    pub fn give_back(self, connection: Box<Connection>) {
        connection.deadline.clear();
        if connection.persists && connection.line.read.is_empty() {
            self.pool.keep(connection);
        }
    }

    /// The answer came before the whole request was written: the rest is written beside it. The
    /// connection serves nobody else then.
    pub fn send_on(
        &self,
        connection: Connection,
        mut sending: Sending,
        flow: Option<Arc<Flow>>,
    ) -> Connection {
        let (line, writing) = connection.line.divide();
        if let Some(mut writing) = writing {
            self.pool.tasks.spawn(async move {
                let sent = std::future::poll_fn(|cx| sending.poll(&mut writing, cx));
                let sent = match &flow {
                    Some(flow) => flow.deadline.race(sent).await,
                    None => tokio::time::timeout(REST, sent).await.ok(),
                };
                if !matches!(sent, Some(Ok(()))) {
                    // The data centre is not to wait for what will not come.
                    let _ = tokio::time::timeout(FAREWELL, writing.shutdown()).await;
                }
            });
        }
        Connection {
            line,
            persists: false,
            ..connection
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::super::egress::Egress;
    use super::*;
    use crate::config::{Scheme, Upstream};
    use crate::domain::{RegionId, ZoneId};
    use crate::observe::Metrics;

    /// A pool, and who takes its connections.
    async fn pool(most: usize) -> (Arc<Pool>, TcpListener) {
        let listener = TcpListener::bind("127.71.0.1:0").await.unwrap();
        let address = Upstream {
            scheme: Scheme::Plain,
            host: "127.71.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            path: String::new(),
        };
        let region = RegionId::parse("frankfurt").unwrap();
        let metrics = Arc::new(Metrics::new(&region, &[], std::slice::from_ref(&region)));
        let ranges = ["127.71.0.0/16".parse().unwrap()];
        let egress = Egress::new(&ranges, Duration::from_secs(3), Arc::clone(&metrics));
        let zone = ZoneId::parse("fra1").unwrap();
        let target = Target::new(&zone, address, Arc::new(egress), None, metrics).unwrap();
        let pool = Pool::new(Arc::new(target), most, Pacer::new(), TaskTracker::new());
        (Arc::new(pool), listener)
    }

    /// So many connections that were in use at once. Gives their other ends.
    async fn rush(pool: &Arc<Pool>, listener: &TcpListener, count: usize) -> Vec<TcpStream> {
        let (mut used, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let lease = pool.lease();
            let opens = pool.idle() == 0;
            let connection = lease.connection().await.unwrap();
            used.push((lease, connection));
            if opens {
                ends.push(listener.accept().await.unwrap().0);
            }
        }
        for (lease, connection) in used {
            lease.give_back(connection);
        }
        ends
    }

    /// Control: the cap of `keep`.
    #[tokio::test]
    async fn no_more_connections_idle_than_may() {
        let (pool, listener) = pool(3).await;
        let ends = rush(&pool, &listener, 5).await;
        assert_eq!((ends.len(), pool.idle()), (5, 3));
        let again = rush(&pool, &listener, 3).await;
        assert_eq!((again.len(), pool.idle()), (0, 3));
    }

    /// Control: `SWEPT`.
    #[tokio::test]
    async fn a_sweep_ends_some_at_a_time() {
        let (pool, listener) = pool(1_000).await;
        let ends = rush(&pool, &listener, SWEPT + 7).await;
        pool.sweep();
        assert_eq!(pool.idle(), ends.len(), "none idles for long");
        while TICK.saturating_mul(u32::try_from(pool.pacer.now()).unwrap()) < IDLE_TIME {
            pool.pacer.turn();
        }
        pool.sweep();
        assert_eq!(pool.idle(), 7);
        pool.sweep();
        assert_eq!(pool.idle(), 0);
    }

    /// Control: the place of a sweep goes on. Those behind it are looked at when they are taken.
    #[tokio::test]
    async fn sweeps_find_all_that_were_closed() {
        let (pool, listener) = pool(1_000).await;
        let ends = rush(&pool, &listener, SWEPT + 7).await;
        let mut kept = ends;
        drop(kept.split_off(SWEPT));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while pool.idle() > kept.len() {
            assert!(tokio::time::Instant::now() < deadline, "{}", pool.idle());
            pool.sweep();
            tokio::task::yield_now().await;
        }
        assert_eq!(rush(&pool, &listener, kept.len()).await.len(), 0);
    }

    /// Control: `Pool::drop`. Whoever lets go of a pool does not wait until all of it is closed.
    #[test]
    fn the_connections_of_a_rush_end_beside_the_core() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (pool, listener) = pool(1_000).await;
            let ends = rush(&pool, &listener, SWEPT + 1).await;
            let ends: Vec<_> = ends
                .into_iter()
                .map(|end| end.into_std().unwrap())
                .collect();
            let closed = || ends.iter().filter(|end| end.peek(&mut [0]).is_ok()).count();
            let (go, waits) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || waits.recv());
            drop(pool);
            assert_eq!(closed(), 0);
            drop(go);
            let _ended = busy.await.unwrap();
            let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
            while closed() < ends.len() {
                assert!(tokio::time::Instant::now() < deadline, "{}", closed());
                tokio::task::yield_now().await;
            }
        });
    }
}

//! One core's connections to one upstream, for one channel of one zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;
use tokio_util::task::TaskTracker;

use super::body::Flow;
use super::egress::DialError;
use super::line::Line;
use super::sending::Sending;
use super::upstream::Target;
use crate::pace::{Deadline, Pacer, TICK};

/// Idle connections that are kept, for each core, channel and upstream.
const IDLE: usize = 256;

/// How long a connection may idle: shorter than any server's own limit, so that a request is not
/// sent into a closing connection.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// How many idle connections are looked at for one request; a new one is opened then.
const LOOKS: usize = 16;

/// How long what is left of a request may take behind its answer, where no client's time counts.
const REST: Duration = Duration::from_secs(60);

/// How long a connection that is given up may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Pool {
    pub target: Arc<Target>,
    idle: Mutex<Vec<Idle>>,
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
    pub fn new(target: Arc<Target>, pacer: Arc<Pacer>, tasks: TaskTracker) -> Self {
        Self {
            target,
            idle: Mutex::new(Vec::new()),
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
        // Looking takes of what the runtime lets a task do at once; without any left all seem well.
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
        if idle.len() < IDLE {
            idle.push(Idle {
                connection,
                since: self.pacer.now(),
            });
        }
    }

    /// Lets go of connections that have idled too long or were closed.
    pub fn sweep(&self) {
        let now = self.pacer.now();
        let stays = |idle: &mut Idle| {
            let idled = TICK.saturating_mul(u32::try_from(now - idle.since).unwrap_or(u32::MAX));
            idled < IDLE_TIME && self.serves(&mut idle.connection)
        };
        self.idle.lock().retain_mut(stays);
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

//! One core's connections to one upstream, for one channel of one zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::body::Outgoing;
use super::egress::DialError;
use super::upstream::Target;
use crate::pace::{Deadline, Pacer, TICK};

/// Idle connections that are kept, for each core, channel and upstream.
const IDLE: usize = 256;

/// How long a connection may idle: shorter than any server's own limit, so that a request is not
/// sent into a closing connection.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Read and write buffers. Large bodies cost half as much with large buffers.
const BUFFER: usize = 256 * 1024;

pub struct Pool {
    pub target: Arc<Target>,
    idle: Mutex<Vec<Idle>>,
    /// Requests under way.
    active: AtomicUsize,
    pacer: Arc<Pacer>,
    tasks: TaskTracker,
}

struct Idle {
    connection: Connection,
    /// By the pacer's ticks.
    since: u64,
}

/// A connection to the data centre. Its I/O runs in a task of its own on the same core.
pub struct Connection {
    pub sender: SendRequest<Outgoing>,
    pub deadline: Arc<Deadline>,
    /// Whether requests have gone through it before.
    pub used: bool,
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
    fn reuse(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let mut busy = Vec::new();
        let found = loop {
            let Some(candidate) = idle.pop() else {
                break None;
            };
            if self.is_over(&candidate.connection) {
                continue;
            }
            if candidate.connection.sender.is_ready() {
                break Some(candidate.connection);
            }
            busy.push(candidate);
        };
        idle.append(&mut busy);
        found
    }

    /// Whether it is of no use any more.
    fn is_over(&self, connection: &Connection) -> bool {
        connection.sender.is_closed() || connection.generation != self.target.generation()
    }

    fn keep(&self, connection: Connection) {
        if self.is_over(&connection) {
            return;
        }
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
        let stays = |idle: &Idle| {
            let idled = TICK.saturating_mul(u32::try_from(now - idle.since).unwrap_or(u32::MAX));
            !self.is_over(&idle.connection) && idled < IDLE_TIME
        };
        self.idle.lock().retain(stays);
    }

    async fn open(&self) -> Result<Connection, DialError> {
        let generation = self.target.generation();
        let stream = self.target.connect().await?;
        let handshake = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream));
        // An HTTP/1 handshake does no I/O.
        let (sender, connection) = handshake
            .await
            .map_err(|e| DialError::Connect(std::io::Error::other(e)))?;
        self.tasks.spawn(async move {
            // Whoever waits for an answer gets the error; here nobody does.
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            deadline: Arc::new(self.pacer.deadline()),
            used: false,
            generation,
        })
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
    pub async fn connection(&self) -> Result<Connection, DialError> {
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
    pub async fn fresh_connection(&self) -> Result<Connection, DialError> {
        Box::pin(self.pool.open()).await
    }

    /// Gives a connection back whose exchange is complete.
    pub fn give_back(self, mut connection: Connection) {
        connection.deadline.clear();
        connection.used = true;
        self.pool.keep(connection);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.active.fetch_sub(1, Ordering::Relaxed);
    }
}

//! A connection to etcd that can be spoilt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub struct Link {
    pub url: String,
    spoilt: Arc<Spoilt>,
    task: AbortHandle,
}

#[derive(Default)]
struct Spoilt {
    /// The next answer to a transaction is lost, with its connection.
    cut: AtomicBool,
    /// Answers on connections up to this number are swallowed, and the connections stay.
    mute: AtomicUsize,
    /// All of them.
    mute_all: AtomicBool,
    /// Connections up to this number are closed.
    closed: watch::Sender<usize>,
    /// New connections are closed at once.
    refuse: AtomicBool,
    connections: AtomicUsize,
}

impl Link {
    /// To an etcd at an `http://localhost:PORT`.
    pub async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("http://localhost:").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let spoilt = Arc::new(Spoilt::default());
        let all = Arc::clone(&spoilt);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if all.refuse.load(Ordering::SeqCst) {
                    continue;
                }
                let n = all.connections.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(pass(client, server.clone(), n, Arc::clone(&all)));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            spoilt,
            task: task.abort_handle(),
        }
    }

    pub fn cut_next_answer(&self) {
        self.spoilt.cut.store(true, Ordering::SeqCst);
    }

    pub fn was_cut(&self) -> bool {
        !self.spoilt.cut.load(Ordering::SeqCst)
    }

    /// What is open now falls silent; what is opened from now on works.
    pub fn mute_open_ones(&self) {
        let now = self.spoilt.connections.load(Ordering::SeqCst);
        self.spoilt.mute.store(now, Ordering::SeqCst);
    }

    /// Closes what is open, and lets nobody through until `open`.
    pub fn close(&self) {
        self.spoilt.refuse.store(true, Ordering::SeqCst);
        let now = self.spoilt.connections.load(Ordering::SeqCst);
        self.spoilt.closed.send_replace(now);
    }

    pub fn open(&self) {
        self.spoilt.refuse.store(false, Ordering::SeqCst);
    }

    pub fn mute(&self, mute: bool) {
        self.spoilt.mute_all.store(mute, Ordering::SeqCst);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own way to etcd")]
async fn pass(client: TcpStream, port: String, n: usize, spoilt: Arc<Spoilt>) {
    let Ok(server) = TcpStream::connect(format!("127.0.0.1:{port}")).await else {
        return;
    };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let watching = AtomicBool::new(false);
    let asked = forward(client_reads, server_writes, &watching);
    let answered = answer(server_reads, client_writes, n, &spoilt, &watching);
    let mut closed = spoilt.closed.subscribe();
    // Whoever ends first ends both.
    tokio::select! {
        () = asked => {}
        () = answered => {}
        _ = closed.wait_for(|up_to| n <= *up_to) => {}
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, watching: &AtomicBool) {
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if buffer.starts_with(b"POST /v3/watch") {
            watching.store(true, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    connection: usize,
    spoilt: &Spoilt,
    watching: &AtomicBool,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if !watching.load(Ordering::SeqCst) && spoilt.cut.swap(false, Ordering::SeqCst) {
            return;
        }
        let is_mute = connection <= spoilt.mute.load(Ordering::SeqCst)
            || spoilt.mute_all.load(Ordering::SeqCst);
        if !is_mute && to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

//! One address in front of several gateways, as a Service of Kubernetes is: connections as they
//! are, new ones to endpoints that are ready, one after the other; what is open stays.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::process::Process;
use super::{Wire, eventually};

pub struct Balancer {
    pub https: SocketAddr,
    pub msync: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct State {
    endpoints: Mutex<Vec<Endpoint>>,
    turn: AtomicUsize,
}

#[derive(Clone, Copy)]
struct Endpoint {
    https: SocketAddr,
    msync: SocketAddr,
    ops: SocketAddr,
    ready: bool,
    /// It is to go, and gets nothing new, however ready it is.
    going: bool,
}

/// Between two looks at an endpoint's readiness.
const PERIOD: Duration = Duration::from_millis(50);

impl Balancer {
    pub async fn start(gateways: &[&Process]) -> Self {
        let endpoint = |gateway: &&Process| Endpoint {
            https: gateway.https,
            msync: gateway.msync,
            ops: gateway.ops,
            ready: false,
            going: false,
        };
        let state = Arc::new(State {
            endpoints: Mutex::new(gateways.iter().map(endpoint).collect()),
            turn: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        let [https, msync] = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let addresses = [&https, &msync].map(|l| l.local_addr().unwrap());
        tasks.spawn(accept(https, Arc::clone(&state), |endpoint| endpoint.https));
        tasks.spawn(accept(msync, Arc::clone(&state), |endpoint| endpoint.msync));
        for n in 0..gateways.len() {
            tasks.spawn(look(Arc::clone(&state), n));
        }
        let balancer = Self {
            https: addresses[0],
            msync: addresses[1],
            state,
            _tasks: tasks,
        };
        balancer.has_ready(gateways.len()).await;
        balancer
    }

    /// Waits until so many endpoints get new connections.
    pub async fn has_ready(&self, count: usize) {
        eventually("the endpoints", || {
            let endpoints = self.state.endpoints.lock().unwrap();
            endpoints.iter().filter(|e| e.takes()).count() == count
        })
        .await;
    }

    /// A Pod that is deleted is no endpoint any more; one that comes in its place is.
    pub fn is_going(&self, n: usize, going: bool) {
        self.state.endpoints.lock().unwrap()[n].going = going;
    }
}

impl Endpoint {
    const fn takes(&self) -> bool {
        self.ready && !self.going
    }
}

/// As a kubelet's readiness probe.
async fn look(state: Arc<State>, n: usize) {
    let ops = state.endpoints.lock().unwrap()[n].ops;
    loop {
        let ready = is_ready(ops).await;
        state.endpoints.lock().unwrap()[n].ready = ready;
        tokio::time::sleep(PERIOD).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the kubelet")]
async fn is_ready(ops: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect(ops).await else {
        return false;
    };
    let mut wire = Wire::over(stream);
    let asked = "GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n";
    if wire.try_send(asked).await.is_err() {
        return false;
    }
    let answer = wire.try_answer().await;
    answer.is_some_and(|answer| answer.status == 200)
}

async fn accept(listener: TcpListener, state: Arc<State>, port: fn(&Endpoint) -> SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let to = {
            let endpoints = state.endpoints.lock().unwrap();
            let ready: Vec<_> = endpoints.iter().filter(|e| e.takes()).collect();
            let turn = state.turn.fetch_add(1, Ordering::Relaxed);
            ready.get(turn % ready.len().max(1)).map(|e| port(e))
        };
        // With no endpoint, or one that refuses, the client's connection just closes.
        if let Some(to) = to {
            connections.spawn(pass(client, to));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the way to the gateway")]
async fn pass(mut client: TcpStream, to: SocketAddr) {
    if let Ok(mut gateway) = TcpStream::connect(to).await {
        let _ = client.set_nodelay(true);
        let _ = gateway.set_nodelay(true);
        let _ = tokio::io::copy_bidirectional(&mut client, &mut gateway).await;
    }
}

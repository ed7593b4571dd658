//! Two gateways of a region behind one address, replaced one after the other under load: a client
//! loses nothing. The chart's `preStop` and grace times are made of the same steps (docs/kubernetes.md).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use msync::schema::CommSyncUl;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::balancer::Balancer;
use crate::harness::im::{Do, SeenSession, command, well_behaved};
use crate::harness::sdk::{self, By, Event, Login, Sdk};
use crate::harness::{
    Call, Etcd, Reply, Said, TestApp, Wire, World, eventually, in_time, rest_name, wire,
};

/// Between the words "go" and the last new connection.
const GRACE: &str = "3s";
const DRAIN: &str = "8s";

/// Keep-alive connections of HTTP/1.1, and connections of HTTP/2 with so many streams at once.
const HTTP1: usize = 12;
const HTTP2: usize = 3;
const STREAMS: usize = 4;
/// SDK sessions over WebSocket, and as many over TCP.
const SESSIONS: usize = 6;

/// Between a client's requests.
const THINKS: Duration = Duration::from_millis(2);

/// What clients have met.
#[derive(Default)]
struct Tally {
    answered: usize,
    /// Went elsewhere because an answer, or a GOAWAY, said so.
    moved: usize,
    acknowledged: usize,
    /// When sessions were told to go.
    told: Vec<Instant>,
    /// Anything that a user would notice.
    lost: Vec<String>,
}

#[derive(Clone)]
struct Load {
    https: SocketAddr,
    msync: SocketAddr,
    app: TestApp,
    tally: Arc<Mutex<Tally>>,
    over: Arc<AtomicBool>,
}

/// Controls: `Departure` and what each answer and each HTTP/2 connection makes of it, the grace
/// time, `Sessions::drain` and `Relay::rest`.
#[tokio::test]
async fn a_rolling_update_of_two_gateways_behind_one_address_loses_nothing() {
    let plan = World::plan().regions(&["frankfurt"]);
    let plan = plan.limit("drain_grace", GRACE).limit("drain", DRAIN);
    let mut world = crate::etcd::world_of(plan).await;
    let etcd = Etcd::start(&world);
    world.uses(&etcd);
    let twins = [world.twin("frankfurt", 71), world.twin("frankfurt", 72)];
    world.start_gateways().await;
    let app = world.app("fra1").await;
    let [mut a, mut b] = [twins[0].start().await, twins[1].start().await];
    let balancer = Balancer::start(&[&a, &b]).await;
    acknowledge_late(&world);
    let load = Load::new(&balancer, &app);
    let clients = load.begin();

    // A request at each, whose answer is not there before the gateway drains.
    let gate = hold_slow_requests(&world);
    let held = [load.slow_request(), load.slow_request()];
    eventually("the slow requests", || slow_requests(&world) == 2).await;

    for (n, (gateway, twin)) in [(&mut a, &twins[0]), (&mut b, &twins[1])]
        .into_iter()
        .enumerate()
    {
        load.goes_on().await;
        let before = load.tally.lock().unwrap().told.len();
        if n == 0 {
            // As Kubernetes: no endpoint any more, then the word to go.
            balancer.is_going(n, true);
        }
        gateway.signal("TERM");
        // As a load balancer that only looks: the gateway itself says that it is not ready.
        balancer.has_ready(1).await;
        load.sessions_were_told(before).await;
        gate.add_permits(2);
        gateway.has_ended().await;
        *gateway = twin.start().await;
        balancer.is_going(n, false);
        balancer.has_ready(2).await;
    }
    load.goes_on().await;
    load.over.store(true, Ordering::Relaxed);
    in_time("the clients to end", clients.join_all()).await;
    for held in held {
        assert_eq!(in_time("a slow answer", held).await.unwrap(), 200);
    }
    load.judge(&world);
    let _ended_well = (a.end().await, b.end().await);
    world.finish().await;
}

const SLOW: &str = "slow";

/// Answers of the data centre to `slow` wait for a permit.
fn hold_slow_requests(world: &World) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    world.centre("fra1").scripted(move |head| {
        let answer = Said::ok("here");
        let slow = head.word(1).contains(SLOW);
        Reply::from(if slow { answer.gated(&held) } else { answer })
    });
    gate
}

/// At almost any moment a session waits for an acknowledgement.
fn acknowledge_late(world: &World) {
    world.im("fra1").script(|frame| {
        let late = (command(frame) == 0).then_some(Do::Wait(Duration::from_millis(30)));
        late.into_iter().chain(well_behaved(frame)).collect()
    });
}

fn slow_requests(world: &World) -> usize {
    let requests = world.centre("fra1").requests();
    let slow = requests.iter().filter(|r| r.head.word(1).contains(SLOW));
    slow.count()
}

impl Load {
    fn new(balancer: &Balancer, app: &TestApp) -> Self {
        Self {
            https: balancer.https,
            msync: balancer.msync,
            app: app.clone(),
            tally: Arc::default(),
            over: Arc::default(),
        }
    }

    fn begin(&self) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for n in 0..HTTP1 {
            clients.spawn(self.clone().keeps_alive(n));
        }
        for _ in 0..HTTP2 {
            clients.spawn(self.clone().multiplexes());
        }
        for n in 0..SESSIONS {
            for by in sdk::BOTH {
                clients.spawn(self.clone().talks(by, format!("{by:?}-{n}").to_lowercase()));
            }
        }
        clients
    }

    /// A client of HTTP/1.1 that keeps its connection until an answer says otherwise.
    async fn keeps_alive(self, n: usize) {
        let host = rest_name("frankfurt");
        let mut wire = None;
        while !self.is_over() {
            tokio::time::sleep(THINKS).await;
            let mut open = match wire.take() {
                Some(open) => open,
                None => match wire::tls(self.https, &host, false).await {
                    Ok(stream) => Wire::over(stream),
                    Err(error) => {
                        self.lost(format!("a TLS handshake: {error}"));
                        continue;
                    }
                },
            };
            let call = if n.is_multiple_of(2) {
                self.get()
            } else {
                self.post()
            };
            let sent = open.try_send(call.bytes(&host)).await;
            match open.try_answer().await {
                Some(answer) if answer.status == 200 => {
                    self.answered();
                    if answer.header("connection") == Some("close") {
                        self.tally.lock().unwrap().moved += 1;
                        open.ends().await;
                    } else {
                        wire = Some(open);
                    }
                }
                other => self.lost(format!("{} by HTTP/1.1: {sent:?}, {other:?}", call.method)),
            }
        }
    }

    /// A client of HTTP/2 that sends again what surely was not sent (RFC 9113 section 8.7).
    async fn multiplexes(self) {
        while !self.is_over() {
            let stream = wire::tls(self.https, &rest_name("frankfurt"), true).await;
            let Ok(stream) = stream.inspect_err(|e| self.lost(format!("a TLS handshake: {e}")))
            else {
                continue;
            };
            let made = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (sender, connection) = in_time("HTTP/2", made).await.unwrap();
            let mut streams = JoinSet::new();
            for _ in 0..STREAMS {
                streams.spawn(self.clone().streams(sender.clone()));
            }
            drop(sender);
            // The gateway closes once all that was under way has its answer.
            let ended = connection.await;
            let _ = ended.inspect_err(|e| self.lost(format!("an HTTP/2 connection: {e}")));
            streams.join_all().await;
            self.tally.lock().unwrap().moved += 1;
        }
    }

    /// Until the connection takes no more.
    async fn streams(self, mut sender: http2::SendRequest<Full<Bytes>>) {
        while !self.is_over() {
            tokio::time::sleep(THINKS).await;
            let call = self.post();
            let request =
                http::Request::post(format!("https://{}{}", rest_name("frankfurt"), call.target));
            let request = call
                .headers
                .iter()
                .fold(request, |r, (name, value)| r.header(name, value));
            let body = Full::new(Bytes::from(call.body.unwrap_or_default()));
            if sender.ready().await.is_err() {
                return;
            }
            let sent = sender.try_send_request(request.body(body).unwrap());
            let answer = match in_time("an answer", sent).await {
                Ok(answer) => answer,
                Err(mut error) => {
                    if error.take_message().is_none() {
                        self.lost(format!("by HTTP/2: {}", error.into_error()));
                    }
                    return;
                }
            };
            let status = answer.status();
            match in_time("a body", answer.into_body().collect()).await {
                Ok(_) if status == 200 => self.answered(),
                other => self.lost(format!("by HTTP/2: {status}, {:?}", other.err())),
            }
        }
    }

    /// A session that comes back when it is told to go, and sends again what was not acknowledged.
    async fn talks(self, by: By, user: String) {
        let mut next = 1;
        while !self.is_over() {
            let mut sdk = self.log_in(by, &user).await;
            let told = loop {
                if self.is_over() {
                    return;
                }
                let text = sdk::text(None, next, "u2", "hello");
                let sent = sdk.try_send(&text).await;
                match sdk.next().await {
                    Event::Frame(frame) => {
                        assert!(sdk::acknowledges(&frame, next), "{frame:?}");
                        self.tally.lock().unwrap().acknowledged += 1;
                        next += 1;
                    }
                    Event::Closed(code) => break (code, sent),
                }
            };
            let expected = matches!((by, told.0), (By::Websocket, Some(1001)) | (By::Tcp, None));
            if !expected {
                self.lost(format!("a session by {by:?}: {told:?}"));
            }
            self.tally.lock().unwrap().told.push(Instant::now());
        }
    }

    async fn log_in(&self, by: By, user: &str) -> Sdk {
        let address = match by {
            By::Websocket => self.https,
            By::Tcp => self.msync,
        };
        let mut sdk = Sdk::connect(address, "frankfurt", by).await;
        sdk.send(&Login::of(&self.app, user).frame()).await;
        let answer = sdk.provision_answer().await;
        assert_eq!(answer.status.unwrap().error_code, Some(0));
        sdk
    }

    fn slow_request(&self) -> tokio::task::JoinHandle<u16> {
        let (https, host) = (self.https, rest_name("frankfurt"));
        let call = Call::get(&self.app.path(SLOW)).token(&self.app.app_token());
        tokio::spawn(async move {
            let mut wire = Wire::tls(https, &host).await;
            wire.send(call.bytes(&host)).await;
            wire.answer().await.status
        })
    }

    fn get(&self) -> Call {
        Call::plain_of(&self.app)
    }

    /// What may not be sent twice.
    fn post(&self) -> Call {
        let message = serde_json::json!({"from": "u1", "to": ["u2"], "type": "txt"});
        let call = Call::post(&self.app.path("messages/users")).token(&self.app.app_token());
        call.json(&message)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn answered(&self) {
        self.tally.lock().unwrap().answered += 1;
    }

    fn lost(&self, what: String) {
        self.tally.lock().unwrap().lost.push(what);
    }

    /// Some more of everything goes through.
    async fn goes_on(&self) {
        let seen = || {
            let tally = self.tally.lock().unwrap();
            (tally.answered, tally.acknowledged)
        };
        let before = seen();
        eventually("traffic", || {
            let now = seen();
            now.0 > before.0 + 100 && now.1 > before.1 + 50
        })
        .await;
    }

    async fn sessions_were_told(&self, before: usize) {
        let told = || self.tally.lock().unwrap().told.len();
        eventually("a session to be told", || told() > before).await;
    }

    fn judge(&self, world: &World) {
        let tally = self.tally.lock().unwrap();
        println!(
            "{} requests, {} messages, {} connections moved, {} sessions told to go",
            tally.answered,
            tally.acknowledged,
            tally.moved,
            tally.told.len()
        );
        assert!(tally.lost.is_empty(), "lost: {:#?}", tally.lost);
        assert!(tally.moved >= HTTP1 + HTTP2, "{}", tally.moved);
        // Nothing was done twice: who was told to go had an answer to all that had been taken.
        assert_eq!(world.centre("fra1").count(), tally.answered + 2);
        assert_eq!(messages(world), tally.acknowledged);
        spread(&tally.told);
    }
}

/// Messages that the data centre has seen, those that came again among them.
fn messages(world: &World) -> usize {
    let sessions = world.im("fra1").sessions();
    let frames = sessions.iter().flat_map(SeenSession::messages);
    let syncs = frames.filter(|frame| frame.command.unwrap_or(0) == 0);
    let metas = syncs.filter_map(|f| CommSyncUl::decode(&f.payload?[..]).unwrap().meta);
    metas.count()
}

/// Two gateways told their sessions to go, neither of them at once.
fn spread(told: &[Instant]) {
    let widest = (1..told.len()).max_by_key(|n| told[*n] - told[n - 1]);
    let (first, second) = told.split_at(widest.unwrap());
    for gateway in [first, second] {
        let took = *gateway.last().unwrap() - gateway[0];
        println!("{} sessions were told in {took:?}", gateway.len());
        assert!(took > Duration::from_millis(500), "{took:?}: all at once");
    }
}

//! One region's gateway in front of an upstream of the test's choice, for clients that block. It is
//! on one core, so that what a request leaves behind on a connection is met by the next one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domicile::domain::Code;
use domicile::observe::{Plane, Stopwatch};
use tokio::runtime::Runtime;

use crate::harness::{Plan, TestApp, Wish, World};

const REGION: &str = "frankfurt";

const ZONE: &str = "fra1";

/// The region's name for REST.
pub const HOST: &str = "rest.frankfurt.test";

/// Another name of the region.
pub const ALSO: &str = "frankfurt.localhost";

/// Where the upstreams of these tests are.
pub const UPSTREAM: Ipv4Addr = Ipv4Addr::new(127, 43, 1, 200);

/// How long anything may take that is to happen at once.
pub const PROMPT: Duration = Duration::from_secs(15);

/// A running gateway with the Apps `acme#chat` and `other#app`.
pub struct Site {
    runtime: Runtime,
    world: Option<World>,
    pub acme: TestApp,
    pub other: TestApp,
    pub http: SocketAddr,
    pub https: SocketAddr,
}

impl Site {
    /// A gateway with these `limits` in front of `upstream`.
    pub fn start(upstream: SocketAddr, limits: &[(&str, &str)]) -> Self {
        let url = format!("http://{upstream}");
        Self::of(plan(limits).upstreams(ZONE, &[&url]))
    }

    /// A gateway in front of the reference data centre, whose answers tell what it parsed.
    pub fn with_reference() -> Self {
        Self::of(plan(&[]).reference())
    }

    fn of(plan: Plan) -> Self {
        watch_for_panics();
        let runtime = runtime();
        let world = runtime.block_on(World::of(plan));
        let app = |org, app| runtime.block_on(world.app_named(ZONE, org, app, Wish::default()));
        let addresses = world.addresses(REGION);
        Self {
            acme: app("acme", "chat"),
            other: app("other", "app"),
            http: addresses.http.unwrap(),
            https: addresses.https.unwrap(),
            world: Some(world),
            runtime,
        }
    }

    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    /// `domicile_refusals_total` of a code.
    pub fn refusals(&self, code: Code) -> u64 {
        let metrics = &self.world().gateway(REGION).lasting.metrics;
        metrics.refusals(Plane::Rest, code)
    }

    /// `domicile_connections`
    pub fn connections(&self) -> i64 {
        let metrics = &self.world().gateway(REGION).lasting.metrics;
        metrics.connections.with_label_values(&["rest"]).get()
    }

    /// Waits until a counter has gone up since it was `before`.
    #[track_caller]
    pub fn await_refusals(&self, code: Code, before: u64, what: &str) {
        until(what, || self.refusals(code) > before);
    }

    /// Header lines that are all that a good request of `acme#chat` needs.
    pub fn auth(&self) -> String {
        format!(
            "Host: {HOST}\r\nAuthorization: Bearer {}\r\n",
            self.acme.app_token()
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let world = self.world.take();
        if std::thread::panicking() {
            return;
        }
        if let Some(world) = world {
            self.runtime.block_on(world.finish());
        }
        assert_eq!(PANICS.load(Ordering::SeqCst), 0, "the gateway panicked");
    }
}

fn plan(limits: &[(&str, &str)]) -> Plan {
    let plan = World::plan().regions(&[REGION]);
    let limited = |plan: Plan, (name, value): &(&str, &str)| plan.limit(name, value);
    limits.iter().fold(plan, limited)
}

/// Polls a condition until it holds.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Stopwatch::start();
    while !holds() {
        assert!(began.elapsed() < PROMPT, "in vain: {what}");
        // Between two looks at what nobody tells of.
        std::thread::sleep(Duration::from_millis(2));
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A panic on any core of a gateway fails the test that owns it.
fn watch_for_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            if name.starts_with("core-") || name == CONTROL {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            shown(panic);
        }));
    });
}

const CONTROL: &str = "control";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(CONTROL)
        .enable_all()
        .build()
        .unwrap()
}

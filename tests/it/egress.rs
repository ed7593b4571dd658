//! P8: the way out leads to the zone's ranges, and nowhere else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use crate::harness::process::{Process, system_now};
use crate::harness::{Call, Wire, World, eventually, rest_name};

/// Somebody who must never be connected to.
struct Trap {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            connections,
        }
    }

    fn is_untouched(&self) -> bool {
        self.connections.load(Ordering::SeqCst) == 0
    }
}

/// Control: `Egress::dial_any` leaves out resolved addresses outside the ranges. `localhost` is
/// outside, and somebody answers there.
#[tokio::test]
async fn a_name_that_resolves_outside_is_never_dialled() {
    let world = World::of(
        World::plan()
            .upstreams("fra1", &["http://localhost:{port}"])
            .rest_only(),
    )
    .await;
    let port = world.centre("fra1").address.port();
    let trap = Trap::at(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let app = world.app("fra1").await;
    for n in 1..=7 {
        let answer = world.call("frankfurt", Call::plain_of(&app)).await;
        // Denied each time: a denial says nothing of the upstream's health.
        assert_eq!(answer.verdict(), (502, "egress_denied"), "call {n}");
    }
    assert!(trap.is_untouched());
    assert_eq!(world.centre("fra1").recording().connections, 0);
    let metrics = world.metrics("frankfurt").await;
    assert!(metrics.sum("domicile_egress_dials_total", &[("verdict", "denied")]) >= 7.0);
    assert_eq!(
        metrics.sum("domicile_egress_dials_total", &[("verdict", "allowed")]),
        0.0
    );
    let ended = world.finish().await;
    assert_eq!(
        ended.refused("frankfurt", "egress_denied", Some(&app.app_id)),
        7
    );
}

/// Control: a name that resolves inside the ranges is dialled, there.
#[tokio::test]
async fn a_name_that_resolves_inside_is_dialled() {
    let plan = World::plan()
        .rest_only()
        .upstreams("fra1", &["http://localhost:{port}"]);
    let mut world = World::without_gateways(plan.egress("fra1", "127.0.0.1/32")).await;
    let port = world.centre("fra1").address.port();
    let inside = Trap::at(SocketAddr::from(([127, 0, 0, 1], port))).await;
    world.start_gateways().await;
    eventually("the probe", || !inside.is_untouched()).await;
    assert_eq!(world.centre("fra1").recording().connections, 0);
    world.finish().await;
}

/// Control: literals are checked with the configuration, IPv4-mapped ones as what they are.
#[tokio::test]
async fn a_literal_outside_the_ranges_is_no_configuration() {
    for (url, fits) in [
        ("http://[::ffff:127.43.1.10]:{port}", true),
        ("http://127.43.1.10:{port}", true),
        ("http://[::ffff:127.42.1.10]:{port}", false),
        ("http://127.42.1.10:{port}", false),
        ("http://[::1]:{port}", false),
        ("http://[::127.43.1.10]:{port}", false),
    ] {
        let world = World::without_gateways(World::plan().upstreams("fra1", &[url])).await;
        let path = world.configure().remove(1);
        let loaded =
            domicile::config::load_checked(&path, domicile::domain::Clock::unix(&*world.clock));
        assert_eq!(loaded.is_ok(), fits, "{url}");
        world.finish().await;
    }
}

/// Control: an IPv4-mapped upstream is dialled as IPv4, inside the ranges.
#[tokio::test]
async fn a_mapped_literal_reaches_the_data_centre() {
    let plan = World::plan().upstreams("fra1", &["http://[::ffff:127.43.1.10]:{port}"]);
    let world = World::of(plan).await;
    let app = world.app("fra1").await;
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.status,
        200
    );
    world.finish().await;
}

/// Control: traffic goes through hyper over the guard's own sockets, which know nothing of the
/// environment. A `domicile serve` with every proxy variable set uses none.
#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let trap = Trap::at(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let plan = World::plan()
        .regions(&["frankfurt"])
        .listens_on(&Process::own_ip(1));
    let mut world = World::of(plan).await;
    let app = world.app("fra1").await;
    world.stop_gateways().await;
    let proxy = format!("http://{}", trap.address);
    let names = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    let environment: Vec<_> = names.iter().map(|name| (*name, proxy.as_str())).collect();
    let process = Process::serve(&world, &environment).await;
    let token = app.builder_at(system_now(), 3600).app().build().unwrap();
    for _ in 0..3 {
        let mut wire = Wire::tls(process.https, &rest_name("frankfurt")).await;
        wire.send(
            Call::get(&app.path("users"))
                .token(&token)
                .bytes("rest.frankfurt.test"),
        )
        .await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert_eq!(world.forwarded(), 3);
    assert!(trap.is_untouched());
    process.end().await;
    world.finish().await;
}

/// Control: the guard looks at each address that a name has, for each connection anew; nothing of a
/// denied upstream is kept. The other upstream of the zone serves.
#[tokio::test]
async fn a_denied_upstream_is_no_reason_to_go_elsewhere() {
    let plan = World::plan().upstreams("bj1", &["http://localhost:{port}"]);
    let world = World::of(plan).await;
    let (app, neighbour) = (world.app("bj1").await, world.app("vip6").await);
    let answer = world.call("beijing", Call::plain_of(&app)).await;
    assert_eq!(answer.verdict(), (502, "egress_denied"));
    assert_eq!(
        world
            .call("beijing", Call::plain_of(&neighbour))
            .await
            .status,
        200
    );
    assert_eq!(world.forwarded(), 1);
    world.finish().await;
}

//! Another configuration while traffic flows: whole or not at all, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domicile::app::ReloadError;
use tokio::net::UnixDatagram;

use crate::harness::head::find;
use crate::harness::process::Process;
use crate::harness::sdk::{BOTH, unread};
use crate::harness::{Call, Said, Wire, World, eventually, in_time};

/// Frankfurt with two data centres, of which the configuration names the chosen one.
async fn world_of_two() -> (World, Choice) {
    let chosen = Choice::default();
    let plan = World::plan().regions(&["frankfurt"]).centres("fra1", 2);
    let mut world = World::without_gateways(plan).await;
    let centres = world.centres_of("fra1");
    let urls: Vec<_> = centres
        .iter()
        .map(|c| format!("\"http://{}\"", c.address))
        .collect();
    let choice = chosen.clone();
    world.edit(move |_, text| {
        let n = choice.0.load(Ordering::Relaxed);
        let (all, one) = (urls.join(", "), &urls[n]);
        assert!(text.contains(&all), "{text}");
        text.replace(&all, one)
    });
    world.start_gateways().await;
    (world, chosen)
}

#[derive(Clone, Default)]
struct Choice(Arc<AtomicUsize>);

impl Choice {
    fn is(&self, n: usize) {
        self.0.store(n, Ordering::Relaxed);
    }
}

/// Control: a connection asks for the configuration with each request, and what is under way keeps
/// the one that it began with.
#[tokio::test]
async fn open_requests_end_as_they_began_and_the_next_ones_meet_the_new_configuration() {
    let (world, chosen) = world_of_two().await;
    let app = world.app("fra1").await;
    let [first, second] = world.centres_of("fra1") else {
        panic!("two data centres")
    };
    let (said, pieces) = Said::new(200).trickle();
    first.answers(said);
    let call = Call::plain_of(&app).bytes("rest.frankfurt.test");
    let mut held = world.wire("frankfurt").await;
    let mut kept = world.plain_wire("frankfurt").await;
    held.send(&call).await;
    assert_eq!(held.head().await.word(1), "200");
    pieces.send(b"before ".to_vec()).unwrap();
    first.answers(Said::ok("first"));
    kept.send(&call).await;
    assert_eq!(kept.answer().await.text(), "first");

    chosen.is(1);
    let old = Arc::downgrade(&world.gateway("frankfurt").shared());
    world.reload("frankfurt").await.unwrap();
    second.answers(Said::ok("second"));
    let seen = first.count();
    kept.send(&call).await;
    assert_eq!(kept.answer().await.text(), "second", "the same connection");
    let mut fresh = world.wire("frankfurt").await;
    fresh.send(&call).await;
    assert_eq!(fresh.answer().await.text(), "second");
    assert_eq!(
        first.count(),
        seen,
        "nothing goes to what is not configured"
    );

    pieces.send(b"and after".to_vec()).unwrap();
    drop(pieces);
    let mut body = Vec::new();
    while find(&body, b"0\r\n\r\n").is_none() {
        body.extend(held.some().await);
    }
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("before ") && body.contains("and after"),
        "{body}"
    );
    // Nothing holds on to what was, though the clients' connections stay.
    eventually("the old configuration to go", || old.strong_count() == 0).await;
    eventually("the old connections to close", || {
        first.recording().open == 0
    })
    .await;
    world.finish().await;
}

/// Control: a session holds what it was opened with.
#[tokio::test]
async fn sessions_go_on_and_a_drain_ends_those_of_every_configuration() {
    let mut world = World::new().await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut sdk = world.session(&app, "u1", by).await;
        world.reload("frankfurt").await.unwrap();
        sdk.send(&unread()).await;
        sdk.message().await;
        let mut later = world.session(&app, "u2", by).await;
        later.send(&unread()).await;
        later.message().await;
        // Changes of the record reach the session that is older than the configuration.
        world.suspend(&app).await;
        let _ = (sdk.closed().await, later.closed().await);
        world.resume(&app).await;
    }
    let mut old = world.session(&app, "u1", BOTH[0]).await;
    world.reload("frankfurt").await.unwrap();
    let ended = world.begin_shutdown();
    assert_eq!(old.closed().await, Some(1001));
    in_time("the end", ended).await.unwrap();
    world.finish().await;
}

/// Control: `Config::fixed`; nothing is changed when one of its members is.
#[tokio::test]
async fn what_needs_a_restart_is_named_and_changes_nothing() {
    let (mut world, chosen) = world_of_two().await;
    let app = world.app("fra1").await;
    let [first, second] = [0, 1].map(|n| world.centres_of("fra1")[n].address);
    chosen.is(1);
    world.edit(|_, text| {
        assert!(text.contains("max_age: 24h"), "{text}");
        text.replace("max_age: 24h", "max_age: 1h") + "\naudit: {retention: 90d}\n"
    });
    let refused = world.reload("frankfurt").await.unwrap_err();
    let ReloadError::NeedsRestart(members) = refused else {
        panic!("{refused}")
    };
    assert_eq!(members, ["tokens", "audit"]);
    world.call("frankfurt", Call::plain_of(&app)).await;
    let counts: Vec<_> = world
        .centres_of("fra1")
        .iter()
        .map(|c| (c.address, c.count()))
        .collect();
    assert_eq!(counts, [(first, 1), (second, 0)]);
    world.finish().await;
}

/// The binary: a changed file is taken, SIGHUP takes it at once, a bad one changes nothing and
/// `/readyz` says so.
#[tokio::test]
async fn the_binary_takes_a_changed_file_and_keeps_what_it_has_when_it_is_bad() {
    let ip = Process::own_ip(61);
    let plan = World::plan().regions(&["frankfurt"]).listens_on(&ip);
    let mut world = World::without_gateways(plan).await;
    let manager = world.root().join("notify");
    let told = UnixDatagram::bind(&manager).unwrap();
    let notify = [("NOTIFY_SOCKET", manager.to_str().unwrap())];
    let process = Process::serve(&world, &notify).await;
    assert_eq!(message(&told).await, "READY=1\n");
    let reloads = async |result: &str| {
        let labels = [("result", result)];
        process
            .metrics()
            .await
            .sum("domicile_config_reloads_total", &labels)
    };
    let until = async |result: &str, count: f64| {
        in_time("the reload", async {
            while (reloads(result).await - count).abs() > f64::EPSILON {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await;
    };
    world.edit(|_, text| {
        assert!(text.contains("hint: region"), "{text}");
        text.replace("hint: region", "hint: none")
    });
    world.configure();
    until("ok", 1.0).await;
    let reloading = message(&told).await;
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(message(&told).await, "READY=1\n");
    let path = world.root().join("frankfurt/gateway.yaml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.clone() + "\nunknown: 1\n").unwrap();
    process.signal("HUP");
    until("failed", 1.0).await;
    assert_eq!(readiness(&process).await, ("degraded".to_owned(), false));
    std::fs::write(&path, &good).unwrap();
    process.signal("HUP");
    until("ok", 2.0).await;
    assert_eq!(readiness(&process).await, ("ready".to_owned(), true));
    for _ in 0..4 {
        message(&told).await;
    }
    let log = process.end().await;
    assert_eq!(message(&told).await, "STOPPING=1\n");
    assert!(
        log.contains("unknown") && log.contains("the one before serves"),
        "{log}"
    );
    world.finish().await;
}

/// What the service manager is told next.
async fn message(told: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = in_time("a message", told.recv(&mut bytes)).await.unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// The status, and whether the configuration on disk serves.
async fn readiness(process: &Process) -> (String, bool) {
    let mut ops = Wire::plain(process.ops).await;
    ops.send("GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")
        .await;
    let answer = ops.answer().await.json();
    let checks = answer["checks"].as_array().unwrap();
    let own = checks
        .iter()
        .find(|c| c["name"] == "configuration")
        .unwrap();
    (
        answer["status"].as_str().unwrap().to_owned(),
        own["ok"] == true,
    )
}

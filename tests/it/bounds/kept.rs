//! Bounds that show from outside.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::harness::im::{command, well_behaved};
use crate::harness::sdk::{BOTH, text};
use crate::harness::{Call, Reply, Said, World, eventually, in_time};

/// Control: the connections of a rush idle until the next. How many may, `src/zone/pool.rs` shows.
#[tokio::test]
async fn a_rush_is_served_by_the_connections_of_the_one_before() {
    const RUSH: usize = 300;
    let world = World::new().await;
    let app = world.app("fra1").await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Said::ok("late").gated(&gate);
    world
        .centre("fra1")
        .scripted(move |_| Reply::from(held.clone()));
    let mut wires = Vec::new();
    for _ in 0..RUSH {
        wires.push(world.plain_wire("frankfurt").await);
    }
    let count = async |state| {
        let metrics = world.metrics("frankfurt").await;
        metrics.sum("domicile_upstream_connections", &[("state", state)])
    };
    let mut used = Vec::new();
    for rush in 1..=2 {
        for wire in &mut wires {
            let call = Call::plain_of(&app).bytes("rest.frankfurt.test");
            wire.send(call).await;
        }
        world.centre("fra1").has_seen(rush * RUSH).await;
        gate.add_permits(RUSH);
        for wire in &mut wires {
            assert_eq!(wire.answer().await.status, 200);
        }
        in_time("the last requests to end", async {
            while count("active").await > 0.0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(count("idle").await, RUSH as f64);
        let requests = world.centre("fra1").requests();
        let by: BTreeSet<usize> = requests.iter().map(|seen| seen.connection).collect();
        used.push(by.len());
    }
    assert_eq!(used, [RUSH, RUSH]);
    world.finish().await;
}

/// `SESSION` in `src/zone/flight.rs`.
const SESSION: usize = 256;

/// Control: `Flights::enter`, which finds no room for one more.
#[tokio::test]
async fn no_more_messages_of_a_session_wait_than_may() {
    let plan = World::plan().limit("frames_per_session", "10000/s");
    let world = World::of(plan).await;
    let app = world.app("fra1").await;
    // It acknowledges nothing.
    world.im("fra1").script(|frame| match command(frame) {
        0 => Vec::new(),
        _ => well_behaved(frame),
    });
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut session = world.session(&app, "u1", by).await;
        for id in 1..=SESSION as u64 + 5 {
            session
                .send(&text(Some(&app.app_key()), id, "u2", "hello"))
                .await;
        }
        for id in SESSION as u64 + 1..=SESSION as u64 + 5 {
            let refused = session.sync_answer().await;
            assert_eq!(refused.meta_id, Some(id));
            assert_eq!(refused.status.unwrap().error_code, Some(19));
        }
        let frames = || world.im("fra1").session(n).frames.len();
        eventually("the others to be there", || frames() == 1 + SESSION).await;
    }
    world.finish().await;
}

//! Channels and Apps don't take each other's room: bulkheads and rates.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::harness::{Answer, Call, Reply, Said, TestApp, Wire, World, eventually};

fn of(app: &TestApp, route: &str) -> Call {
    Call::get(&app.path(route)).token(&app.app_token())
}

/// Sends the call on a connection of its own, and doesn't wait.
async fn begun(world: &World, call: &Call) -> Wire {
    let mut wire = world.plain_wire("frankfurt").await;
    wire.send(call.bytes("rest.frankfurt.test")).await;
    wire
}

/// Control: `in_flight` and pools of one channel alone. A flood in chat rooms whose data centre
/// hangs leaves one-to-one and group chat untouched.
#[tokio::test]
async fn a_flood_in_rooms_leaves_the_other_channels_untouched() {
    let world = World::of(World::plan().cores(2).limit("in_flight_per_channel", "8")).await;
    let app = world.app("fra1").await;
    let centre = world.centre("fra1");
    centre.scripted(|head| match head.header("domicile-channel") {
        Some("room") => Reply::Hang,
        _ => Said::ok("here").into(),
    });
    let mut flood = Vec::new();
    for _ in 0..40 {
        flood.push(begun(&world, &of(&app, "messages/chatrooms")).await);
    }
    centre.has_seen(8).await;
    for _ in 0..25 {
        for route in ["messages/users", "messages/chatgroups", "messages"] {
            assert_eq!(
                world.call("frankfurt", of(&app, route)).await.status,
                200,
                "{route}"
            );
        }
    }
    let room = world.call("frankfurt", of(&app, "chatrooms")).await;
    assert_eq!(room.verdict(), (503, "channel_full"));
    assert!(room.header("retry-after").is_some());
    let rooms = centre.requests();
    let rooms = rooms
        .iter()
        .filter(|s| s.header("domicile-channel") == Some("room"));
    assert_eq!(rooms.count(), 8);
    // Those beyond the limit were refused, not left waiting.
    let full = world.metrics("frankfurt").await.refusals("channel_full");
    assert!(full >= 33.0, "{full}");
    drop(flood);
    world.finish().await;
}

/// Control: each zone has its channels for itself.
#[tokio::test]
async fn a_flood_in_one_zone_leaves_the_other_untouched() {
    let world = World::of(World::plan().limit("in_flight_per_channel", "2")).await;
    let (app, other) = (world.app("bj1").await, world.app("vip6").await);
    world.centre("bj1").answers(Reply::Hang);
    let mut flood = Vec::new();
    for _ in 0..2 {
        let mut wire = world.plain_wire("beijing").await;
        wire.send(of(&app, "messages").bytes("rest.beijing.test"))
            .await;
        flood.push(wire);
    }
    world.centre("bj1").has_seen(2).await;
    assert_eq!(
        world.call("beijing", of(&app, "messages")).await.code(),
        "channel_full"
    );
    assert_eq!(
        world.call("beijing", of(&other, "messages")).await.status,
        200
    );
    drop(flood);
    world.finish().await;
}

/// Control: `in_flight_per_app`.
#[tokio::test]
async fn one_app_cannot_fill_a_channel() {
    let world = World::of(World::plan().limit("in_flight_per_app", "3")).await;
    let (greedy, modest) = (world.app("fra1").await, world.app("fra1").await);
    let centre = world.centre("fra1");
    let gate = Arc::new(Semaphore::new(0));
    let held = Said::ok("late").gated(&gate);
    let id = greedy.app_id.clone();
    centre.scripted(move |head| match head.header("domicile-app-id") {
        Some(app) if app == id => held.clone().into(),
        _ => Said::ok("here").into(),
    });
    let mut flood = Vec::new();
    for _ in 0..3 {
        flood.push(begun(&world, &of(&greedy, "messages/users")).await);
    }
    centre.has_seen(3).await;
    // Whatever the channel.
    for route in ["messages/users", "messages/chatrooms"] {
        let answer = world.call("frankfurt", of(&greedy, route)).await;
        assert_eq!(answer.verdict(), (503, "channel_full"), "{route}");
    }
    assert_eq!(
        world
            .call("frankfurt", of(&modest, "messages/users"))
            .await
            .status,
        200
    );
    gate.add_permits(100);
    for wire in &mut flood {
        assert_eq!(wire.answer().await.text(), "late");
    }
    assert_eq!(
        world
            .call("frankfurt", of(&greedy, "messages/users"))
            .await
            .text(),
        "late"
    );
    world.finish().await;
}

/// Control: `rate_per_app`. It counts one App's calls on all cores, and no other's.
#[tokio::test]
async fn an_app_over_its_rate_is_told_to_wait() {
    let world = World::of(World::plan().cores(2).limit("rate_per_app", "5/s")).await;
    let (greedy, modest) = (world.app("fra1").await, world.app("fra1").await);
    let mut limited: Option<Answer> = None;
    // A slow machine may need more than one burst.
    for _ in 0..1000 {
        let answer = world
            .call(
                "frankfurt",
                of(&greedy, "messages").via(crate::harness::Via::Plain),
            )
            .await;
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("a refusal");
    assert_eq!(limited.verdict(), (429, "rate_limited"));
    assert!(limited.header("retry-after").is_some());
    assert_eq!(
        world
            .call("frankfurt", of(&modest, "messages"))
            .await
            .status,
        200
    );
    world.finish().await;
}

/// Control: a channel's own upstreams take its traffic, and only its.
#[tokio::test]
async fn a_channel_with_its_own_data_centre_keeps_to_it() {
    let world = World::of(World::plan().channel("fra1", "room")).await;
    let app = world.app("fra1").await;
    for route in [
        "messages/users",
        "messages/chatgroups",
        "messages",
        "users/u1",
        "chatfiles?chat-type=chat",
    ] {
        assert_eq!(world.call("frankfurt", of(&app, route)).await.status, 200);
    }
    for route in [
        "messages/chatrooms",
        "chatrooms",
        "chatfiles?chat-type=chatRoom",
    ] {
        assert_eq!(world.call("frankfurt", of(&app, route)).await.status, 200);
    }
    let (general, rooms) = (world.centre("fra1"), world.channel_centre("fra1", "room"));
    assert_eq!((general.requests().len(), rooms.requests().len()), (5, 3));
    for seen in rooms.requests() {
        assert_eq!(seen.header("domicile-channel"), Some("room"));
    }
    // And when it is gone, rooms are unavailable: they move nowhere.
    rooms.stop().await;
    let answer = world
        .call("frankfurt", of(&app, "messages/chatrooms"))
        .await;
    assert_eq!(answer.verdict(), (503, "home_unavailable"));
    eventually("nothing more", || general.requests().len() == 5).await;
    world.finish().await;
}

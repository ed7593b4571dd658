//! What ends a session that stands.

use std::sync::Arc;
use std::time::Duration;

use domicile::observe::Stopwatch;

use crate::harness::im::{Do, command, well_behaved};
use crate::harness::sdk::{BOTH, By, Login, acknowledges, text, unread};
use crate::harness::{FaultyStore, Wish, World, eventually};

const fn expected(by: By, code: u16) -> Option<u16> {
    match by {
        By::Websocket => Some(code),
        By::Tcp => None,
    }
}

#[tokio::test]
async fn suspending_and_retiring_an_app_ends_its_sessions_and_no_others() {
    let world = World::new().await;
    let other = world.app("fra1").await;
    let mut staying = world.session(&other, "u1", By::Websocket).await;
    for by in BOTH {
        let app = world.app("fra1").await;
        let mut sdk = world.session(&app, "u1", by).await;
        world.suspend(&app).await;
        assert_eq!(sdk.closed().await, expected(by, 1008));
        world.resume(&app).await;
        let mut sdk = world.session(&app, "u1", by).await;
        world.retire(&app).await;
        assert_eq!(sdk.closed().await, expected(by, 1008));
    }
    staying.send(&unread()).await;
    staying.message().await;
    world.finish().await;
}

/// A record that changes without a reason to end the session leaves it alone.
#[tokio::test]
async fn a_session_survives_a_change_that_does_not_concern_it() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    // Both changes are done before the sweep may look.
    world.suspend(&app).await;
    world.resume(&app).await;
    let shared = &world.gateway("frankfurt").shared();
    for _ in 0..3 {
        sdk.send(&unread()).await;
        match sdk.next().await {
            crate::harness::sdk::Event::Frame(_) => {}
            // The sweep came between the two.
            crate::harness::sdk::Event::Closed(_) => break,
        }
    }
    assert!(!shared.is_draining());
    world.finish().await;
}

/// Nothing passes between the data centre's welcome and the next sweep.
#[tokio::test]
async fn an_app_that_is_suspended_during_a_login_gets_no_frames() {
    let world = World::new().await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let app = world.app("fra1").await;
        world.im("fra1").answers(Vec::new);
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&app, "u1").frame()).await;
        let session = world.im("fra1").frames(n, 1).await;
        world.suspend(&app).await;
        session.say(Do::Send(msync::provision_answer(None, None)));
        session.say(Do::Send(msync::notice(&app.app_key(), "u2")));
        sdk.provision_answer().await;
        assert_eq!(sdk.closed().await, expected(by, 1008));
    }
    world.finish().await;
}

/// Control: a record that has changed is looked at for each session.
#[tokio::test]
async fn revoking_a_user_or_a_certificate_ends_the_sessions_concerned() {
    let world = World::new().await;
    for by in BOTH {
        let app = world.app("fra1").await;
        let mut staying = world.session(&app, "u2", by).await;
        let mut revoked = world.session(&app, "u1", by).await;
        world.revoke_user(&app, "u1").await;
        assert_eq!(revoked.closed().await, expected(by, 1008));
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&app, "u1").frame()).await;
        assert_eq!(sdk.refusal().await.0, 1, "no way back with that token");
        staying.send(&unread()).await;
        staying.message().await;
        world.replace_certificate(&app).await;
        assert_eq!(staying.closed().await, expected(by, 1008));
    }
    world.finish().await;
}

/// A token that only the data centre can read has no issue second: whoever was in is out.
#[tokio::test]
async fn revoking_a_user_ends_sessions_by_other_tokens_too() {
    let world = World::new().await;
    let app = world.app_with("fra1", Wish::upstream_mode()).await;
    for by in BOTH {
        let mut sessions = Vec::new();
        for user in ["u1", "u2"] {
            let mut sdk = world.sdk("frankfurt", by).await;
            sdk.send(&Login::with(&app.app_key(), user, "YWMtOpaque").frame())
                .await;
            sdk.provision_answer().await;
            sessions.push(sdk);
        }
        world.revoke_user(&app, "u1").await;
        assert_eq!(sessions[0].closed().await, expected(by, 1008));
        sessions[1].send(&unread()).await;
        sessions[1].message().await;
        world.clock.advance(Duration::from_secs(1));
    }
    world.finish().await;
}

/// Control: the second before its App was looked at, in `Sessions::establish`. The data centre let it in before it knew.
#[tokio::test]
async fn a_user_that_is_revoked_during_a_login_gets_no_frames() {
    let world = World::new().await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let app = world.app_with("fra1", Wish::upstream_mode()).await;
        world.im("fra1").answers(Vec::new);
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::with(&app.app_key(), "u1", "YWMtOpaque").frame())
            .await;
        let session = world.im("fra1").frames(n, 1).await;
        world.revoke_user(&app, "u1").await;
        world.clock.advance(Duration::from_secs(5));
        session.say(Do::Send(msync::provision_answer(None, None)));
        session.say(Do::Send(msync::notice(&app.app_key(), "u2")));
        sdk.provision_answer().await;
        assert_eq!(sdk.closed().await, expected(by, 1008));
    }
    world.finish().await;
}

/// Promise P9: what was verified stays true; what can't be verified any more ends (P3).
#[tokio::test]
async fn sessions_outlive_the_registry_but_not_its_truth() {
    let store = FaultyStore::new();
    let world = World::of(World::plan().store(store.clone())).await;
    let app = world.app("fra1").await;
    let mut sessions = Vec::new();
    for by in BOTH {
        sessions.push((by, world.session(&app, "u1", by).await));
    }
    store.set_away(true);
    store.forget();
    let began = Stopwatch::start();
    while began.elapsed() < Duration::from_secs(1) {
        for (_, sdk) in &mut sessions {
            sdk.send(&unread()).await;
            sdk.message().await;
        }
    }
    for (key, _) in store.entries("apps/frankfurt/").await {
        store.alter(key, Some(b"no record".to_vec()));
    }
    store.set_away(false);
    for (by, mut sdk) in sessions {
        assert_eq!(sdk.closed().await, expected(by, 1008));
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&app, "u1").frame()).await;
        let (code, text) = sdk.refusal().await;
        assert_eq!((code, text.contains("registry_untrusted")), (8, true));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut sdk = world.session(&app, "u1", by).await;
        world.clock.advance(Duration::from_secs(3599));
        sdk.send(&unread()).await;
        sdk.message().await;
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(sdk.closed().await, expected(by, 1008));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_session_that_idles_too_long_ends() {
    // No other patience counts for a session that stands.
    let others = ["keep_alive", "head_time", "body_idle", "provision_time"];
    let plan = World::plan().limit("session_idle", "800ms");
    let plan = others
        .iter()
        .fold(plan, |plan, name| plan.limit(name, "200ms"));
    let world = World::of(plan).await;
    let app = world.app("fra1").await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut sdk = world.session(&app, "u1", by).await;
        let began = Stopwatch::start();
        assert_eq!(sdk.closed().await, expected(by, 1001));
        assert!(began.elapsed() > Duration::from_millis(700), "{by:?}");
        world.im("fra1").ended(n).await;
    }
    world.finish().await;
}

/// A client that vanished without a word is not kept by a data centre that asks for it.
#[tokio::test]
async fn pings_of_the_data_centre_keep_no_session() {
    let world = World::of(World::plan().limit("session_idle", "500ms")).await;
    let app = world.app("fra1").await;
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    let session = world.im("fra1").session(0);
    let pinging = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            session.say(Do::Ping);
        }
    });
    assert_eq!(sdk.closed().await, Some(1001));
    assert!(world.im("fra1").session(0).sent > 3, "there were pings");
    pinging.abort();
    world.finish().await;
}

#[tokio::test]
async fn either_end_takes_the_other_with_it() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for (by, what, code) in [
        (By::Websocket, Do::Close(1001), 1001),
        (By::Websocket, Do::Cut, 1001),
        (By::Tcp, Do::Cut, 0),
    ] {
        let mut sdk = world.session(&app, "u1", by).await;
        world.im("fra1").sessions().last().unwrap().say(what);
        assert_eq!(sdk.closed().await, expected(by, code));
    }
    for by in BOTH {
        let n = world.im("fra1").sessions().len();
        drop(world.session(&app, "u1", by).await);
        world.im("fra1").ended(n).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn draining_says_going_away_and_takes_no_new_sessions() {
    let mut world = World::new().await;
    let app = world.app("fra1").await;
    let mut websocket = world.session(&app, "u1", By::Websocket).await;
    let mut tcp = world.session(&app, "u2", By::Tcp).await;
    let shutdown = world.begin_shutdown();
    assert_eq!(websocket.closed().await, Some(1001));
    assert_eq!(tcp.closed().await, None);
    assert_eq!(world.im("fra1").ended(0).await, Some(1001));
    shutdown.await.unwrap();
    world.finish().await;
}

/// Controls: `Relay::rest` waits for the acknowledgement of what was taken, `Orders::LEAVE_NOW` does
/// not for ever.
#[tokio::test]
async fn draining_waits_for_acknowledgements_but_not_for_ever() {
    for (silent, drain) in [(false, "20s"), (true, "2s")] {
        let mut world = World::of(World::plan().limit("drain", drain)).await;
        let app = world.app("fra1").await;
        world.im("fra1").script(move |frame| match command(frame) {
            0 if silent => Vec::new(),
            0 => {
                let late = Do::Wait(Duration::from_secs(1));
                [vec![late], well_behaved(frame)].concat()
            }
            _ => well_behaved(frame),
        });
        let mut sdk = world.session(&app, "u1", By::Websocket).await;
        sdk.send(&text(None, 7, "u2", "hello")).await;
        world.im("fra1").frames(0, 2).await;
        let shutdown = world.begin_shutdown();
        if !silent {
            assert!(acknowledges(&sdk.next().await.frame(), 7));
        }
        assert_eq!(sdk.closed().await, Some(1001));
        shutdown.await.unwrap();
        world.finish().await;
    }
}

/// Controls: `Relay::rest` has a frame that waits for its channel's rate go before the session does, and `Relay::run`
/// takes no other meanwhile: a session that always has one would stay until `LEAVE_NOW`, 45 s.
#[tokio::test]
async fn draining_waits_for_what_was_taken_and_is_held() {
    let plan = World::plan()
        .limit("drain", "60s")
        .limit("frames_per_session", "1/s");
    let mut world = World::of(plan).await;
    let app = world.app("fra1").await;
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    // The PROVISION before, a burst of one, one that waits for it, and many more.
    for _ in 0..100 {
        sdk.send(&unread()).await;
    }
    world.im("fra1").frames(0, 2).await;
    let shutdown = world.begin_shutdown();
    assert_eq!(world.im("fra1").ended(0).await, Some(1001));
    assert!(world.im("fra1").session(0).frames.len() >= 3);
    shutdown.await.unwrap();
    world.finish().await;
}

/// A client that came before, but says who it is only now.
#[tokio::test]
async fn draining_lets_nobody_in_any_more() {
    let plan = World::plan().limit("drain", "20s");
    let mut world = World::of(plan).await;
    let app = world.app("fra1").await;
    let mut waiting = Vec::new();
    for by in BOTH {
        waiting.push((by, world.sdk("frankfurt", by).await));
    }
    let mut standing = world.session(&app, "u1", By::Websocket).await;
    let shared = Arc::clone(&world.gateway("frankfurt").shared());
    let shutdown = world.begin_shutdown();
    eventually("draining to begin", || shared.is_draining()).await;
    for (by, mut sdk) in waiting {
        sdk.send(&Login::of(&app, "u2").frame()).await;
        assert_eq!(sdk.closed().await, expected(by, 1001));
    }
    assert_eq!(standing.closed().await, Some(1001));
    shutdown.await.unwrap();
    assert_eq!(world.im("fra1").sessions().len(), 1);
    world.finish().await;
}

//! Each row of SPEC 6.5 for sessions, over both transports. No refused session reaches a data
//! centre, wherever it is.

use crate::harness::im::{Do, well_behaved};
use crate::harness::sdk::{BOTH, By, Login, Sdk};
use crate::harness::{FaultyStore, World, eventually};
use msync::schema::{self, MSync};
use prost::Message as _;

const WRONG_TOKEN: &str = "Sorry, token or password does not match login info";

async fn refused(world: &World, region: &str, by: By, login: &Login) -> (i32, String) {
    let mut sdk = world.sdk(region, by).await;
    sdk.send(&login.frame()).await;
    sdk.refusal().await
}

fn sessions(world: &World) -> usize {
    world.ims().map(|im| im.sessions().len()).sum()
}

#[tokio::test]
async fn every_login_that_is_not_let_in_is_told_why() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let other = world.app("fra1").await;
    let foreign = world.app("bj1").await;
    let suspended = world.app("fra1").await;
    world.suspend(&suspended).await;
    let retired = world.app("fra1").await;
    world.retire(&retired).await;
    let of = |app: &crate::harness::TestApp| Login::of(app, "u1");
    let with = |token: &str| Login::with(&app.app_key(), "u1", token);
    let expired = app
        .builder_at(app.now() - 100, 50)
        .user("u1")
        .build()
        .unwrap();
    let good = app.user_token("u1");
    let rows = [
        ("elsewhere", of(&foreign), 8, "beijing"),
        (
            "unknown",
            Login::with("acme#nobody", "u1", &good),
            8,
            "app_unknown",
        ),
        ("no key", Login::with("acme", "u1", &good), 4, ""),
        ("no guid", of(&app).change(|e, _| e.guid = None), 4, ""),
        ("suspended", of(&suspended), 12, ""),
        ("retired", of(&retired), 12, ""),
        (
            "another App's token",
            with(&other.user_token("u1")),
            8,
            "app_mismatch",
        ),
        (
            "another App ID",
            of(&app).change(|_, p| p.app_id = Some(other.app_id.clone())),
            8,
            "app_mismatch",
        ),
        (
            "password",
            of(&app).change(|_, p| p.password = Some("x".to_owned())),
            1,
            WRONG_TOKEN,
        ),
        (
            "no token",
            of(&app).change(|e, p| {
                e.auth = None;
                p.auth_token = None;
            }),
            2,
            "token_missing",
        ),
        ("opaque token", with("YWMtOpaque"), 1, WRONG_TOKEN),
        ("expired", with(&expired), 1, "Sorry, token expired"),
        (
            "another user's",
            with(&app.user_token("u2")),
            8,
            "token_privilege",
        ),
        (
            "the App's token",
            with(&app.app_token()),
            8,
            "token_privilege",
        ),
        (
            "no name",
            of(&app).change(|e, _| e.guid.as_mut().unwrap().name = None),
            8,
            "token_privilege",
        ),
        (
            "two tokens",
            of(&app).change(|e, _| e.auth = Some("x".to_owned())),
            4,
            "",
        ),
        (
            "two tokens in JSON",
            of(&app).change(|_, p| {
                p.auth_token = Some(format!("{{\"token\":\"{good}\",\"token\":\"{good}\"}}"));
            }),
            4,
            "",
        ),
        (
            "LZ4 alone",
            of(&app).change(|_, p| p.compress_type = vec![2]),
            16,
            "",
        ),
        (
            "AES alone",
            of(&app).change(|e, _| e.encrypt_type = vec![1]),
            16,
            "",
        ),
        (
            "AES alone, inside",
            of(&app).change(|_, p| p.encrypt_type = vec![3]),
            16,
            "",
        ),
        (
            "compressed",
            of(&app).change(|e, _| e.compress_algorithm = Some(1)),
            16,
            "",
        ),
        (
            "encrypted",
            of(&app).change(|e, _| e.crypto = Some(1)),
            16,
            "",
        ),
    ];
    for by in BOTH {
        for (name, login, code, text) in &rows {
            let (status, reason) = refused(&world, "frankfurt", by, login).await;
            assert_eq!(status, *code, "{name} {by:?}: {reason}");
            assert!(reason.contains(text), "{name} {by:?}: {reason}");
        }
    }
    assert_eq!(sessions(&world), 0);
    let metrics = world.metrics("frankfurt").await;
    for plane in ["websocket", "msync"] {
        for (code, count) in [("app_lives_elsewhere", 1.0), ("app_mismatch", 2.0)] {
            let labels = [("plane", plane), ("code", code)];
            let counted = metrics.sum("domicile_refusals_total", &labels);
            assert_eq!(counted, count, "{plane} {code}");
        }
    }
    let homes = metrics.sum(
        "domicile_cross_region_attempts_total",
        &[("home", "beijing")],
    );
    assert_eq!(homes, 2.0);
    let ended = world.finish().await;
    assert_eq!(ended.refused("frankfurt", "app_lives_elsewhere", None), 2);
    assert_eq!(
        ended.refused("frankfurt", "app_mismatch", Some(&app.app_id)),
        4
    );
}

#[tokio::test]
async fn without_hints_no_home_is_named() {
    let world = World::of(World::plan().without_hints()).await;
    let foreign = world.app("bj1").await;
    for by in BOTH {
        let elsewhere = refused(&world, "frankfurt", by, &Login::of(&foreign, "u1")).await;
        let unknown = Login::with("acme#nobody", "u1", &foreign.user_token("u1"));
        assert_eq!(elsewhere, refused(&world, "frankfurt", by, &unknown).await);
        assert!(!elsewhere.1.contains("beijing"), "{}", elsewhere.1);
    }
    world.finish().await;
}

/// Promise P1: the socket that a client happens to reach decides nothing.
#[tokio::test]
async fn no_region_but_home_lets_an_app_in() {
    let world = World::of(World::plan().everywhere()).await;
    for zone in ["bj1", "vip6", "sg1", "fra1", "va1"] {
        let app = world.app(zone).await;
        for region in ["beijing", "singapore", "frankfurt", "virginia"] {
            for by in BOTH {
                if region == app.region {
                    world.session(&app, "u1", by).await;
                } else {
                    let (code, _) = refused(&world, region, by, &Login::of(&app, "u1")).await;
                    assert_eq!(code, 8);
                }
            }
        }
        assert_eq!(world.im(zone).sessions().len(), 2, "{zone}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_unknown_app_is_not_guessed_while_the_registry_is_away() {
    let store = FaultyStore::new();
    let world = World::of(World::plan().store(store.clone())).await;
    let app = world.app("fra1").await;
    let _known = world.session(&app, "u1", By::Websocket).await;
    store.set_away(true);
    let unknown = Login::with("acme#nobody", "u1", &app.user_token("u1"));
    let (code, text) = refused(&world, "frankfurt", By::Tcp, &unknown).await;
    assert_eq!((code, text.contains("registry_unavailable")), (8, true));
    world.session(&app, "u1", By::Tcp).await;
    store.set_away(false);
    world.finish().await;
}

fn answer(code: Option<i32>, change: impl FnOnce(&mut MSync, &mut schema::Provision)) -> Vec<u8> {
    let mut provision = schema::Provision {
        status: Some(schema::Status {
            error_code: code,
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut envelope = MSync {
        command: Some(3),
        ..Default::default()
    };
    change(&mut envelope, &mut provision);
    envelope.payload = Some(provision.encode_to_vec());
    envelope.encode_to_vec()
}

/// What the data centre answers a PROVISION with, and what comes of it.
#[tokio::test]
async fn a_data_centre_that_breaks_its_word_is_not_passed_on() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let redirect = |p: &mut schema::Provision| {
        let info = schema::RedirectInfo {
            host: Some("other.example".to_owned()),
            port: Some(443),
        };
        p.status.as_mut().unwrap().redirect_info.push(info);
    };
    let rows = [
        (
            "REDIRECT",
            answer(Some(5), |_, _| {}),
            "cross_region_reference",
        ),
        (
            "redirect_info",
            answer(Some(0), |_, p| redirect(p)),
            "cross_region_reference",
        ),
        ("no code", answer(None, |_, _| {}), "upstream_protocol"),
        (
            "no status",
            answer(None, |_, p| p.status = None),
            "upstream_protocol",
        ),
        (
            "LZ4",
            answer(Some(0), |_, p| p.protocol_compress_type = vec![2]),
            "upstream_protocol",
        ),
        (
            "compressed",
            answer(Some(0), |e, _| e.compress_algorithm = Some(1)),
            "upstream_protocol",
        ),
        (
            "another command",
            msync::unread_answer(1),
            "upstream_protocol",
        ),
        ("half a frame", vec![0x08], "upstream_protocol"),
    ];
    for by in BOTH {
        for (name, frame, code) in &rows {
            let frame = frame.clone();
            world
                .im("fra1")
                .answers(move || vec![Do::Send(frame.clone())]);
            let (status, text) = refused(&world, "frankfurt", by, &Login::of(&app, "u1")).await;
            assert_eq!(status, 8, "{name} {by:?}");
            assert!(text.contains(code), "{name} {by:?}: {text}");
        }
        world.im("fra1").answers(|| vec![Do::Cut]);
        let (status, text) = refused(&world, "frankfurt", by, &Login::of(&app, "u1")).await;
        assert_eq!((status, text.contains("upstream_protocol")), (8, true));
    }
    world.finish().await;
}

#[tokio::test]
async fn another_apps_answer_is_a_violation_and_not_passed_on() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let foreign = schema::Jid {
        app_key: Some("acme#other".to_owned()),
        ..Default::default()
    };
    let frame = answer(Some(0), |e, _| e.guid = Some(foreign));
    world
        .im("fra1")
        .answers(move || vec![Do::Send(frame.clone())]);
    for by in BOTH {
        let (status, text) = refused(&world, "frankfurt", by, &Login::of(&app, "u1")).await;
        assert_eq!((status, text.contains("upstream_protocol")), (8, true));
    }
    let ended = world.finish_with_violations(2.0).await;
    assert_eq!(
        ended.refused("frankfurt", "upstream_protocol", Some(&app.app_id)),
        2
    );
}

#[tokio::test]
async fn an_app_over_its_rate_is_told_so_at_its_login() {
    let world = World::of(World::plan().limit("rate_per_app", "1/s")).await;
    let app = world.app("fra1").await;
    let login = Login::of(&app, "u1");
    let mut told = Vec::new();
    // One a second gets in, however slow the machine.
    while told.len() < 2 {
        for by in BOTH {
            let mut sdk = world.sdk("frankfurt", by).await;
            sdk.send(&login.frame()).await;
            let status = sdk.provision_answer().await.status.unwrap();
            if status.error_code != Some(0) {
                told.push((status.error_code, status.reason.unwrap()));
            }
        }
    }
    for (code, reason) in told {
        assert_eq!((code, reason.contains("rate_limited")), (Some(8), true));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_full_channel_lets_no_more_in_until_somebody_is_answered() {
    let world = World::of(World::plan().limit("in_flight_per_channel", "1")).await;
    let app = world.app("fra1").await;
    for (n, by) in BOTH.into_iter().enumerate() {
        world.im("fra1").answers(Vec::new);
        let mut first = world.sdk("frankfurt", by).await;
        first.send(&Login::of(&app, "u1").frame()).await;
        let waiting = world.im("fra1").frames(2 * n, 1).await;
        let (status, text) = refused(&world, "frankfurt", by, &Login::of(&app, "u2")).await;
        assert_eq!((status, text.contains("channel_full")), (8, true), "{text}");
        waiting.say(Do::Send(msync::provision_answer(None, None)));
        first.provision_answer().await;
        world.im("fra1").script(well_behaved);
        world.session(&app, "u2", by).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_data_centre_that_is_away_or_silent_is_not_waited_for() {
    let world = World::of(World::plan().limit("first_byte", "200ms")).await;
    let app = world.app("fra1").await;
    world.im("fra1").answers(Vec::new);
    for by in BOTH {
        let (status, text) = refused(&world, "frankfurt", by, &Login::of(&app, "u1")).await;
        assert_eq!((status, text.contains("upstream_timeout")), (8, true));
    }
    world.finish().await;
    let away = World::plan().websocket("fra1", "ws://127.43.1.200:1/websocket");
    let world = World::of(away).await;
    let app = world.app("fra1").await;
    let (status, text) = refused(&world, "frankfurt", By::Websocket, &Login::of(&app, "u1")).await;
    assert_eq!(
        (status, text.contains("home_unavailable")),
        (8, true),
        "{text}"
    );
    world.finish().await;
}

/// Promise P8: a name that resolves outside the zone's ranges is not dialled.
#[tokio::test]
async fn the_egress_guard_holds_for_sessions() {
    let plan = World::plan().websocket("fra1", "ws://localhost:{port}/websocket");
    let world = World::of(plan).await;
    let app = world.app("fra1").await;
    let (status, text) = refused(&world, "frankfurt", By::Websocket, &Login::of(&app, "u1")).await;
    assert_eq!(
        (status, text.contains("egress_denied")),
        (8, true),
        "{text}"
    );
    assert_eq!(sessions(&world), 0);
    let ended = world.finish().await;
    assert_eq!(
        ended.refused("frankfurt", "egress_denied", Some(&app.app_id)),
        1
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_is_told_that_it_is_too_slow() {
    let world = World::of(World::plan().limit("provision_time", "100ms")).await;
    for by in BOTH {
        let mut sdk: Sdk = world.sdk("frankfurt", by).await;
        let (status, text) = sdk.refusal().await;
        assert_eq!((status, text.contains("too_slow")), (8, true));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_place_is_given_back_when_a_session_ends() {
    let world = World::of(World::plan().limit("connections_per_address", "2")).await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let first = world.session(&app, "u1", by).await;
        drop(first);
        let session = || world.gateway("frankfurt").lasting.metrics.render();
        eventually("the session to be gone", || {
            let text = session();
            let line = |l: &str| l.starts_with("domicile_sessions{") && !l.ends_with(" 0");
            !text.lines().any(line)
        })
        .await;
    }
    world.finish().await;
}

//! `POST token` (SPEC 6.4): in secure mode only log-ins by token pass.

use crate::harness::{Call, FaultyStore, TestApp, Via, Wish, World};

fn log_in(app: &TestApp, body: &str) -> Call {
    Call::post(&app.path("token"))
        .body(body)
        .header("content-type", "application/json")
}

/// Control: `Gate::check_grant`.
#[tokio::test]
async fn only_the_token_grant_reaches_the_data_centre() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let token = app.user_token("u1");
    let padded = |n: usize| format!(r#"{{"grant_type":"agora","pad":"{}"}}"#, "x".repeat(n));
    let (fits, over) = (padded(4096 - 31), padded(4096 - 30));
    assert_eq!((fits.len(), over.len()), (4096, 4097));
    for via in Via::ALL {
        for (body, verdict) in [
            (r#"{"grant_type":"agora"}"#, (200, "-")),
            (
                r#"{"grant_type":"password","username":"u1","password":"x"}"#,
                (400, "grant_refused"),
            ),
            (
                r#"{"grant_type":"client_credentials"}"#,
                (400, "grant_refused"),
            ),
            (r#"{"grant_type":"inherit"}"#, (400, "grant_refused")),
            (r#"{"grant_type":null}"#, (400, "grant_refused")),
            ("{}", (400, "grant_refused")),
            (
                r#"{"grant_type":"agora","grant_type":"password"}"#,
                (400, "bad_request"),
            ),
            (r#"["grant_type"]"#, (400, "bad_request")),
            ("grant_type=agora", (400, "bad_request")),
            ("", (400, "bad_request")),
            (&fits, (200, "-")),
            (&over, (413, "too_large")),
        ] {
            let answer = world
                .call("frankfurt", log_in(&app, body).token(&token).via(via))
                .await;
            assert_eq!(answer.verdict(), verdict, "{body:.80} by {via:?}");
        }
    }
    let seen = world.centre("fra1").requests();
    assert_eq!(seen.len(), 2 * Via::ALL.len());
    assert_eq!(seen[0].body, br#"{"grant_type":"agora"}"#);
    assert_eq!(seen[1].body.len(), 4096);
    world.finish().await;
}

/// Control: a refused grant comes before a missing token; a good grant still needs one.
#[tokio::test]
async fn a_grant_needs_a_token_too() {
    let world = World::new().await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let agora = r#"{"grant_type":"agora"}"#;
    let password = r#"{"grant_type":"password"}"#;
    for (call, verdict) in [
        (log_in(&app, agora), (401, "token_missing")),
        (log_in(&app, password), (400, "grant_refused")),
        (log_in(&app, agora).token("garbage"), (401, "token_invalid")),
        (
            log_in(&app, agora).token(&other.user_token("u1")),
            (403, "app_mismatch"),
        ),
        (
            log_in(&app, password).token(&other.user_token("u1")),
            (403, "app_mismatch"),
        ),
        (log_in(&app, agora).token(&app.app_token()), (200, "-")),
    ] {
        assert_eq!(
            world.call("frankfurt", call.clone()).await.verdict(),
            verdict,
            "{call:?}"
        );
    }
    // What isn't POST is another route.
    let get = Call::get(&app.path("token")).token(&app.user_token("u1"));
    assert_eq!(
        world.call("frankfurt", get).await.verdict(),
        (403, "token_privilege")
    );
    world.finish().await;
}

/// Control: an encoded body could say something else to the data centre than to the gateway.
#[tokio::test]
async fn an_encoded_grant_is_not_guessed_at() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let call = log_in(&app, r#"{"grant_type":"agora"}"#).token(&app.user_token("u1"));
    let answer = world
        .call("frankfurt", call.header("content-encoding", "gzip"))
        .await;
    assert_eq!(answer.verdict(), (400, "bad_request"));
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: in `upstream` mode the data centre logs in as it likes, at home only.
#[tokio::test]
async fn upstream_mode_leaves_log_ins_to_the_data_centre() {
    let world = World::new().await;
    let app = world.app_with("fra1", Wish::upstream_mode()).await;
    let call = log_in(
        &app,
        r#"{"grant_type":"password","username":"u1","password":"x"}"#,
    );
    assert_eq!(world.call("frankfurt", call.clone()).await.status, 200);
    assert_eq!(
        world.call("beijing", call).await.code(),
        "app_lives_elsewhere"
    );
    world.finish().await;
}

/// Control: the body of a log-in is read only after the App is found: never for one elsewhere.
#[tokio::test]
async fn a_log_in_elsewhere_is_refused_unread() {
    let world = World::of(World::plan().store(FaultyStore::new())).await;
    let app = world.app("bj1").await;
    let mut wire = world.plain_wire("frankfurt").await;
    let path = app.path("token");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: rest.frankfurt.test\r\nContent-Length: 20\r\n\r\n");
    // The body never comes, and is not waited for.
    wire.send(head).await;
    assert_eq!(wire.answer().await.code(), "app_lives_elsewhere");
    wire.ends().await;
    world.finish().await;
}

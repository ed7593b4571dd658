//! P10: every refusal is counted by its reason; those for residency's sake are audited.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::script::Reply;
use crate::harness::{Call, Said, Via, World};

/// Control: `Gateway::note`.
#[tokio::test]
async fn refusals_are_counted_by_code() {
    let world = World::of(World::plan().limit("body", "10KiB")).await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let (foreign, suspended) = (world.app("bj1").await, world.app("fra1").await);
    world.suspend(&suspended).await;
    world.centre("fra1").scripted(|head| match head.word(1) {
        target if target.ends_with("/push") => Reply::CutAfterBody,
        target if target.ends_with("/mutes") => Said::new(302)
            .header("Location", "https://rest.beijing.test/")
            .into(),
        _ => Said::ok("").into(),
    });
    let token = app.app_token();
    let of = |route: &str| Call::get(&app.path(route)).token(&token);
    let cases = [
        (Call::plain_of(&foreign), "app_lives_elsewhere", 3),
        (Call::get("/acme/nobody/users"), "app_unknown", 2),
        (Call::get("/acme"), "app_missing", 1),
        (of("users/%zz"), "bad_request", 2),
        (of("users").host("rest.beijing.test"), "host_mismatch", 2),
        (Call::plain_of(&suspended), "app_suspended", 1),
        (
            of("users").header("x-app-id", &other.app_id),
            "app_mismatch",
            4,
        ),
        (Call::get(&app.path("users")), "token_missing", 2),
        (
            Call::get(&app.path("users")).token(&app.forged_token()),
            "token_invalid",
            3,
        ),
        (
            Call::get(&app.path("users")).token(&app.expired_token("u1")),
            "token_expired",
            2,
        ),
        (
            Call::get(&app.path("users")).token(&app.user_token("u1")),
            "token_privilege",
            1,
        ),
        (
            Call::post(&app.path("token")).body("{}"),
            "grant_refused",
            1,
        ),
        (
            Call::post(&app.path("messages"))
                .token(&token)
                .body(vec![0; 11_000]),
            "too_large",
            1,
        ),
        (of("push"), "upstream_protocol", 1),
        (of("mutes"), "cross_region_reference", 2),
    ];
    let mut expected = BTreeMap::new();
    for (call, code, times) in &cases {
        for via in [Via::Http1, Via::Http2] {
            for _ in 0..*times {
                let answer = world.call("frankfurt", call.clone().via(via)).await;
                assert_eq!(answer.code(), *code);
            }
        }
        expected.insert(*code, 2 * times);
    }
    assert_eq!(world.call("frankfurt", of("users")).await.status, 200);
    let metrics = world.metrics("frankfurt").await;
    for code in domicile::domain::Code::ALL {
        let code = code.as_str();
        let count = expected.get(code).copied().unwrap_or(0);
        assert_eq!(metrics.refusals(code), f64::from(count), "{code}");
    }
    let by_home = [("home", "beijing")];
    assert_eq!(
        metrics.sum("domicile_cross_region_attempts_total", &by_home),
        6.0
    );
    let ended = world.finish().await;
    let refused = |code, app| ended.refused("frankfurt", code, app);
    assert_eq!(refused("app_lives_elsewhere", None), 6);
    assert_eq!(refused("host_mismatch", None), 4);
    assert_eq!(refused("app_mismatch", Some(&app.app_id)), 8);
    assert_eq!(refused("cross_region_reference", Some(&app.app_id)), 4);
    // The rest is no matter of residency.
    let residency = [
        "app_lives_elsewhere",
        "host_mismatch",
        "app_mismatch",
        "cross_region_reference",
    ];
    for entry in ended.audit("frankfurt") {
        if entry["action"] == "traffic" {
            let code = entry["code"].as_str().unwrap();
            assert!(residency.contains(&code), "{entry}");
            assert_eq!(
                (&entry["actor"], &entry["outcome"]),
                (&"client".into(), &"refused".into())
            );
            assert_eq!(entry["region"], "frankfurt");
        }
    }
}

/// Control: one entry for each code, App and 10 s.
#[tokio::test]
async fn a_flood_of_refusals_is_one_entry_for_each_window() {
    let world = World::of(World::plan().cores(2)).await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    for _ in 0..2 {
        for _ in 0..25 {
            for (own, given) in [(&app, &other), (&other, &app)] {
                let call = Call::plain_of(own)
                    .header("x-app-id", &given.app_id)
                    .via(Via::Plain);
                assert_eq!(world.call("frankfurt", call).await.code(), "app_mismatch");
            }
        }
        world.clock.advance(Duration::from_secs(10));
    }
    let ended = world.finish().await;
    let entries = ended.audit("frankfurt");
    let counts: Vec<_> = entries
        .iter()
        .filter(|entry| entry["code"] == "app_mismatch")
        .map(|entry| entry["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [25, 25, 25, 25], "two Apps, two windows");
    let indexes: Vec<_> = entries
        .iter()
        .map(|entry| entry["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, (0..entries.len() as u64).collect::<Vec<_>>());
}

/// Control: counters are there with 0 from the start, and no label names an App.
#[tokio::test]
async fn every_counter_is_there_from_the_start() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let metrics = world.metrics("frankfurt").await;
    for code in domicile::domain::Code::ALL {
        let line = format!(
            r#"domicile_refusals_total{{plane="rest",code="{}"}} 0"#,
            code.as_str()
        );
        assert!(metrics.text.contains(&line), "{line}");
    }
    for family in [
        "domicile_requests_total",
        "domicile_residency_violations_total",
        "domicile_cross_region_attempts_total",
        "domicile_migration_attempts_total",
        "domicile_egress_dials_total",
        "domicile_response_blocked_total",
        "domicile_registry_lookups_total",
        "domicile_tokens_verified_total",
        "domicile_config_reloads_total",
        "domicile_audit_entries_total",
        "domicile_audit_last_checkpoint_timestamp_seconds",
        "domicile_registry_up",
        "domicile_build_info",
        "process_open_fds",
    ] {
        let there = metrics.text.lines().any(|line| line.starts_with(family));
        assert!(there, "{family}");
    }
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.status,
        200
    );
    let metrics = world.metrics("frankfurt").await;
    assert!(!metrics.text.contains(&app.app_id));
    let labels = [
        ("zone", "fra1"),
        ("channel", "general"),
        ("code_class", "2xx"),
    ];
    assert_eq!(metrics.sum("domicile_requests_total", &labels), 1.0);
    assert_eq!(
        metrics.sum("domicile_tokens_verified_total", &[("result", "valid")]),
        1.0
    );
    world.finish().await;
}

/// Control: whatever spelling of a migration is refused, counted and audited (P2).
#[tokio::test]
async fn an_attempt_to_move_an_app_is_refused_counted_and_audited() {
    let world = World::new().await;
    let (app, foreign) = (world.app("fra1").await, world.app("bj1").await);
    let key = world.admin_key("frankfurt");
    let admin = world.addresses("frankfurt").admin.unwrap();
    let mut attempts = 0;
    for app in [&app, &foreign] {
        for (method, action) in [
            ("PUT", "region"),
            ("PATCH", "region"),
            ("POST", "move"),
            ("POST", "migrate"),
            ("POST", "export"),
        ] {
            let call = Call::new(method, &format!("/v1/apps/{}/{action}", app.app_id))
                .token(&key)
                .json(&serde_json::json!({"region": "beijing", "force": true}));
            let mut wire = crate::harness::Wire::tls(admin, "admin.frankfurt.test").await;
            wire.send(call.bytes("admin.frankfurt.test:9443")).await;
            let answer = wire.answer().await;
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (409, Some("region_immutable"))
            );
            attempts += 1;
        }
    }
    let metrics = world.metrics("frankfurt").await;
    assert_eq!(
        metrics.sum("domicile_migration_attempts_total", &[]),
        f64::from(attempts)
    );
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.json()["zone"],
        "fra1"
    );
    assert_eq!(
        world.call("beijing", Call::plain_of(&app)).await.code(),
        "app_lives_elsewhere"
    );
    let ended = world.finish().await;
    let moves = ended.audit("frankfurt");
    let moves = moves
        .iter()
        .filter(|e| e["action"] == "app.move" && e["outcome"] == "refused");
    assert_eq!(moves.count(), attempts as usize);
}

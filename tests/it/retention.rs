//! Retention by plan under a moved clock: deleted in the App's own data centre, told of in the audit log of
//! its region and of no other.

use std::time::Duration;

use domicile::app::audit_sweeps;
use serde_json::{Value, json};

use crate::harness::{Call, TestApp, World};

async fn say(world: &World, app: &TestApp, channel: &str) {
    let message = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": "a canary"}});
    let call = Call::post(&app.path(&format!("messages/{channel}")));
    let call = call.token(&app.app_token()).json(&message);
    assert_eq!(world.call(app.region, call).await.status, 200);
}

fn swept(world: &World, region: &str) -> Vec<Value> {
    let log = &world.gateway(region).shared.audit;
    let all = log.read(None, 1_000).unwrap();
    let mut all: Vec<Value> = all
        .iter()
        .map(|e| serde_json::to_value(e).unwrap())
        .collect();
    all.retain(|entry| entry["action"] == "retention.sweep");
    all
}

/// Control: without the acknowledgement, or the report in the transaction that deletes, the second
/// round tells something again, or the first tells nothing.
#[tokio::test]
async fn what_a_sweep_deletes_is_told_once_in_the_regions_log() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app("fra1").await;
    for channel in ["users", "users", "chatgroups", "chatrooms"] {
        say(&world, &app, channel).await;
    }
    let shared = &world.gateway("frankfurt").shared;
    audit_sweeps(shared).await.unwrap();
    assert_eq!(swept(&world, "frankfurt"), [] as [Value; 0]);

    world.clock.advance(Duration::from_secs(7 * 86_400 + 1));
    for _ in 0..2 {
        audit_sweeps(shared).await.unwrap();
    }
    let told = swept(&world, "frankfurt");
    let counts: Vec<_> = told
        .iter()
        .map(|e| (e["sweep"]["channel"].as_str(), e["count"].as_u64()))
        .collect();
    let expected = [("group", 1), ("one_to_one", 2), ("room", 1)];
    assert_eq!(counts, expected.map(|(c, n)| (Some(c), Some(n))));
    assert!(
        told.iter()
            .all(|e| e["app_id"] == app.app_id && e["outcome"] == "done")
    );
    assert_eq!(swept(&world, "beijing"), [] as [Value; 0]);
    let counted = shared.metrics.render();
    let now = shared.clock.unix();
    for line in [
        "domicile_retention_deleted_total{zone=\"fra1\",channel=\"one_to_one\",kind=\"messages\"} 2".to_owned(),
        "domicile_retention_sweeps_total{zone=\"fra1\",result=\"done\"} 3".to_owned(),
        format!("domicile_retention_last_sweep_timestamp_seconds{{zone=\"fra1\"}} {now}"),
    ] {
        assert!(counted.contains(&line), "{line} in\n{counted}");
    }
    let ended = world.finish().await;
    assert!(!ended.audit_text("frankfurt").contains("canary"));
}

/// Control: a zone that is taken for swept whatever its data centre said would never be overdue.
#[tokio::test]
async fn a_zone_whose_data_centre_is_gone_is_not_swept() {
    let world = World::of(World::plan()).await;
    world.app("bj1").await;
    world.centre("bj1").stop().await;
    let shared = &world.gateway("beijing").shared;
    audit_sweeps(shared).await.unwrap();
    let counted = shared.metrics.render();
    let (name, now) = (
        "domicile_retention_last_sweep_timestamp_seconds",
        shared.clock.unix(),
    );
    for line in [
        format!("{name}{{zone=\"bj1\"}} 0\n"),
        format!("{name}{{zone=\"vip6\"}} {now}\n"),
        "domicile_retention_sweeps_total{zone=\"bj1\",result=\"failed\"} 1\n".to_owned(),
    ] {
        assert!(counted.contains(&line), "{line} in\n{counted}");
    }
    world.finish().await;
}

//! Retention by plan under a moved clock: deleted in the App's own data centre, told of in the audit log of
//! its region and of no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domicile::app::{EvidenceError, audit_sweeps};
use domicile::domain::AppId;
use domicile::registry::{Patch, Plan};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Call, TestApp, Wish, World};

async fn say(world: &World, app: &TestApp, channel: &str) {
    let message = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": "a canary"}});
    let call = Call::post(&app.path(&format!("messages/{channel}")));
    let call = call.token(&app.app_token()).json(&message);
    assert_eq!(world.call(app.region, call).await.status, 200);
}

fn swept(world: &World, region: &str) -> Vec<Value> {
    let log = &world.gateway(region).lasting.audit;
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
    let shared = &world.gateway("frankfurt").shared();
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

/// What one round has told, by App.
fn apps_of(told: &[Value]) -> BTreeMap<String, u64> {
    let mut apps = BTreeMap::new();
    for entry in told {
        let app = entry["app_id"].as_str().unwrap().to_owned();
        *apps.entry(app).or_default() += entry["count"].as_u64().unwrap();
    }
    apps
}

/// More Apps than a page, in two zones. Control: the cursor of pages, the last acknowledgement of a round.
#[tokio::test]
async fn apps_of_many_pages_are_swept_in_each_zone() {
    let world = World::of(World::plan().reference()).await;
    let zones = (0..1_050).map(|n| if n % 3 == 0 { "vip6" } else { "bj1" });
    let apps = join_all(zones.map(|zone| world.app(zone))).await;
    let busy: Vec<_> = apps.iter().step_by(50).collect();
    for app in &busy {
        say(&world, app, "users").await;
    }
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let shared = &world.gateway("beijing").shared();
    audit_sweeps(shared).await.unwrap();
    let told = apps_of(&swept(&world, "beijing"));
    let expected = busy.iter().map(|app| (app.app_id.clone(), 1));
    assert_eq!(told, expected.collect());
    audit_sweeps(shared).await.unwrap();
    assert_eq!(apps_of(&swept(&world, "beijing")), told);
    assert_eq!(swept(&world, "frankfurt"), [] as [Value; 0]);
    world.finish().await;
}

/// Control: the retention that the request tells.
#[tokio::test]
async fn a_plan_that_became_shorter_counts_in_the_next_round() {
    let world = World::of(World::plan().reference()).await;
    let wish = Wish {
        plan: Some(Plan::Basic),
        ..Wish::default()
    };
    let app = world.app_with("fra1", wish).await;
    say(&world, &app, "users").await;
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let shared = &world.gateway("frankfurt").shared();
    audit_sweeps(shared).await.unwrap();
    assert_eq!(swept(&world, "frankfurt"), [] as [Value; 0]);
    let id = AppId::parse(&app.app_id).unwrap();
    let patch = Patch {
        plan: Some(Plan::Free),
        ..Patch::default()
    };
    shared.registry.patch(&id, None, patch).await.unwrap();
    audit_sweeps(shared).await.unwrap();
    assert_eq!(apps_of(&swept(&world, "frankfurt"))[&app.app_id], 1);
    world.finish().await;
}

/// Two gateways of the region, or one whose round before still goes on. Control: ids of sweeps.
#[tokio::test]
async fn what_is_told_twice_counts_once() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app("fra1").await;
    for channel in ["users", "chatgroups"] {
        say(&world, &app, channel).await;
    }
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let shared = &world.gateway("frankfurt").shared();
    let both = join_all([audit_sweeps(shared), audit_sweeps(shared)]).await;
    both.into_iter().for_each(Result::unwrap);
    let told = swept(&world, "frankfurt");
    let once: BTreeMap<String, u64> = told
        .iter()
        .map(|e| {
            let sweep = &e["sweep"];
            let name = format!("{} {} {}", sweep["id"], sweep["channel"], sweep["kind"]);
            (name, e["count"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(once.values().sum::<u64>(), 2, "{told:?}");
    // Both have acknowledged: a third round has nothing to tell.
    audit_sweeps(shared).await.unwrap();
    assert_eq!(swept(&world, "frankfurt").len(), told.len());
    world.finish().await;
}

/// Control: a report is acknowledged when its entries are on disk, and not before.
#[tokio::test]
async fn what_is_not_in_the_log_is_not_acknowledged() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app("fra1").await;
    say(&world, &app, "users").await;
    world.clock.advance(Duration::from_secs(8 * 86_400));
    let shared = Arc::clone(&world.gateway("frankfurt").shared());
    let closing = Arc::clone(&shared.audit);
    tokio::task::spawn_blocking(move || closing.close())
        .await
        .unwrap();
    for _ in 0..2 {
        let failed = audit_sweeps(&shared).await;
        assert!(matches!(failed, Err(EvidenceError::Audit(_))), "{failed:?}");
    }
    let id = AppId::parse(&app.app_id).unwrap();
    let page = shared.registry.list(None, 10, &|_, _| true).await.unwrap();
    let found = page.items.into_iter().find(|found| found.app_id == id);
    let mut sweeping = shared.homes.sweeping();
    let now = shared.clock.unix_millis();
    let asked = sweeping[0].ask(now, &[found.unwrap()], &[]).await.unwrap();
    assert_eq!(asked.reports.len(), 1);
    world.finish().await;
}

/// Control: a zone that is taken for swept whatever its data centre said would never be overdue.
#[tokio::test]
async fn a_zone_whose_data_centre_is_gone_is_not_swept() {
    let world = World::of(World::plan()).await;
    world.app("bj1").await;
    world.centre("bj1").stop().await;
    let shared = &world.gateway("beijing").shared();
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

//! How many durable audit entries a second one log takes, many at once and one after another:
//! `cargo bench --bench audit`.

#![allow(clippy::unwrap_used, reason = "a bench's own helpers")]

use std::sync::Arc;

use domicile::audit::{Action, Actor, AuditLog, Deed, Origin};
use domicile::domain::{Clock, RegionId, SystemClock};

const TOTAL: u64 = 20_000;
const TASKS: u64 = 256;
const ALONE: u64 = 500;

#[tokio::main]
async fn main() {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let origin = Origin {
        region: RegionId::parse("frankfurt").unwrap(),
        gateway_id: "0199c5a0-0000-7000-8000-000000000000".to_owned(),
    };
    let log = AuditLog::open(folder.path(), origin, &[&[7; 32]], Arc::new(SystemClock));
    let log = Arc::new(log.unwrap());
    let start = SystemClock.unix_millis();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let log = Arc::clone(&log);
        tasks.spawn(async move { acts(&log, TOTAL / TASKS / 2).await });
    }
    tasks.join_all().await;
    say("by 256 tasks", TOTAL / TASKS / 2 * TASKS, start);
    let start = SystemClock.unix_millis();
    acts(&log, ALONE).await;
    say("by one", ALONE, start);
}

async fn acts(log: &AuditLog, count: u64) {
    for _ in 0..count {
        let deed = Deed {
            actor: Actor::Account("acct-1".to_owned()),
            action: Action::Register,
            app_id: None,
        };
        let act = log.begin(deed).await.unwrap();
        // As much as a registration's pins.
        act.pinned(&[7; 600], &[7; 500]).done().await.unwrap();
    }
}

fn say(who: &str, acts: u64, start: u64) {
    let took = (SystemClock.unix_millis() - start).max(1);
    let a_second = acts * 1_000 / took;
    println!("{a_second} acts a second, of two entries each, {who}");
}

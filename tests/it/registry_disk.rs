//! The embedded registry on a disk that is full: what cannot be written is refused, what is known goes on
//! being served, nothing is half there, and with room again it goes on by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domicile::domain::AppKey;
use domicile::registry::{
    AppName, EmbeddedStore, Key, NewApp, RegisterError, Registered, Registry, Store,
};

use crate::harness::disk::{Ballast, FULL, small_disk};
use crate::harness::in_time;
use crate::registry_kit::{open, registry};

const NAME: &str = "registry_disk::a_full_disk_refuses_registrations_and_half_writes_nothing";

/// A real small disk, in a mount namespace of its own. Controls: `OpenFile::recover`, and the anchor
/// that is synced before a registration is acknowledged.
#[test]
fn a_full_disk_refuses_registrations_and_half_writes_nothing() {
    if let Some(disk) = small_disk(NAME, "24m") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(fill(&disk));
    }
}

async fn fill(disk: &Path) {
    let store = open(disk).await;
    let home = registry(disk, &store, "frankfurt").await;
    let mut acknowledged = vec![register(&home, "first#app").await.unwrap()];
    for round in 0..3 {
        // Nothing at all, then room for a little, then for the anchor but hardly for a commit.
        let ballast = Ballast::on(disk, round * 64 * 1024);
        acknowledged.extend(register_until_refused(&home, round).await);
        is_served(&home, &acknowledged[0]).await;
        drop(ballast);
        let name = format!("again#{round}");
        let again = in_time("the registry to go on", async {
            loop {
                match register(&home, &name).await {
                    Ok(key) => break key,
                    Err(error) => assert!(matches!(error, RegisterError::Unavailable), "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        acknowledged.push(again.await);
        nothing_is_half_there(&store).await;
    }
    drop((home, store));
    let store = EmbeddedStore::open(&disk.join("registry.redb")).unwrap();
    let home = registry(disk, &store, "frankfurt").await;
    assert!(home.state().trusted, "the anchor is ahead of the store");
    for key in &acknowledged {
        is_served(&home, key).await;
    }
    println!("{FULL}");
}

async fn register(home: &Registry, name: &str) -> Result<AppKey, RegisterError> {
    let app_key = AppKey::parse(name).unwrap();
    let new = NewApp {
        app_id: None,
        app_key,
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    // One that was refused may be there all the same: its commit came before what failed.
    home.register(new).await.map(|done| match done {
        Registered::Created { .. } | Registered::Existing { .. } => app_key,
    })
}

/// What was acknowledged before there was no room.
async fn register_until_refused(home: &Registry, round: u64) -> Vec<AppKey> {
    let mut acknowledged = Vec::new();
    for n in 0..100_000 {
        match register(home, &format!("round-{round}#app-{n}")).await {
            Ok(key) => acknowledged.push(key),
            Err(RegisterError::Unavailable) => return acknowledged,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the disk is never full");
}

async fn is_served(home: &Registry, key: &AppKey) {
    let found = home.look_up(AppName::Key(*key)).await.unwrap();
    assert!(found.is_some(), "{key} is lost");
}

async fn nothing_is_half_there(store: &Arc<EmbeddedStore>) {
    let all = async |prefix| store.range(Key::from_text(prefix), None, usize::MAX).await;
    let apps = all("apps/").await.unwrap().len();
    let pins = all("pins/").await.unwrap().len();
    assert_eq!(pins, 2 * apps, "a pin or a record stands alone");
}

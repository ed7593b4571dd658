//! Many at once.

use std::sync::Arc;

use super::kit::{World, app, id, key};
use crate::registry::suite::Backend;
use crate::registry::{AppName, Home, RegisterError, Registered, Registry};

const REGIONS: [&str; 4] = ["beijing", "frankfurt", "singapore", "virginia"];

async fn gateways(world: &World) -> Vec<Arc<Registry>> {
    let mut all = Vec::new();
    for name in REGIONS {
        all.push(world.open(name).await);
    }
    all
}

/// One AppKey with 64 App IDs, and one App ID with 64 AppKeys, in four regions.
pub async fn one_registration_of_a_name_wins(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let gateways = gateways(&world).await;
    for round in 0..4 {
        let (by_key, by_id) = (format!("acme#key{round}"), format!("f{round}"));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..64 {
            let gateway = Arc::clone(&gateways[n % 4]);
            let new = if round % 2 == 0 {
                app(id(&format!("{round}{n:02}")), key(&by_key))
            } else {
                app(id(&by_id), key(&format!("acme#r{round}n{n}")))
            };
            tasks.spawn(async move { gateway.register(new).await });
        }
        let results = tasks.join_all().await;
        let won = results
            .iter()
            .filter(|r| matches!(r, Ok(Registered::Created { .. })));
        assert_eq!(won.count(), 1, "round {round}");
        for lost in results.iter().filter_map(|r| r.as_ref().err()) {
            let expected = matches!(lost, RegisterError::AppKeyTaken | RegisterError::AppIdTaken);
            assert!(expected, "{lost:?}");
        }
        let name = AppName::Key(key(&by_key));
        if round % 2 == 0 {
            assert_eq!(homes(&gateways, name).await, 1);
        }
    }
}

async fn homes(gateways: &[Arc<Registry>], name: AppName) -> usize {
    let mut homes = 0;
    for gateway in gateways {
        let known = gateway.look_up(name).await.unwrap().unwrap();
        homes += usize::from(matches!(known.home, Home::Here(_)));
    }
    homes
}

pub async fn the_same_registration_wins_once_and_is_found_by_the_others(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let gateway = world.open("frankfurt").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let gateway = Arc::clone(&gateway);
        tasks.spawn(async move { gateway.register(app(id("a1"), key("acme#chat"))).await });
    }
    let results = tasks.join_all().await;
    let created = |r: &Result<_, _>| matches!(r, Ok(Registered::Created { .. }));
    let existing = |r: &Result<_, _>| matches!(r, Ok(Registered::Existing { .. }));
    assert_eq!(results.iter().filter(|r| created(r)).count(), 1);
    assert_eq!(results.iter().filter(|r| existing(r)).count(), 63);
}

pub async fn concurrent_changes_are_all_made(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let gateway = world.open("frankfurt").await;
    super::kit::registered(&gateway, id("a1"), key("acme#chat")).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let gateway = Arc::clone(&gateway);
        tasks.spawn(async move { gateway.revoke_user(&id("a1"), None, &format!("u{n}")).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    let found = gateway.app(&id("a1")).await.unwrap().map(|k| k.home);
    let Some(Home::Here(app)) = found else {
        panic!("it lives here");
    };
    assert_eq!((app.revoked_users.len(), app.revision), (16, 17));
}

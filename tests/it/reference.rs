//! The gateway in front of the real reference data centre.

use crate::harness::{Call, Via, World};

/// A day in an App's life, in each zone; the zones' stores have nothing in common.
#[tokio::test]
async fn the_reference_data_centre_behind_the_gateway() {
    let world = World::of(World::plan().reference()).await;
    let mut users = Vec::new();
    for zone in ["bj1", "vip6", "fra1"] {
        let app = world.app(zone).await;
        let admin = app.app_token();
        let user = format!("u-{zone}");
        for via in Via::ALL {
            let made = Call::post(&app.path("users"))
                .token(&admin)
                .json(&serde_json::json!({"username": format!("{user}-{via:?}").to_ascii_lowercase(), "password": "x"}))
                .via(via);
            let answer = world.call(app.region, made).await;
            assert_eq!(answer.status, 200, "{zone} by {via:?}: {}", answer.text());
        }
        let name = format!("{user}-http1");
        let token = app.user_token(&name);
        let log_in = Call::post(&app.path("token"))
            .token(&token)
            .json(&serde_json::json!({"grant_type": "agora"}));
        let answer = world.call(app.region, log_in).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["access_token"], token.as_str());
        let message =
            Call::post(&app.path("messages/users"))
                .token(&admin)
                .json(&serde_json::json!({
                    "from": name, "to": ["somebody"], "type": "txt", "body": {"msg": "hello"}
                }));
        let answer = world.call(app.region, message).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        users.push((app, name));
    }
    for (app, _) in &users {
        for (other, name) in &users {
            let answer = world
                .call(
                    app.region,
                    Call::get(&app.path(&format!("users/{name}"))).token(&app.app_token()),
                )
                .await;
            let expected = if app.app_id == other.app_id { 200 } else { 404 };
            assert_eq!(
                (answer.status, answer.code()),
                (expected, "-"),
                "{name} in {}",
                app.zone
            );
        }
    }
    world.finish().await;
}

/// Control: the data centre itself lets in only who shows the gateway's secret.
#[tokio::test]
async fn nobody_passes_by_the_gateway() {
    let world = World::of(World::plan().reference().regions(&["frankfurt"])).await;
    let app = world.app("fra1").await;
    let yaml = std::fs::read_to_string(world.root().join("frankfurt/gateway.yaml")).unwrap();
    let address = yaml
        .split("rest: [\"http://")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut wire = crate::harness::Wire::plain(address.parse().unwrap()).await;
    let call = Call::plain_of(&app).header("domicile-app-id", &app.app_id);
    wire.send(call.bytes(address)).await;
    let answer = wire.try_answer().await;
    assert!(answer.is_none_or(|answer| answer.status == 401 || answer.status == 403));
    // A client's own secret is not passed on in place of the gateway's.
    let guess = Call::plain_of(&app).header("domicile-gateway-secret", "guess");
    assert_eq!(world.call("frankfurt", guess).await.status, 200);
    world.finish().await;
}

//! SDKs that know nothing but a gateway, and ask it where their App lives.

use serde_json::json;

use super::with_both;

/// SPEC 6.7: whichever gateway is asked, the SDK ends up at home.
#[tokio::test]
async fn an_sdk_finds_home_from_any_region() {
    with_both(async |scene| {
        for region in ["singapore", "frankfurt"] {
            let ask = [scene.demo.url(region, "https")];
            let by_key = json!({"appKey": scene.app.app_key, "isHttpDNS": true});
            let ann = scene.sdk.discovering(region, by_key, &ask).await;
            ann.open("ann", &scene.token("ann").await).await.unwrap();
            ann.event("onConnected").await;
            // What it does by REST goes home as well.
            let asked = json!([{"pageNum": 0, "pageSize": 20}]);
            let joined = ann.call("getJoinedGroups", asked).await.unwrap();
            let home = scene.demo.url("frankfurt", "https");
            let uri = joined["uri"].as_str().unwrap();
            assert!(uri.starts_with(home), "{uri}");
            ann.call("close", json!([])).await.unwrap();
        }
        let away = scene.demo.measured("singapore").await;
        assert_eq!(away.sum("domicile_cross_region_attempts_total", &[]), 0.0);
    })
    .await;
}

#[tokio::test]
async fn an_sdk_finds_home_by_its_app_id() {
    with_both(async |scene| {
        let ask = [scene.demo.url("virginia", "https")];
        let by_id = json!({"appId": scene.app.app_id, "isHttpDNS": true});
        let ann = scene.sdk.discovering("ann", by_id, &ask).await;
        ann.open("ann", &scene.token("ann").await).await.unwrap();
        ann.event("onConnected").await;
    })
    .await;
}

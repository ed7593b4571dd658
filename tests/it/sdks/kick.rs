//! Sessions that somebody else ends.

use reqwest::Method;
use serde_json::json;

use super::with_both;

#[tokio::test]
async fn a_second_login_of_the_same_device() {
    with_both(async |scene| {
        let first = scene.log_in("ann").await;
        let second = scene
            .sdk
            .connection("again", scene.options("frankfurt"))
            .await;
        let token = scene.token("ann").await;
        second.open("ann", &token).await.unwrap();
        assert_eq!(
            first.error().await.kind,
            206,
            "the SDK's USER_LOGIN_ANOTHER_DEVICE"
        );
        first.event("onDisconnected").await;
        let bob = scene.log_in("bob").await;
        bob.text("singleChat", "ann", "hello").await.unwrap();
        assert_eq!(second.event("onTextMessage").await["msg"], "hello");
        assert_eq!(first.count("onReconnecting"), 0, "no two devices fight");
        assert_eq!(first.count("onTextMessage"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_user_that_is_deleted() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        scene
            .demo
            .rest(&scene.app, Method::DELETE, "users/ann", json!(null))
            .await;
        assert_eq!(ann.error().await.kind, 207, "the SDK's USER_REMOVED");
        ann.event("onDisconnected").await;
        assert_eq!(ann.count("onReconnecting"), 0);
    })
    .await;
}

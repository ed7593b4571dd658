//! Tokens that are renewed in time, and tokens that are not.

use serde_json::json;

use super::with_both;

/// How long a short token lives, in seconds: the SDK calls `onTokenWillExpire` when a fifth is left.
const SHORT: u32 = 10;

/// The token's first end closes the socket; the SDK comes back with the one that was renewed.
#[tokio::test]
async fn a_renewed_token_outlives_the_first() {
    with_both(async |scene| {
        let ann = scene
            .sdk
            .connection("ann", scene.options("frankfurt"))
            .await;
        let short = scene.token_for("ann", SHORT).await;
        ann.open("ann", &short).await.unwrap();
        ann.event("onConnected").await;
        ann.event("onTokenWillExpire").await;
        let renewed = scene.token("ann").await;
        let answer = ann.call("renewToken", json!([renewed])).await.unwrap();
        assert_eq!(
            (&answer["status"], &answer["token"]),
            (&json!(true), &json!(renewed))
        );
        ann.event("onReconnecting").await;
        ann.event("onConnected").await;
        assert_eq!(ann.count("onTokenExpired"), 0);
        assert_eq!(ann.count("onError"), 0);
        let bob = scene.log_in("bob").await;
        bob.text("singleChat", "ann", "still there?").await.unwrap();
        assert_eq!(ann.event("onTextMessage").await["msg"], "still there?");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_renewed_ends_the_session() {
    with_both(async |scene| {
        let ann = scene
            .sdk
            .connection("ann", scene.options("frankfurt"))
            .await;
        let short = scene.token_for("ann", SHORT).await;
        ann.open("ann", &short).await.unwrap();
        ann.event("onTokenWillExpire").await;
        ann.event("onTokenExpired").await;
        ann.event("onDisconnected").await;
    })
    .await;
}

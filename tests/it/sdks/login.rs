use super::with_both;

#[tokio::test]
async fn a_user_logs_in_and_out() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        ann.call("close", serde_json::json!([])).await.unwrap();
        ann.event("onDisconnected").await;
        assert_eq!(ann.count("onError"), 0);
    })
    .await;
}

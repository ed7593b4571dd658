use super::with_both;

#[tokio::test]
async fn two_users_talk() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let sent = ann.text("singleChat", "bob", "hello").await.unwrap();
        assert!(sent["serverMsgId"].is_string(), "{sent}");
        let heard = bob.event("onTextMessage").await;
        assert_eq!(heard["msg"], "hello");
        assert_eq!(heard["from"], "ann");
        assert_eq!(heard["id"], sent["serverMsgId"]);
    })
    .await;
}

//! Messages with files, which the SDKs upload and download by REST.

use serde_json::json;

use super::with_both;

#[tokio::test]
async fn a_file_goes_up_and_comes_down() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let bob = scene.log_in("bob").await;
        let message = json!({"chatType": "singleChat", "type": "file", "to": "bob"});
        let file = json!({"name": "plan.txt", "type": "text/plain", "text": "the plan"});
        ann.send_file(message, file).await.unwrap();
        let heard = bob.event("onFileMessage").await;
        assert_eq!(heard["filename"], "plan.txt");
        assert_eq!(heard["file_length"], 8);
        let (url, secret) = (heard["url"].as_str().unwrap(), &heard["secret"]);
        let home = scene.demo.url("frankfurt", "https");
        assert!(url.starts_with(home), "{url}");
        let token = scene.token("bob").await;
        let bearer = format!("Bearer {token}");
        let shown = json!({"Authorization": bearer, "share-secret": secret});
        let got = scene.sdk.fetch(url, shown).await.unwrap();
        assert_eq!(
            (&got["status"], &got["text"]),
            (&json!(200), &json!("the plan"))
        );
        // A page may read a refusal as well, the gateway's and the data centre's.
        let bare = url.split('?').next().unwrap();
        let refused = scene
            .sdk
            .fetch(bare, json!({"Authorization": bearer}))
            .await;
        assert_eq!(refused.unwrap()["status"], 403, "without the secret");
        let refused = scene.sdk.fetch(bare, json!({"share-secret": secret})).await;
        assert_eq!(refused.unwrap()["status"], 401, "without the token");
    })
    .await;
}

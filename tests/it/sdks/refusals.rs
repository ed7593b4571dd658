//! What an SDK's user is told when the gateway refuses, once, and that the SDK then leaves it alone.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, with_both};
use crate::harness::chat_sdk::{Connection, SdkError};

/// Longer than the SDKs take for their first try to reconnect.
const QUIET: Duration = Duration::from_secs(4);

/// How often an SDK tries to come back, 1 to 2 s apart: its `autoReconnectNumMax`.
const RECONNECTS: usize = 5;

/// The SDKs' error types.
const AUTH_ERROR: i64 = 2;
const INVALID_TOKEN: i64 = 28;
const TOKEN_EXPIRED: i64 = 56;
const SERVING_DISABLED: i64 = 57;
const USER_NOT_FOUND: i64 = 204;

impl Scene<'_> {
    /// Logs in where it is refused; the promise and `onError` say the same, and they say it once.
    async fn refused(&self, name: &str, region: &str, user: &str, token: &str) -> SdkError {
        let connection = self.sdk.connection(name, self.options(region)).await;
        let refused = connection.open(user, token).await.unwrap_err();
        assert_eq!(connection.error().await, refused);
        connection.event("onDisconnected").await;
        stays_quiet(&connection).await;
        refused
    }

    async fn refusals(&self, region: &str, code: &str) -> f64 {
        let metrics = self.demo.measured(region).await;
        let labels = [("plane", "websocket"), ("code", code)];
        metrics.sum("domicile_refusals_total", &labels)
    }
}

/// Nothing more is tried and nothing more is said.
async fn stays_quiet(connection: &Connection<'_>) {
    let told = connection.count("onError");
    tokio::time::sleep(QUIET).await;
    assert_eq!(connection.count("onError"), told);
    assert_eq!(connection.count("onReconnecting"), 0);
}

fn told(kind: i64, message: &str) -> SdkError {
    SdkError {
        kind,
        message: message.to_owned(),
    }
}

/// P1, P3: the row of `app_lives_elsewhere`.
#[tokio::test]
async fn an_app_that_lives_elsewhere() {
    with_both(async |scene| {
        let token = scene.token("ann").await;
        let refused = scene.refused("away", "singapore", "ann", &token).await;
        assert_eq!(refused.kind, AUTH_ERROR);
        let text = &refused.message;
        assert!(text.starts_with("app_lives_elsewhere: "), "{text}");
        assert!(text.ends_with(": frankfurt"), "{text}");
        let attempts = scene.refusals("singapore", "app_lives_elsewhere").await;
        assert!((1.0..=2.0).contains(&attempts), "{attempts} for both SDKs");
        // A page may read the refusal of a REST call.
        let url = format!(
            "{}/{}/users/ann",
            scene.demo.url("singapore", "https"),
            scene.app.path()
        );
        let answer = scene
            .sdk
            .fetch(&url, json!({"Authorization": "Bearer x"}))
            .await
            .unwrap();
        let body: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
        assert_eq!(answer["status"], 421);
        assert_eq!(body["home_region"], "frankfurt");
    })
    .await;
}

/// P5 and P3: tokens that are not this user's of this App now.
#[tokio::test]
async fn tokens_that_do_not_fit() {
    with_both(async |scene| {
        let other = scene
            .demo
            .register("frankfurt", &format!("{}-2", scene.app.app))
            .await;
        let others = scene
            .sdk
            .token(&other.app_id, &other.certificate, "ann", 3600)
            .await;
        let forged = scene
            .sdk
            .token(&scene.app.app_id, &other.certificate, "ann", 3600)
            .await;
        let expired = scene.app.expired_token("ann");
        let bobs = scene.token("bob").await;
        let refusals = [
            ("another App's", others, AUTH_ERROR, "app_mismatch: "),
            ("forged", forged, INVALID_TOKEN, "INVALID_TOKEN"),
            ("none", "rubbish".to_owned(), INVALID_TOKEN, "INVALID_TOKEN"),
            ("expired", expired, TOKEN_EXPIRED, "Sorry, token expired"),
            ("another user's", bobs, AUTH_ERROR, "token_privilege: "),
        ];
        let all = refusals.map(async |(what, token, kind, text)| {
            let refused = scene.refused(what, "frankfurt", "ann", &token).await;
            assert_eq!(refused.kind, kind, "{what}: {refused:?}");
            assert!(refused.message.starts_with(text), "{what}: {refused:?}");
        });
        join_all(all).await;
        let nobodys = scene.token("nobody").await;
        let refused = scene
            .refused("nobody", "frankfurt", "nobody", &nobodys)
            .await;
        assert_eq!(refused, told(USER_NOT_FOUND, "User not found"));
    })
    .await;
}

#[tokio::test]
async fn an_app_that_nobody_has_registered() {
    with_both(async |scene| {
        let mut options = scene.options("frankfurt");
        options["appKey"] = json!("it#nothing");
        let stray = scene.sdk.connection("stray", options).await;
        let token = scene.token("ann").await;
        let refused = stray.open("ann", &token).await.unwrap_err();
        assert_eq!(refused.kind, AUTH_ERROR);
        assert!(refused.message.starts_with("app_unknown: "), "{refused:?}");
        stays_quiet(&stray).await;
    })
    .await;
}

/// SPEC 6.4: no password in secure mode. The SDK asks for a token by REST, with the password.
#[tokio::test]
async fn a_password() {
    with_both(async |scene| {
        let ann = scene
            .sdk
            .connection("ann", scene.options("frankfurt"))
            .await;
        let asked = json!([{"user": "ann", "pwd": "x"}]);
        let refused = ann.call("open", asked).await.unwrap_err();
        assert_eq!(refused, told(1, "Log in with a token"));
        assert_eq!(ann.count("onConnected"), 0);
        let metrics = scene.demo.measured("frankfurt").await;
        assert!(metrics.refusals("grant_refused") >= 1.0);
        stays_quiet(&ann).await;
    })
    .await;
}

#[tokio::test]
async fn a_suspended_app() {
    with_both(async |scene| {
        let ann = scene.log_in("ann").await;
        let path = format!("apps/{}/suspend", scene.app.app_id);
        scene
            .demo
            .admin("frankfurt", Method::POST, &path, json!({}))
            .await;
        // The open session ends. An SDK that was logged in makes its usual number of tries, and
        // each is told why.
        let disabled = told(SERVING_DISABLED, "Server serving disabled.");
        ann.event("onDisconnected").await;
        assert_eq!(ann.count("onReconnecting"), RECONNECTS);
        assert_eq!(ann.count("onError"), RECONNECTS);
        for _ in 0..RECONNECTS {
            assert_eq!(ann.error().await, disabled);
        }
        tokio::time::sleep(QUIET).await;
        assert_eq!(ann.count("onReconnecting"), RECONNECTS);
        let token = scene.token("bob").await;
        let refused = scene.refused("bob", "frankfurt", "bob", &token).await;
        assert_eq!(refused, disabled);
        // It goes on as soon as the App does.
        let path = format!("apps/{}/resume", scene.app.app_id);
        scene
            .demo
            .admin("frankfurt", Method::POST, &path, json!({}))
            .await;
        scene.log_in("eve").await;
    })
    .await;
}

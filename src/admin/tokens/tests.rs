use access_token::{Expected, Kind, Policy, verify};

use crate::admin::bench::{Bench, NOW};

struct Issuer {
    bench: Bench,
    app_id: String,
    certificate: String,
}

impl Issuer {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let body = r#"{"org": "acme", "app": "chat", "region": "frankfurt"}"#;
        let app = bench.call("POST", "/v1/apps", body).await;
        Self {
            bench,
            app_id: app.text("app_id").to_owned(),
            certificate: app.json["certificate"]["value"]
                .as_str()
                .unwrap()
                .to_owned(),
        }
    }

    async fn issue(&self, body: &str) -> crate::admin::bench::Answer {
        let path = format!("/v1/apps/{}/tokens", self.app_id);
        self.bench.call("POST", &path, body).await
    }

    fn verify(&self, token: &str) -> access_token::Verified {
        let expected = Expected {
            app_id: &self.app_id,
            certificates: &[&self.certificate],
        };
        verify(token, &expected, NOW, &Policy::default()).unwrap()
    }
}

#[tokio::test]
async fn user_and_app_tokens_verify() {
    let issuer = Issuer::new().await;
    let user = issuer
        .issue(r#"{"kind": "user", "user_id": "u17", "ttl": 60}"#)
        .await;
    assert_eq!(user.status, 201, "{user:?}");
    assert_eq!(user.text("expires_at"), "2025-10-09T08:54:20Z");
    assert_eq!(user.json["warnings"], serde_json::json!([]));
    let verified = issuer.verify(user.text("token"));
    assert_eq!(
        (verified.kind, verified.user_id.as_str()),
        (Kind::User, "u17")
    );
    assert_eq!(verified.not_after, NOW + 60);
    let app = issuer.issue(r#"{"kind": "app"}"#).await;
    let verified = issuer.verify(app.text("token"));
    assert_eq!(
        (verified.kind, verified.not_after),
        (Kind::App, NOW + 86_400)
    );
}

#[tokio::test]
async fn real_names_are_warned_about_and_not_logged() {
    let issuer = Issuer::new().await;
    let body = r#"{"kind": "user", "user_id": "alice@example.com"}"#;
    let answer = issuer.issue(body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json["warnings"].as_array().unwrap().len(), 1);
    let log = serde_json::to_string(&issuer.bench.audited()).unwrap();
    assert!(!log.contains("alice"));
    assert!(!log.contains(answer.text("token")));
}

#[tokio::test]
async fn wrong_orders_are_refused() {
    let issuer = Issuer::new().await;
    for (body, fields) in [
        ("{}", vec!["kind"]),
        (r#"{"kind": "admin"}"#, vec!["kind"]),
        (r#"{"kind": "user"}"#, vec!["user_id"]),
        (r#"{"kind": "user", "user_id": ""}"#, vec!["user_id"]),
        (r#"{"kind": "app", "user_id": "u17"}"#, vec!["user_id"]),
        (r#"{"kind": "app", "ttl": 86401}"#, vec!["ttl"]),
        (r#"{"kind": "app", "ttl": 0}"#, vec!["ttl"]),
        (r#"{"kind": "app", "ttl": "24h"}"#, vec!["ttl"]),
    ] {
        let answer = issuer.issue(body).await;
        assert_eq!(
            (answer.code(), answer.fields()),
            ((422, "invalid"), fields),
            "{body}"
        );
    }
    let long = format!(r#"{{"kind": "user", "user_id": "{}"}}"#, "u".repeat(4_000));
    assert_eq!(issuer.issue(&long).await.fields(), ["user_id"]);
}

#[tokio::test]
async fn suspended_and_retired_apps_get_none() {
    let issuer = Issuer::new().await;
    let path = format!("/v1/apps/{}", issuer.app_id);
    issuer
        .bench
        .call("POST", &format!("{path}/suspend"), "")
        .await;
    let answer = issuer.issue(r#"{"kind": "app"}"#).await;
    assert_eq!(answer.code(), (403, "app_suspended"));
    issuer.bench.call("DELETE", &path, "").await;
    let answer = issuer.issue(r#"{"kind": "app"}"#).await;
    assert_eq!(answer.code(), (410, "app_retired"));
}

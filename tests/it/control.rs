//! What administrators do, and what of it reaches traffic and data centres: over the demo's own
//! admin API.

use domicile::observe::Stopwatch;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::Demo;
use crate::harness::demo::{DemoApp, text};

/// How long a revocation may take to reach traffic (SPEC 8), and some patience for a busy machine.
const SOON: Duration = Duration::from_secs(10);

impl Demo {
    async fn token(&self, app: &DemoApp, user: &str) -> String {
        let order = json!({"kind": "user", "user_id": user});
        let path = format!("apps/{}/tokens", app.app_id);
        let issued = self.admin(&app.region, Method::POST, &path, order).await;
        text(&issued, "token").to_owned()
    }

    async fn by(&self, app: &DemoApp, token: &str, user: &str) -> (StatusCode, Value) {
        let home = self.url(&app.region, "https");
        let url = format!("{home}/{}/users/{user}", app.path());
        let answer = self.http.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn refused_soon(&self, app: &DemoApp, token: &str, user: &str, code: &str) {
        let since = Stopwatch::start();
        loop {
            let (_, body) = self.by(app, token, user).await;
            if body["code"] == code {
                return;
            }
            assert!(since.elapsed() < SOON, "still no {code}: {body}");
        }
    }
}

async fn app_with_user(demo: &Demo, name: &str) -> DemoApp {
    let app = demo.register("frankfurt", name).await;
    let user = json!({"username": "u7", "password": "x"});
    demo.rest(&app, Method::POST, "users", user).await;
    app
}

/// Without the token's re-check when its App's record changes, a revoked certificate's tokens would
/// go on from the cache.
#[tokio::test]
async fn a_revoked_certificates_tokens_are_refused_and_the_others_are_not() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let app = app_with_user(&demo, "rotated").await;
    let certificates = format!("apps/{}/certificates", app.app_id);
    let admin = |method, path: String| {
        let demo = &demo;
        async move { demo.admin("frankfurt", method, &path, json!({})).await }
    };
    let list = admin(Method::GET, certificates.clone()).await;
    let old = text(&list["items"][0], "id").to_owned();
    let of_old = demo.token(&app, "u7").await;
    assert_eq!(demo.by(&app, &of_old, "u7").await.0, 200);

    let created = admin(Method::POST, certificates.clone()).await;
    let new = text(&created, "id");
    admin(Method::POST, format!("{certificates}/{new}/promote")).await;
    let of_new = demo.token(&app, "u7").await;
    for token in [&of_old, &of_new] {
        assert_eq!(demo.by(&app, token, "u7").await.0, 200, "both verify");
    }

    admin(Method::DELETE, format!("{certificates}/{old}")).await;
    demo.refused_soon(&app, &of_old, "u7", "token_invalid")
        .await;
    assert_eq!(demo.by(&app, &of_new, "u7").await.0, 200);
    demo.is_clean().await;
    demo.stop();
}

#[tokio::test]
async fn a_revoked_user_gets_in_with_the_next_token_only() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let app = app_with_user(&demo, "revoked").await;
    let before = demo.token(&app, "u7").await;
    assert_eq!(demo.by(&app, &before, "u7").await.0, 200);
    let revoke = format!("apps/{}/users/u7/revoke", app.app_id);
    demo.admin("frankfurt", Method::POST, &revoke, json!({}))
        .await;
    demo.refused_soon(&app, &before, "u7", "token_invalid")
        .await;
    let after = demo.token(&app, "u7").await;
    assert_eq!(demo.by(&app, &after, "u7").await.0, 200);
    demo.stop();
}

#[tokio::test]
async fn what_a_user_or_an_app_has_is_erased_at_home_with_evidence() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let app = app_with_user(&demo, "erased").await;
    let neighbour = app_with_user(&demo, "erased2").await;
    let user = format!("apps/{}/users/u7", app.app_id);
    let erased = demo
        .admin("frankfurt", Method::DELETE, &user, json!({}))
        .await;
    assert_eq!(erased["erasure"]["done"], true, "{erased}");
    let evidence = &erased["erasure"]["evidence"];
    assert_eq!(evidence["erased"]["users"], 1);
    assert!(text(evidence, "digest").starts_with("sha256:"));
    let token = demo.token(&app, "u7").await;
    assert_eq!(demo.by(&app, &token, "u7").await.0, 404);

    let body = json!({"username": "u8", "password": "x"});
    demo.rest(&app, Method::POST, "users", body).await;
    let path = format!("apps/{}", app.app_id);
    let retired = demo
        .admin("frankfurt", Method::DELETE, &path, json!({}))
        .await;
    assert_eq!(retired["status"], "retired");
    assert_eq!(retired["erasure"]["evidence"]["erased"]["users"], 1);
    let again = demo
        .admin("frankfurt", Method::DELETE, &path, json!({}))
        .await;
    assert_eq!(again["erasure"]["done"], true);
    assert_eq!(again["erasure"]["evidence"]["erased"]["users"], 0);
    demo.refused_soon(&app, &token, "u7", "app_retired").await;

    let token = demo.token(&neighbour, "u7").await;
    assert_eq!(demo.by(&neighbour, &token, "u7").await.0, 200);
    let log = demo
        .admin("frankfurt", Method::GET, "audit?limit=1000", json!({}))
        .await;
    let log = log["items"].to_string();
    for action in ["user.revoke", "user.erase", "app.retire", "app.erase"] {
        assert!(log.contains(action), "{action}");
    }
    assert!(!log.contains("u7"), "a user's id is in the audit log");
    demo.is_clean().await;
    demo.stop();
}

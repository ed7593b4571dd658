//! The vendor's chat SDKs from npm against `domicile demo`: what their users see.

mod discovery;
mod files;
mod groups;
mod kick;
mod login;
mod refusals;
mod restart;
mod talk;
mod tokens;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Demo;
use crate::harness::chat_sdk::{ChatSdk, Connection, PACKAGES};
use crate::harness::demo::{DemoApp, text};

/// One SDK, and an App of its own that lives in Frankfurt.
struct Scene<'a> {
    demo: &'a Demo,
    sdk: ChatSdk,
    app: DemoApp,
}

/// Plays a scenario with both SDKs at once, at one demo. No App's traffic may have gone astray by
/// its end.
async fn with_both(scenario: impl AsyncFn(&Scene<'_>)) {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let play = async |package| {
        let scene = Scene::set(&demo, package).await;
        scenario(&scene).await;
    };
    let [one, other] = PACKAGES;
    tokio::join!(play(one), play(other));
    demo.is_clean().await;
    demo.stop();
}

impl<'a> Scene<'a> {
    async fn set(demo: &'a Demo, package: &str) -> Self {
        let app = demo.register("frankfurt", package).await;
        let sdk = ChatSdk::start(package, demo.ca());
        let scene = Self { demo, sdk, app };
        for user in ["ann", "bob", "eve"] {
            scene.make_user(user).await;
        }
        scene
    }

    async fn make_user(&self, name: &str) {
        let body = json!({"username": name, "password": "x"});
        self.demo.rest(&self.app, Method::POST, "users", body).await;
    }

    async fn token(&self, user: &str) -> String {
        self.token_for(user, 3600).await
    }

    async fn token_for(&self, user: &str, ttl: u32) -> String {
        let DemoApp {
            app_id,
            certificate,
            ..
        } = &self.app;
        self.sdk.token(app_id, certificate, user, ttl).await
    }

    /// As a client of this App is configured that goes to a region's gateway.
    fn options(&self, region: &str) -> Value {
        let region = &self.demo.document["regions"][region];
        json!({
            "appKey": self.app.app_key,
            "isHttpDNS": false,
            "url": text(region, "websocket"),
            "apiUrl": text(region, "https"),
        })
    }

    /// A user who is logged in at home.
    async fn log_in(&self, user: &str) -> Connection<'_> {
        let connection = self.sdk.connection(user, self.options("frankfurt")).await;
        let token = self.token(user).await;
        connection.open(user, &token).await.unwrap();
        connection.event("onConnected").await;
        connection
    }
}

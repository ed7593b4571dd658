use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APP, Running, answer};

fn text(to: &[&str], text: &str) -> Value {
    json!({"from": "ann", "to": to, "type": "txt", "body": {"msg": text}})
}

#[tokio::test]
async fn each_recipient_gets_a_message_of_their_own() {
    let centre = Running::start().await;
    for channel in ["users", "chatgroups", "chatrooms"] {
        let path = format!("{APP}/messages/{channel}");
        let (status, body) = centre.post(&path, text(&["bob", "eve", "bob"], "hi")).await;
        assert_eq!(status, 200, "{channel}");
        let ids = body["data"].as_object().unwrap();
        assert_eq!(ids.len(), 2);
        assert_ne!(ids["bob"], ids["eve"]);
        assert_eq!(body["path"], format!("/messages/{channel}"));
    }
}

#[tokio::test]
async fn incomplete_messages_are_refused() {
    let centre = Running::start().await;
    let path = format!("{APP}/messages/users");
    for body in [
        json!({"from": "ann", "to": [], "type": "txt", "body": {}}),
        json!({"from": "ann", "to": [""], "type": "txt", "body": {}}),
        json!({"from": "ann", "to": "bob", "type": "txt", "body": {}}),
        json!({"from": "ann", "to": ["bob"], "body": {}}),
        json!({"from": "ann", "to": ["bob"], "type": "txt"}),
    ] {
        let (status, answer) = centre.post(&path, body.clone()).await;
        assert_eq!(status, 400, "{body}");
        for member in [
            "error",
            "exception",
            "timestamp",
            "duration",
            "error_description",
        ] {
            assert!(!answer[member].is_null(), "{member}");
        }
    }
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_refused() {
    let centre = Running::start().await;
    let path = format!("{APP}/messages/users");
    let body = text(&["bob"], &"x".repeat(10 * 1024 * 1024));
    let response = centre.request(Method::POST, &path).json(&body).send().await;
    // The connection may close while the rest is still on its way.
    if let Ok(response) = response {
        assert_eq!(response.status(), 413);
    }
}

#[tokio::test]
async fn absolute_uris_are_under_the_endpoint_that_the_client_knows() {
    let centre = Running::start().await;
    let path = format!("{APP}/messages/users");
    let own = centre.post(&path, text(&["bob"], "hi")).await.1;
    assert_eq!(own["uri"], format!("http://{}{path}", centre.address()));
    let forwarded = centre
        .request(Method::POST, &path)
        .json(&text(&["bob"], "hi"));
    let forwarded = forwarded
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "a71.chat.example.com");
    let body = answer(forwarded.header("Domicile-App-Id", "970CA35de60c44645bbae8a215061b33"))
        .await
        .1;
    assert_eq!(body["uri"], format!("https://a71.chat.example.com{path}"));
    assert_eq!(body["application"], "970CA35de60c44645bbae8a215061b33");
}

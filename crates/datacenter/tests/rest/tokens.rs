use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APP, NOW, Running, answer};

/// From the public samples of AgoraIO/Tools: a user token, long over.
const USER: &str = "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyADCrAyMDIxgPheDkYWFkbGJoZG5MQAfpR64";
const OVER: u64 = 1_111_711;

async fn grant(centre: &Running, token: Option<&str>, body: Value) -> (u16, Value) {
    let request = centre
        .request(Method::POST, &format!("{APP}/token"))
        .json(&body);
    answer(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

#[tokio::test]
async fn the_presented_token_is_the_token_of_this_service() {
    let centre = Running::start().await;
    centre
        .post(&format!("{APP}/users"), json!({"username": "2882341273"}))
        .await;
    let (status, body) = grant(&centre, Some(USER), json!({"grant_type": "agora"})).await;
    assert_eq!(status, 200);
    assert_eq!(body["access_token"], USER);
    assert_eq!(body["expires_in"], 0);
    assert_eq!(body["user"]["username"], "2882341273");
    assert!(body["user"]["uuid"].is_string());
}

#[tokio::test]
async fn other_grants_and_what_is_no_token_are_refused() {
    let centre = Running::start().await;
    let password = json!({"grant_type": "password", "username": "bob", "password": "1"});
    let (status, body) = grant(&centre, Some(USER), password).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("unsupported_grant_type"))
    );
    for token in [None, Some("YWMt-opaque"), Some("007eJx")] {
        let (status, body) = grant(&centre, token, json!({"grant_type": "agora"})).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (401, Some("auth_bad_access_token"))
        );
    }
    assert_eq!(grant(&centre, Some(USER), json!([])).await.0, 400);
}

#[tokio::test]
async fn the_end_of_a_token_is_told_in_milliseconds() {
    let centre = Running::start().await;
    let path = format!("{APP}/sdk/users/2882341273/token/expires");
    let (status, body) = answer(centre.request(Method::GET, &path).bearer_auth(USER)).await;
    assert_eq!(
        (status, body["expire_timestamp"].as_u64()),
        (200, Some(OVER * 1000))
    );
    assert!(body["timestamp"].as_u64() == Some(NOW));
    assert_eq!(centre.get(&path).await.0, 401);
}

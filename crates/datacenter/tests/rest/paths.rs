//! What the data centre says it understood.

use reqwest::Method;
use serde_json::json;

use crate::harness::{APP, Running, header};

fn line<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn every_answer_says_what_it_was_taken_for() {
    let centre = Running::start().await;
    let post = centre.request(Method::POST, &format!("{APP}/messages/users"));
    let response = post.json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(header(&response, "dc-app"), "acme#chat");
    assert_eq!(header(&response, "dc-route"), "POST messages/users");

    for (target, app, route, user) in [
        (
            "/acme/chat/users/b%6Fb",
            "acme#chat",
            "GET users/{u}",
            Some("bob"),
        ),
        (
            "/acme/chat/users/%E7%94%A8%20%2525",
            "acme#chat",
            "GET users/{u}",
            Some("%E7%94%A8%20%2525"),
        ),
        (
            "/api/sdk/v1/acme/chat/users?limit=1",
            "acme#chat",
            "GET users",
            None,
        ),
        ("/%61cme/chat/users", "acme#chat", "GET users", None),
        (
            "http://elsewhere.example/acme/chat/users",
            "acme#chat",
            "GET users",
            None,
        ),
        ("/acme/chat/nothing", "acme#chat", "unknown", None),
        ("/acme/chat", "acme#chat", "unknown", None),
        ("/acme/chat/users/", "none", "unknown", None),
        ("/acme", "none", "unknown", None),
    ] {
        let answer = centre.raw(target).await;
        assert_eq!(line(&answer, "dc-app"), Some(app), "{target}");
        assert_eq!(line(&answer, "dc-route"), Some(route), "{target}");
        assert_eq!(line(&answer, "dc-user"), user, "{target}");
    }
}

#[tokio::test]
async fn ambiguous_targets_are_refused() {
    let centre = Running::start().await;
    for target in [
        "/acme/chat/users/",
        "/acme/chat//users",
        "//acme/chat/users",
        "/acme/chat/users/..",
        "/acme/chat/x/../users",
        "/acme/chat/users/%2e%2e",
        "/acme/chat/users/a%2fb",
        "/acme/chat/users/a%5Cb",
        "/acme/chat/users/a;b",
        "/acme/chat/users/a%3bb",
        "/acme/chat/users/a%00",
        "/acme/chat/users/%ff",
        "/acme/chat/users/%zz",
        "/acme/chat/users?limit=%zz",
        "*",
    ] {
        let answer = centre.raw(target).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_answered_in_json() {
    let centre = Running::start().await;
    let (status, body) = centre.get(&format!("{APP}/nothing/here")).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (404, Some("service_resource_not_found"))
    );
    assert_eq!(centre.delete(&format!("{APP}/users")).await.0, 404);
}

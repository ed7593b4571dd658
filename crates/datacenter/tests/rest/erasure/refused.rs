//! Who may not ask, and what is not understood. Nothing is erased in any of these cases.

use reqwest::Method;
use serde_json::{Value, json};

use super::kit::{PATH, counts, erase, fill, full, request};
use crate::harness::{Running, SECRET, answer, client};

async fn is_whole(centre: &Running) {
    let evidence = erase(centre, json!({ "app_key": "acme#chat" })).await;
    assert_eq!(counts(&evidence), full("text"));
}

/// Control: `Door::check` comes before anything else.
#[tokio::test]
async fn nobody_but_a_gateway_erases() {
    let centre = Running::start().await;
    fill(&centre, "acme#chat", "text").await;
    let url = format!("http://{}{PATH}", centre.address());
    for secret in [
        None,
        Some(""),
        Some("wrong"),
        Some("between the two of us ,"),
    ] {
        let mut request = client().build().unwrap().post(&url);
        for (name, value) in [
            ("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33"),
            ("Domicile-Zone", "fra1"),
            ("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c"),
        ] {
            request = request.header(name, value);
        }
        if let Some(secret) = secret {
            request = request.header("Domicile-Gateway-Secret", secret);
        }
        let response = request
            .json(&json!({ "app_key": "acme#chat" }))
            .send()
            .await;
        assert_eq!(response.unwrap().status(), 403, "{secret:?}");
    }
    is_whole(&centre).await;
}

#[tokio::test]
async fn the_gateway_says_whose_zone_it_is() {
    let centre = Running::start().await;
    fill(&centre, "acme#chat", "text").await;
    let all = [
        ("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33"),
        ("Domicile-Zone", "fra1"),
        ("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c"),
    ];
    for (left_out, _) in all {
        let mut request = centre.request(Method::POST, PATH);
        for (name, value) in all.iter().filter(|(name, _)| *name != left_out) {
            request = request.header(*name, *value);
        }
        let request = request.json(&json!({ "app_key": "acme#chat" }));
        assert_eq!(answer(request).await.0, 400, "{left_out}");
    }
    for zone in ["va1", "fra", "fra11", "FRA1"] {
        let mut request = centre.request(Method::POST, PATH);
        for (name, value) in all.iter().filter(|(name, _)| *name != "Domicile-Zone") {
            request = request.header(*name, *value);
        }
        let request = request.header("Domicile-Zone", zone);
        let request = request.json(&json!({ "app_key": "acme#chat" }));
        assert_eq!(answer(request).await.0, 403, "{zone}");
    }
    is_whole(&centre).await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused() {
    let centre = Running::start().await;
    fill(&centre, "acme#chat", "text").await;
    let long = "u".repeat(256);
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"app_key\": \"acme#chat\"".to_owned(),
        "{\"app_key\": \"acme#chat\"} {}".to_owned(),
        "{\"app_key\": \"acme#chat\", \"app_key\": \"acme#chat\"}".to_owned(),
        json!({ "app_key": null }).to_string(),
        json!({ "app_key": "acme" }).to_string(),
        json!({ "app_key": "acme#" }).to_string(),
        json!({ "app_key": "acme#chat#x" }).to_string(),
        json!({ "app_key": "management#erasures" }).to_string(),
        json!({ "app_key": ["acme#chat"] }).to_string(),
        json!({ "app_key": "acme#chat", "user_id": null }).to_string(),
        json!({ "app_key": "acme#chat", "user_id": "" }).to_string(),
        json!({ "app_key": "acme#chat", "user_id": 7 }).to_string(),
        json!({ "app_key": "acme#chat", "user_id": long }).to_string(),
        json!({ "app_key": "acme#chat", "userid": "ann" }).to_string(),
        json!({ "app_key": "acme#chat", "user_id": "ann", "x": 1 }).to_string(),
    ];
    for body in bodies {
        let (status, answer) = answer(request(&centre).body(body.clone())).await;
        assert_eq!(status, 400, "{body}");
        let told = answer["error_description"].as_str().unwrap();
        assert!(!told.contains("ann") && !told.contains("acme"), "{told}");
    }
    let padded = format!("{{\"app_key\": \"acme#chat\"{}}}", " ".repeat(4096));
    assert_eq!(answer(request(&centre).body(padded.clone())).await.0, 413);
    let pieces = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(padded)]);
    let streamed = request(&centre).body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(answer(streamed).await.0, 413, "chunked");
    is_whole(&centre).await;
}

#[tokio::test]
async fn no_other_spelling_of_the_path_erases() {
    let centre = Running::start().await;
    fill(&centre, "acme#chat", "text").await;
    let body = json!({ "app_key": "acme#chat" }).to_string();
    for target in [
        "/management/erasures/",
        "//management/erasures",
        "/%6danagement/erasures",
        "/management/erasure%73",
        "/management/./erasures",
        "/Management/erasures",
        "/api/sdk/v1/management/erasures",
        "/acme/chat/management/erasures",
        "/acme/chat/../../management/erasures",
    ] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
             Domicile-App-Id: x\r\nDomicile-Zone: fra1\r\nDomicile-Request-Id: x\r\n\
             Domicile-Gateway-Secret: {SECRET}\r\n\r\n{body}",
            body.len()
        );
        let answer = centre.send_whole(&head).await;
        let status = answer.split(' ').nth(1).unwrap();
        assert!(["400", "404"].contains(&status), "{target}: {answer}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = centre.request(method.clone(), PATH).body(body.clone());
        let status = request.send().await.unwrap().status().as_u16();
        assert!([400, 404].contains(&status), "{method}");
    }
    is_whole(&centre).await;
}

#[tokio::test]
async fn the_answer_tells_what_was_understood() {
    let centre = Running::start().await;
    let asked = request(&centre).json(&json!({ "app_key": "acme#chat" }));
    let response = asked.send().await.unwrap();
    assert_eq!(response.headers()["dc-route"], "POST management/erasures");
    assert_eq!(response.headers()["dc-app"], "none");
    assert_eq!(response.json::<Value>().await.unwrap()["remaining"], 0);
}

//! What holds for every call.

use super::bench::Bench;
use crate::registry::Role;

const APP: &str = "970CA35de60c44645bbae8a215061b33";

/// Every call: method, path, body, and what an owner gets for an App that is not there.
const CALLS: [(&str, &str, &str, u16); 22] = [
    ("GET", "/v1/apps", "", 200),
    ("POST", "/v1/apps", "{}", 422),
    ("GET", "/v1/apps/{}", "", 404),
    ("PATCH", "/v1/apps/{}", "{}", 501),
    ("PATCH", "/v1/apps/{}", r#"{"region": "virginia"}"#, 409),
    ("PATCH", "/v1/apps/{}", r#"{"zone": "va1"}"#, 409),
    ("DELETE", "/v1/apps/{}", "", 404),
    ("POST", "/v1/apps/{}/suspend", "", 404),
    ("POST", "/v1/apps/{}/resume", "", 404),
    ("POST", "/v1/apps/{}/tokens", r#"{"kind": "app"}"#, 404),
    (
        "PUT",
        "/v1/apps/{}/region",
        r#"{"region": "virginia"}"#,
        409,
    ),
    ("PATCH", "/v1/apps/{}/region", "not json", 409),
    ("POST", "/v1/apps/{}/move", "", 409),
    ("POST", "/v1/apps/{}/migrate", "", 409),
    ("POST", "/v1/apps/{}/export", "", 409),
    ("GET", "/v1/apps/{}/export", "", 409),
    ("DELETE", "/v1/apps/{}/region", "", 409),
    ("POST", "/v1/apps/not-an-app/move", "", 409),
    ("GET", "/v1/audit", "", 200),
    ("GET", "/v1/audit/checkpoint", "", 200),
    ("GET", "/v1/regions", "", 200),
    ("GET", "/v1/regions/frankfurt", "", 200),
];

fn calls() -> impl Iterator<Item = (&'static str, String, &'static str, u16)> {
    let calls = CALLS.iter();
    calls.map(|(method, path, body, status)| (*method, path.replace("{}", APP), *body, *status))
}

#[tokio::test]
async fn no_call_works_without_a_key() {
    let bench = Bench::new().await;
    for (method, path, body, _) in calls() {
        let answer = bench.send(method, &path, body, &[]).await;
        assert_eq!(answer.code(), (401, "unauthenticated"), "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert!(bench.audited().is_empty());
}

#[tokio::test]
async fn no_call_works_with_a_wrong_key() {
    let bench = Bench::new().await;
    let right = bench.key(Role::Owner);
    let wrong = format!("{}A", &right[..right.len() - 1]);
    for (method, path, body, _) in calls() {
        for key in ["", "dk_", "dk_wrong", &format!("{right}A"), &wrong] {
            if key == right {
                continue;
            }
            let answer = bench.call_with(key, method, &path, body, &[]).await;
            assert!(
                [401, 429].contains(&answer.status.as_u16()),
                "{method} {path} {answer:?}"
            );
        }
    }
    assert!(bench.audited().is_empty());
}

#[tokio::test]
async fn every_call_answers_its_owner() {
    let bench = Bench::new().await;
    for (method, path, body, status) in calls() {
        let answer = bench.call(method, &path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.json["status"], status);
        }
    }
}

#[tokio::test]
async fn roles_see_what_they_may() {
    let bench = Bench::new().await;
    let list = ("GET", "/v1/apps");
    let register = ("POST", "/v1/apps");
    let tokens = ("POST", &*format!("/v1/apps/{APP}/tokens"));
    for (role, call, status) in [
        (Role::Registrar, list, 200),
        (Role::Registrar, register, 422),
        (Role::Registrar, tokens, 403),
        (Role::Auditor, list, 200),
        (Role::Auditor, register, 403),
        (Role::Auditor, tokens, 403),
        (Role::Issuer, list, 403),
        (Role::Issuer, register, 403),
    ] {
        let (method, path) = call;
        let answer = bench
            .call_with(bench.key(role), method, path, "{}", &[])
            .await;
        assert_eq!(answer.status, status, "{role:?} {method} {path}");
    }
}

#[tokio::test]
async fn wrong_keys_are_slowed_down_and_right_ones_are_not() {
    let bench = Bench::new().await;
    let mut last = None;
    for _ in 0..70 {
        last = Some(
            bench
                .call_with("dk_wrong", "GET", "/v1/apps", "", &[])
                .await,
        );
    }
    let last = last.unwrap();
    assert_eq!(last.code(), (429, "rate_limited"));
    assert_eq!(last.header("retry-after"), "40");
    assert_eq!(bench.call("GET", "/v1/apps", "").await.status, 200);
    bench
        .region
        .clock
        .advance(std::time::Duration::from_secs(40));
    let later = bench
        .call_with("dk_wrong", "GET", "/v1/apps", "", &[])
        .await;
    assert_eq!(later.code(), (401, "unauthenticated"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let bench = Bench::new().await;
    for path in [
        "/",
        "/v1",
        "/v2/apps",
        "/v1/apps/",
        "/v1/apps/x/y",
        "/metrics",
    ] {
        assert_eq!(
            bench.call("GET", path, "").await.code(),
            (404, "not_found"),
            "{path}"
        );
    }
    let answer = bench.call("PUT", "/v1/apps", "").await;
    assert_eq!(answer.code(), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn without_an_audit_log_nothing_is_done() {
    let bench = Bench::new().await;
    bench.region.audit.close();
    let body = r#"{"org": "acme", "app": "chat", "region": "frankfurt"}"#;
    let answer = bench.call("POST", "/v1/apps", body).await;
    assert_eq!(answer.code(), (503, "audit_unavailable"));
    assert!(!answer.header("retry-after").is_empty());
    let list = bench.call("GET", "/v1/apps", "").await;
    assert_eq!(list.json["items"], serde_json::json!([]));
}

#[tokio::test]
async fn refusals_are_counted() {
    let bench = Bench::new().await;
    bench.call("GET", "/v1/apps", "").await;
    bench.call("GET", "/nothing", "").await;
    bench.send("GET", "/v1/apps", "", &[]).await;
    let refusals = bench
        .events
        .refusals
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(refusals, 2);
}

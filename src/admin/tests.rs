//! What holds for every call.

use super::bench::Bench;
use crate::registry::Role;

const APP: &str = "970CA35de60c44645bbae8a215061b33";

const CERTIFICATE: &str = "/v1/apps/{app_id}/certificates/{id}";

/// Every call: method, path, body, and what an owner, a registrar, an issuer of another App and an
/// auditor get for an App that is not there. A call that is missing here fails
/// `the_table_and_the_document_name_the_same_calls`.
const CALLS: [(&str, &str, &str, [u16; 4]); 36] = [
    ("GET", "/v1/apps", "", [200, 200, 403, 200]),
    ("POST", "/v1/apps", "{}", [422, 422, 403, 403]),
    ("GET", "/v1/apps/{app_id}", "", [404, 404, 403, 404]),
    ("PATCH", "/v1/apps/{app_id}", "{}", [404, 404, 403, 403]),
    ("DELETE", "/v1/apps/{app_id}", "", [404, 404, 403, 403]),
    (
        "POST",
        "/v1/apps/{app_id}/suspend",
        "",
        [404, 404, 403, 403],
    ),
    ("POST", "/v1/apps/{app_id}/resume", "", [404, 404, 403, 403]),
    (
        "GET",
        "/v1/apps/{app_id}/certificates",
        "",
        [404, 404, 403, 404],
    ),
    (
        "POST",
        "/v1/apps/{app_id}/certificates",
        "",
        [404, 404, 403, 403],
    ),
    ("DELETE", CERTIFICATE, "", [404, 404, 403, 403]),
    (
        "POST",
        "/v1/apps/{app_id}/certificates/{id}/promote",
        "",
        [404, 404, 403, 403],
    ),
    (
        "POST",
        "/v1/apps/{app_id}/tokens",
        r#"{"kind": "app"}"#,
        [404, 403, 403, 403],
    ),
    (
        "POST",
        "/v1/apps/{app_id}/users/{user_id}/revoke",
        "",
        [404, 404, 403, 403],
    ),
    (
        "DELETE",
        "/v1/apps/{app_id}/users/{user_id}",
        "",
        [404, 404, 403, 403],
    ),
    (
        "PUT",
        "/v1/apps/{app_id}/region",
        r#"{"region": "virginia"}"#,
        [409; 4],
    ),
    ("POST", "/v1/apps/{app_id}/region", "", [409; 4]),
    ("PATCH", "/v1/apps/{app_id}/region", "not json", [409; 4]),
    ("DELETE", "/v1/apps/{app_id}/region", "", [409; 4]),
    ("PUT", "/v1/apps/{app_id}/move", "", [409; 4]),
    ("POST", "/v1/apps/{app_id}/move", "", [409; 4]),
    ("PATCH", "/v1/apps/{app_id}/move", "", [409; 4]),
    ("DELETE", "/v1/apps/{app_id}/move", "", [409; 4]),
    ("PUT", "/v1/apps/{app_id}/migrate", "", [409; 4]),
    ("POST", "/v1/apps/{app_id}/migrate", "", [409; 4]),
    ("PATCH", "/v1/apps/{app_id}/migrate", "", [409; 4]),
    ("DELETE", "/v1/apps/{app_id}/migrate", "", [409; 4]),
    ("PUT", "/v1/apps/{app_id}/export", "", [409; 4]),
    ("POST", "/v1/apps/{app_id}/export", "", [409; 4]),
    ("PATCH", "/v1/apps/{app_id}/export", "", [409; 4]),
    ("DELETE", "/v1/apps/{app_id}/export", "", [409; 4]),
    ("GET", "/v1/regions", "", [200, 200, 403, 200]),
    ("GET", "/v1/regions/{region}", "", [200, 200, 403, 200]),
    ("GET", "/v1/accounts", "", [200, 403, 403, 200]),
    ("POST", "/v1/accounts", "{}", [422, 403, 403, 403]),
    ("DELETE", "/v1/accounts/{id}", "", [404, 403, 403, 403]),
    ("GET", "/v1/audit", "", [200, 403, 403, 200]),
];

/// Beside the table: text, so that it has no member to look at.
const CHECKPOINT: (&str, &str, [u16; 4]) = ("GET", "/v1/audit/checkpoint", [200, 403, 403, 200]);

const ROLES: [Role; 4] = [Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor];

fn calls() -> impl Iterator<Item = (&'static str, String, &'static str, [u16; 4])> {
    let (method, path, roles) = CHECKPOINT;
    let all = CALLS.iter().copied();
    all.chain([(method, path, "", roles)])
        .map(|(method, path, body, roles)| {
            let path = path
                .replace("{app_id}", APP)
                .replace("{region}", "frankfurt");
            let path = path.replace("{id}", "nothing").replace("{user_id}", "u7");
            (method, path, body, roles)
        })
}

/// Whoever adds a call without saying here who may use it has not thought of who may not.
#[tokio::test]
async fn the_table_and_the_document_name_the_same_calls() {
    let bench = Bench::new().await;
    let document = bench.send("GET", "/openapi.json", "", &[]).await;
    assert_eq!(document.text("openapi"), "3.1.0");
    let mut served = Vec::new();
    for (path, item) in document.json["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        served.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let (method, path, _) = CHECKPOINT;
    let mut known: Vec<_> = CALLS.iter().map(|(m, p, ..)| format!("{m} {p}")).collect();
    known.push(format!("{method} {path}"));
    served.sort();
    known.sort();
    assert_eq!(served, known);
}

#[tokio::test]
async fn every_call_answers_every_role_as_documented() {
    let bench = Bench::new().await;
    for (method, path, body, expected) in calls() {
        for (role, status) in ROLES.into_iter().zip(expected) {
            let key = bench.key(role);
            let answer = bench.call_with(key, method, &path, body, &[]).await;
            assert_eq!(answer.status, status, "{role:?} {method} {path} {answer:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
            if status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json");
                assert_eq!(answer.json["status"], status);
            }
        }
    }
}

/// A registrar of one org is told nothing of another's Apps, by no call.
#[tokio::test]
async fn a_key_of_another_org_finds_nothing() {
    let bench = Bench::new().await;
    let app_id = bench.app("chat").await;
    let body = r#"{"name": "other", "role": "registrar", "orgs": ["other"]}"#;
    let created = bench.call("POST", "/v1/accounts", body).await;
    let key = created.text("key").to_owned();
    let before = bench.call("GET", &format!("/v1/apps/{app_id}"), "").await;
    for (method, path, body, [_, registrar, ..]) in calls() {
        let path = path.replace(APP, &app_id);
        let headers = [("if-match", "*")];
        let answer = bench.call_with(&key, method, &path, body, &headers).await;
        assert_eq!(answer.status, registrar, "{method} {path} {answer:?}");
    }
    let after = bench.call("GET", &format!("/v1/apps/{app_id}"), "").await;
    assert_eq!(after.json, before.json);
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

use crate::admin::bench::Bench;

const APP: &str = "970CA35de60c44645bbae8a215061b33";

fn body(rest: &str) -> String {
    format!(r#"{{"app_id": "{APP}", "org": "acme", "app": "chat", "region": "frankfurt"{rest}}}"#)
}

#[tokio::test]
async fn a_registration_answers_the_app_and_its_certificate_once() {
    let bench = Bench::new().await;
    let first = bench.call("POST", "/v1/apps", &body("")).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.text("app_id"), APP);
    assert_eq!(first.text("app_key"), "acme#chat");
    assert_eq!(
        (first.text("region"), first.text("zone")),
        ("frankfurt", "fra1")
    );
    assert_eq!(
        (first.text("status"), first.text("auth_mode")),
        ("active", "secure")
    );
    assert_eq!(first.text("created_at"), "2025-10-09T08:53:20Z");
    assert_eq!(
        first.header("etag"),
        format!("\"{}\"", first.json["revision"])
    );
    assert_eq!(first.json["certificate"]["role"], "primary");
    let value = first.json["certificate"]["value"].as_str().unwrap();
    assert_eq!(value.len(), 32);
    let again = bench.call("POST", "/v1/apps", &body("")).await;
    assert_eq!(again.status, 200);
    assert!(!again.json.to_string().contains(value));
    assert_eq!(again.json["revision"], first.json["revision"]);
}

#[tokio::test]
async fn each_contradiction_has_its_answer() {
    let bench = Bench::new().await;
    bench.call("POST", "/v1/apps", &body("")).await;
    let other = "970CA35de60c44645bbae8a215061b34";
    for (text, expected) in [
        (body("").replace(APP, other), (409, "app_key_taken")),
        (body("").replace("chat", "chat2"), (409, "app_id_taken")),
        (
            body("").replace("frankfurt", "virginia"),
            (409, "region_immutable"),
        ),
        (body(r#", "zone": "va1""#), (409, "region_immutable")),
        (
            body(r#", "plan": "enterprise""#),
            (409, "already_registered"),
        ),
        (body(r#", "zone": "fra1""#), (200, "")),
    ] {
        let answer = bench.call("POST", "/v1/apps", &text).await;
        assert_eq!(answer.code(), expected, "{text}");
    }
}

#[tokio::test]
async fn another_region_is_named_with_its_endpoints() {
    let bench = Bench::new().await;
    let answer = bench
        .call(
            "POST",
            "/v1/apps",
            &body("").replace("frankfurt", "virginia"),
        )
        .await;
    assert_eq!(answer.code(), (421, "app_lives_elsewhere"));
    assert_eq!(answer.text("home_region"), "virginia");
    let admin = &answer.json["home_endpoints"]["admin"];
    assert_eq!(
        *admin,
        serde_json::json!(["https://admin.virginia.example"])
    );
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let bench = Bench::new().await;
    let short = &APP[..31];
    for (text, fields) in [
        (body("").replace(APP, short), vec!["app_id"]),
        (body("").replace("frankfurt", "Frankfurt"), vec!["region"]),
        (body("").replace("frankfurt", "atlantis"), vec!["region"]),
        (body("").replace("acme", "api"), vec!["org"]),
        (body("").replace("chat", "ch at"), vec!["app"]),
        (body(r#", "zone": "fra9""#), vec!["zone"]),
        (
            body(r#", "plan": "gold", "auth_mode": 1"#),
            vec!["plan", "auth_mode"],
        ),
        (body(r#", "limits": {}"#), vec!["limits"]),
        (body(r#", "region": "virginia""#), vec!["region"]),
        ("{}".to_owned(), vec!["org", "app", "region"]),
        ("[]".to_owned(), vec![""]),
    ] {
        let answer = bench.call("POST", "/v1/apps", &text).await;
        assert_eq!(answer.code(), (422, "invalid"), "{text}");
        assert_eq!(answer.fields(), fields, "{text}");
    }
    let answer = bench.call("POST", "/v1/apps", "org=acme").await;
    assert_eq!(answer.code(), (400, "bad_request"));
    let answer = bench.call("POST", "/v1/apps", &" ".repeat(65 * 1024)).await;
    assert_eq!(answer.code(), (413, "too_large"));
}

#[tokio::test]
async fn it_is_audited_before_and_after() {
    let bench = Bench::new().await;
    bench
        .call(
            "POST",
            "/v1/apps",
            &body("").replace(APP, "").replace("\"app_id\": \"\",", ""),
        )
        .await;
    let entries = bench.audited();
    let entries: Vec<_> = entries
        .iter()
        .map(|e| serde_json::to_value(e).unwrap())
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["outcome"], &entries[1]["outcome"]),
        (&"begun".into(), &"done".into())
    );
    assert!(
        entries
            .iter()
            .all(|e| e["actor"] == entries[0]["actor"] && e["action"] == "app.register")
    );
    assert_eq!(entries[1]["app_id"].as_str().map(str::len), Some(32));
    assert!(entries[1]["pins"]["id"].is_string() && entries[1]["pins"]["key"].is_string());
}

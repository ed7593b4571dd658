use serde_json::json;

use crate::admin::bench::Bench;
use crate::registry::Role;

const APP: &str = "970CA35de60c44645bbae8a215061b33";

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let bench = Bench::new().await;
    let body = r#"{"name": "audit team", "role": "auditor"}"#;
    let created = bench.call("POST", "/v1/accounts", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let key = created.text("key").to_owned();
    assert!(key.starts_with("dk_") && key.len() == 46);
    let list = bench.call_with(&key, "GET", "/v1/accounts", "", &[]).await;
    assert_eq!(list.status, 200);
    let text = list.json.to_string();
    assert!(
        !text.contains("dk_") && !text.contains("key_hash"),
        "{text}"
    );
    let items = list.json["items"].as_array().unwrap();
    let own = items
        .iter()
        .find(|item| item["name"] == "audit team")
        .unwrap();
    assert_eq!(own["role"], "auditor");
    assert_eq!(own.as_object().unwrap().len(), 8);
}

#[tokio::test]
async fn a_deleted_account_is_let_in_no_more() {
    let bench = Bench::new().await;
    let body = r#"{"name": "x", "role": "owner"}"#;
    let created = bench.call("POST", "/v1/accounts", body).await;
    let (key, id) = (
        created.text("key").to_owned(),
        created.text("id").to_owned(),
    );
    let deleted = bench
        .call("DELETE", &format!("/v1/accounts/{id}"), "")
        .await;
    assert_eq!((deleted.status.as_u16(), deleted.text("id")), (200, &*id));
    let answer = bench.call_with(&key, "GET", "/v1/accounts", "", &[]).await;
    assert_eq!(answer.code(), (401, "unauthenticated"));
    let again = bench
        .call("DELETE", &format!("/v1/accounts/{id}"), "")
        .await;
    assert_eq!(again.code(), (404, "account_unknown"));
}

#[tokio::test]
async fn the_last_owner_stays() {
    let bench = Bench::new().await;
    let list = bench.call("GET", "/v1/accounts", "").await;
    let items = list.json["items"].as_array().unwrap();
    let owner = items.iter().find(|item| item["role"] == "owner").unwrap();
    let path = format!("/v1/accounts/{}", owner["id"].as_str().unwrap());
    let answer = bench.call("DELETE", &path, "").await;
    assert_eq!(answer.code(), (409, "last_owner"));
    assert_eq!(bench.call("GET", "/v1/accounts", "").await.status, 200);
}

#[tokio::test]
async fn what_an_account_cannot_be_is_named() {
    let bench = Bench::new().await;
    let app = json!([APP]);
    let home = json!(["192.0.2.0/24"]);
    for (body, fields) in [
        (json!({}), vec!["name", "role"]),
        (json!({"name": "", "role": "root"}), vec!["name", "role"]),
        (
            json!({"name": "a", "role": "issuer"}),
            vec!["apps", "allow_from"],
        ),
        (
            json!({"name": "a", "role": "issuer", "apps": app}),
            vec!["allow_from"],
        ),
        (
            json!({"name": "a", "role": "owner", "apps": app}),
            vec!["apps"],
        ),
        (
            json!({"name": "a", "role": "auditor", "allow_from": home}),
            vec!["allow_from"],
        ),
        (
            json!({"name": "a", "role": "owner", "orgs": ["acme"]}),
            vec!["orgs"],
        ),
        (
            json!({"name": "a", "role": "registrar", "orgs": ["acme", "a/b", "api", 7]}),
            vec!["orgs[1]", "orgs[2]", "orgs[3]"],
        ),
        (
            json!({"name": "a", "role": "issuer", "apps": ["x"], "allow_from": ["10.0.0.0/33"]}),
            vec!["apps[0]", "allow_from[0]"],
        ),
        (
            json!({"name": "a", "role": "owner", "key": "dk_mine"}),
            vec!["key"],
        ),
        (
            json!({"name": 7, "role": "owner", "orgs": "acme"}),
            vec!["name", "orgs"],
        ),
    ] {
        let answer = bench.call("POST", "/v1/accounts", &body.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, fields),
            "{body}"
        );
    }
}

#[tokio::test]
async fn pages_hold_every_account_once() {
    let bench = Bench::new().await;
    for number in 0..5 {
        let body = json!({"name": format!("n{number}"), "role": "auditor"});
        bench.call("POST", "/v1/accounts", &body.to_string()).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/accounts?limit=2".to_owned();
    loop {
        let page = bench.call("GET", &path, "").await;
        let items = page.json["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.json["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/accounts?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 4 + 5);
    seen.dedup();
    assert_eq!(seen.len(), 4 + 5);
    let wrong = bench.call("GET", "/v1/accounts?cursor=%2F", "").await;
    assert_eq!(wrong.fields(), ["cursor"]);
}

/// Without the bounds in `permission.rs`, an issuer's key would make tokens of any App, from anywhere.
#[tokio::test]
async fn an_issuer_makes_tokens_for_its_apps_from_its_addresses_only() {
    let bench = Bench::new().await;
    let (own, other) = (bench.app("own").await, bench.app("other").await);
    let key = |allow_from: &'static str| {
        let body =
            json!({"name": "backend", "role": "issuer", "apps": [own], "allow_from": [allow_from]});
        let body = body.to_string();
        let bench = &bench;
        async move {
            let created = bench.call("POST", "/v1/accounts", &body).await;
            created.text("key").to_owned()
        }
    };
    // The bench's calls come from 192.0.2.1.
    let (near, far) = (key("192.0.2.0/24").await, key("198.51.100.0/24").await);
    let order = r#"{"kind": "app"}"#;
    for (key, app, status) in [(&near, &own, 201), (&near, &other, 403), (&far, &own, 403)] {
        let path = format!("/v1/apps/{app}/tokens");
        let answer = bench.call_with(key, "POST", &path, order, &[]).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let path = format!("/v1/apps/{app}");
        let shown = bench.call_with(key, "GET", &path, "", &[]).await;
        assert_eq!(shown.status, if status == 201 { 200 } else { 403 });
    }
}

#[tokio::test]
async fn a_bound_registrar_touches_its_orgs_only() {
    let bench = Bench::new().await;
    let body = r#"{"name": "team", "role": "registrar", "orgs": ["acme"]}"#;
    let created = bench.call("POST", "/v1/accounts", body).await;
    let key = created.text("key").to_owned();
    let own = bench.app("chat").await;
    let body = r#"{"org": "other", "app": "chat", "region": "frankfurt"}"#;
    let foreign = bench.call("POST", "/v1/apps", body).await;
    let foreign = foreign.text("app_id").to_owned();
    let refused = bench.call_with(&key, "POST", "/v1/apps", body, &[]).await;
    assert_eq!(refused.code(), (403, "forbidden"));
    for (app, code) in [(&own, (200, "")), (&foreign, (404, "app_unknown"))] {
        for (method, path) in [("GET", ""), ("POST", "/suspend"), ("GET", "/certificates")] {
            let path = format!("/v1/apps/{app}{path}");
            let answer = bench.call_with(&key, method, &path, "", &[]).await;
            assert_eq!(answer.code(), code, "{method} {path}");
        }
    }
    let list = bench.call_with(&key, "GET", "/v1/apps", "", &[]).await;
    let items = list.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["app_id"], *own);
}

#[tokio::test]
async fn use_is_remembered_to_the_hour() {
    let bench = Bench::new().await;
    bench.call("GET", "/v1/regions", "").await;
    let last_used = || async {
        let accounts = bench.region.registry.accounts().await.unwrap();
        let owner = accounts.into_iter().find(|a| a.role == Role::Owner);
        owner.unwrap().last_used_at
    };
    let written = async {
        while last_used().await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(10);
    let waited = tokio::time::timeout(patience, written).await;
    assert!(waited.is_ok(), "the use was never written");
    assert_eq!(last_used().await, Some(crate::admin::bench::NOW));
}

//! The API reference and the table of errors against the code, both ways.

use std::collections::{BTreeMap, BTreeSet};

use domicile::call::Need;
use domicile::domain::Code;
use serde_json::Value;

use crate::harness::Demo;
use crate::harness::pages::page;

/// What one sees, why, and what to do.
#[test]
fn every_refusal_says_why_and_what_to_do() {
    let errors = page("docs/errors.md");
    let (traffic, admin) = errors.split_once("## The admin API").unwrap();
    for code in Code::ALL {
        assert!(explains(traffic, code.as_str()), "{}", code.as_str());
    }
    let refusals = page("src/admin/refusal.rs");
    let (_, table) = refusals.split_once("fn row(").unwrap();
    let (table, _) = table.split_once("fn retry_after").unwrap();
    let texts = table.split('"').skip(1).step_by(2);
    let is_code = |text: &&str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let codes: Vec<_> = texts.filter(is_code).collect();
    assert!(codes.len() > 25, "{codes:?}");
    for code in codes {
        assert!(explains(admin, code), "{code} of the admin API");
    }
}

/// Whether a row of four filled cells has the code in one of its first two.
fn explains(text: &str, code: &str) -> bool {
    let named = format!("`{code}`");
    rows(text).any(|cells| {
        let full = cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty());
        full && cells[..2].iter().any(|cell| cell.contains(&named))
    })
}

/// The rows of a text's tables.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    lines.map(|line| {
        line.trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect()
    })
}

/// The admin API's calls and their members, both ways.
#[tokio::test]
async fn every_admin_call_is_documented() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let url = format!("{}/openapi.json", demo.url("frankfurt", "admin"));
    let api: Value = demo
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let reference = page("docs/api.md");
    let documented = documented_calls(&reference);
    let mut served = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let call = format!("{} {path}", method.to_uppercase());
            let section = documented.get(&call).copied().unwrap_or_default();
            for member in members(&api, operation) {
                assert!(section.contains(&format!("`{member}`")), "{call}: {member}");
            }
            served.insert(call);
        }
    }
    let documented: BTreeSet<_> = documented.into_keys().collect();
    assert_eq!(documented, served);
    let ops = reference.split("## Ops").nth(1).unwrap();
    let routes: Vec<_> = ops.split("| `GET ").skip(1).collect();
    assert_eq!(routes.len(), 3);
    for route in routes {
        let path = route.split('`').next().unwrap();
        let url = format!("{}{path}", demo.url("frankfurt", "ops"));
        assert_eq!(demo.http.get(url).send().await.unwrap().status(), 200);
    }
    demo.stop();
}

/// Each call of a heading such as `PUT, POST /v1/…`, with what stands below it.
fn documented_calls(reference: &str) -> BTreeMap<String, &str> {
    let mut calls = BTreeMap::new();
    for section in reference.split("\n#### `").skip(1) {
        let (heading, below) = section.split_once('`').unwrap();
        let below = below.split("\n##").next().unwrap();
        let (methods, path) = heading.rsplit_once(' ').unwrap();
        for method in methods.split(", ") {
            let before = calls.insert(format!("{method} {path}"), below);
            assert!(before.is_none(), "{method} {path} twice");
        }
    }
    calls
}

/// The members of a call's body, and its query.
fn members(api: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let name = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next());
    let body = name.map(|name| &api["components"]["schemas"][name]["properties"]);
    let body = body.and_then(Value::as_object).into_iter().flatten();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|parameter| parameter["in"] == "query");
    let query = query.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
    body.map(|(name, _)| name.clone()).chain(query).collect()
}

/// The route table of traffic, both ways.
#[test]
fn every_route_of_traffic_is_documented() {
    let reference = page("docs/api.md");
    let (_, traffic) = reference.split_once("## REST traffic").unwrap();
    let documented: BTreeSet<_> = rows(traffic.split("### Discovery").next().unwrap())
        .filter(|cells| cells.len() == 4 && cells[1].starts_with('`'))
        .map(|cells| {
            let template = cells[1].split('`').nth(1).unwrap();
            (
                cells[0].to_owned(),
                template.to_owned(),
                cells[3].to_owned(),
            )
        })
        .collect();
    let served: BTreeSet<_> = domicile::call::templates()
        .map(|(method, template, need)| {
            let method = method.map_or("any".to_owned(), |method| method.to_string());
            (method, template.to_owned(), word(need).to_owned())
        })
        .collect();
    assert_eq!(documented, served);
}

fn word(need: Need) -> &'static str {
    match need {
        Need::Grant => "grant",
        Need::Any => "any",
        Need::SelfUser => "self",
        Need::App => "app",
    }
}

//! What the documents and examples show is what the program has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use domicile::call::Need;
use domicile::config;
use domicile::domain::{Code, RegionId, ZoneId};
use domicile::observe::Metrics;
use serde_json::Value;

use crate::harness::Demo;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// The first block of YAML in a document.
fn yaml(document: &str) -> &str {
    let (_, block) = document.split_once("```yaml\n").unwrap();
    block.split_once("```").unwrap().0
}

/// `configuration.md`'s example, beside the four examples of `regions/`.
#[test]
fn the_examples_are_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let regions = folder.path().join("regions");
    fs::create_dir(&regions).unwrap();
    for file in fs::read_dir(root().join("regions")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), regions.join(file.file_name())).unwrap();
    }
    let gateway = folder.path().join("gateway.yaml");
    fs::write(&gateway, yaml(&document("configuration.md"))).unwrap();
    let (config, warnings) = config::load(&gateway).unwrap();
    let ids: Vec<_> = config
        .catalogue
        .regions
        .iter()
        .map(|r| r.id.as_str())
        .collect();
    assert_eq!(ids, ["beijing", "frankfurt", "singapore", "virginia"]);
    let embedded = warnings.iter().filter(|w| w.path == "registry.embedded");
    assert_eq!((warnings.len(), embedded.count()), (1, 1), "{warnings:?}");
}

/// The same example with every default left out gives the same limits.
#[test]
fn the_documented_limits_are_the_defaults() {
    let example = document("configuration.md");
    let text = yaml(&example);
    let (_, limits) = text.split_once("\nlimits:").unwrap();
    let limits: String = limits.split("\naudit:").next().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let catalogue = root().join("regions").display().to_string();
    let with = text.replace("path: regions/", &format!("path: {catalogue}"));
    let without = with.replace(&format!("\nlimits:{limits}"), "");
    assert_ne!(with, without);
    let read = |path: &Path| format!("{:?}", config::load(path).unwrap().0.limits);
    assert_eq!(
        read(&write("with.yaml", &with)),
        read(&write("without.yaml", &without))
    );
}

/// What one sees, why, and what to do.
#[test]
fn every_refusal_is_explained() {
    let errors = document("errors.md");
    let (traffic, admin) = errors.split_once("## The admin API").unwrap();
    for code in Code::ALL {
        assert!(explains(traffic, code.as_str()), "{}", code.as_str());
    }
    let refusals = fs::read_to_string(root().join("src/admin/refusal.rs")).unwrap();
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
    let page = document("api.md");
    let documented = documented_calls(&page);
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
    let ops = page.split("## Ops").nth(1).unwrap();
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
fn documented_calls(page: &str) -> BTreeMap<String, &str> {
    let mut calls = BTreeMap::new();
    for section in page.split("\n#### `").skip(1) {
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
    let page = document("api.md");
    let (_, traffic) = page.split_once("## REST traffic").unwrap();
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

#[test]
fn every_metric_is_explained() {
    let region = RegionId::parse("frankfurt").unwrap();
    let zone = ZoneId::parse("fra1").unwrap();
    let metrics = Metrics::new(&region, &[zone], std::slice::from_ref(&region)).render();
    let names = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let explained = document("metrics.md");
    for name in names.filter_map(|line| line.split(' ').next()) {
        assert!(explained.contains(name), "{name} is not in docs/metrics.md");
    }
}

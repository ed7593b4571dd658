//! Alerts, recordings and the dashboard of the chart, by Prometheus' own tools and a real Prometheus
//! that scrapes the demo.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use domicile::observe::METRICS;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::harness::Demo;
use crate::harness::demo::text;
use crate::harness::plan::REGIONS;
use crate::harness::prometheus::{Prometheus, chart};
use crate::probe::probing;
use crate::promql::{Selector, labels, selectors};

/// Each case of `tests/prometheus` names all alerts that fire.
#[test]
fn rules_pass_promtool_and_every_rule_is_in_its_tests() {
    for (rules, tests) in [
        ("alerts.yaml", "tests/prometheus/alerts.test.yaml"),
        ("recording.yaml", "tests/prometheus/recording.test.yaml"),
    ] {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join(tests);
        promtool(&["check", "rules", chart(rules).to_str().unwrap()], "");
        promtool(&["test", "rules", tests.to_str().unwrap()], "");
        let tests = std::fs::read_to_string(tests).unwrap();
        for rule in read(rules) {
            let expected = [
                format!("alertname=\"{}\"", rule.name),
                format!("expr: {}", rule.name),
            ];
            let tested = expected.iter().any(|text| tests.contains(text));
            assert!(tested, "{} is in no test", rule.name);
        }
    }
}

#[test]
fn every_alert_says_what_whoever_is_paged_must_know() {
    for rule in read("alerts.yaml") {
        let (name, annotations) = (&rule.name, &rule.annotations);
        for annotation in ["summary", "description"] {
            assert!(annotations[annotation].as_str().is_some(), "{name}");
        }
        let runbook = text(annotations, "runbook_url");
        assert!(runbook.starts_with("docs/runbooks.md#"), "{name}");
        assert!(["critical", "warning"].contains(&&*rule.severity), "{name}");
        let table = std::fs::read_to_string(root("docs/observability.md")).unwrap();
        let row = format!("| `{name}` | {} |", rule.severity);
        assert!(
            table.contains(&row),
            "{row} is not in docs/observability.md"
        );
    }
}

/// Real events in four regions reach a real Prometheus: its parser takes every expression, its rules
/// fire for what happened and for nothing else, and every panel has data.
#[tokio::test]
async fn a_real_prometheus_answers_every_panel_and_rule() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let mut prometheus = Prometheus::of(&demo).await;
    happens(&demo).await;
    let fires = "group by (alertname) (ALERTS{alertstate=\"firing\"})";
    prometheus
        .eventually("the alert of a migration", async |own| {
            let firing = own.asked(fires).await.unwrap();
            firing
                .iter()
                .any(|a| a["metric"]["alertname"] == "DomicileMigrationAttempt")
        })
        .await;
    let firing = prometheus.asked(fires).await.unwrap();
    assert_eq!(firing.len(), 1, "{firing:?}");
    let refused =
        r#"domicile_requests_total{region="frankfurt", plane="admin", code_class="4xx"} == 1"#;
    // The attempt is counted while it is refused, the call when it has been answered: a scrape may come between.
    prometheus
        .eventually("calls of the admin API are counted", async |own| {
            own.asked(refused).await.unwrap().len() == 1
        })
        .await;

    for moved in MOVED {
        let everywhere = format!("count(count by (region) ({moved} > 0)) == 4");
        prometheus
            .eventually(moved, async |own| {
                !own.asked(&everywhere).await.unwrap().is_empty()
            })
            .await;
    }
    let marks = &dashboard()["annotations"]["list"][0]["expr"];
    let marks = marks.as_str().unwrap().replace("$region", ".+");
    assert_eq!(prometheus.asked(&marks).await.unwrap().len(), 1, "{marks}");

    for panel in panels() {
        // The first sweep of a zone is a minute after the start, and the demo has no canary: what one
        // shows is in the next test.
        let early = ["domicile_retention_last_sweep", "domicile_probe_"];
        let early = early.iter().any(|name| panel.expression.contains(name));
        let found = prometheus.asked(&panel.filled()).await;
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", panel.expression));
        assert!(
            early || !found.is_empty() || panel.is_filtered(),
            "{} has no data",
            panel.expression
        );
        for series in &found {
            panel.names(series);
        }
    }
    for rule in read("recording.yaml") {
        let everywhere = format!("count(count by (region) ({})) == 4", rule.name);
        prometheus
            .eventually(&rule.name, async |own| {
                !own.asked(&everywhere).await.unwrap().is_empty()
            })
            .await;
    }
    let groups = prometheus.get("rules", &[]).await.unwrap();
    let groups = groups["groups"].as_array().unwrap().iter();
    let rules: Vec<_> = groups
        .flat_map(|g| g["rules"].as_array().unwrap())
        .collect();
    assert_eq!(
        rules.len(),
        read("alerts.yaml").len() + read("recording.yaml").len()
    );
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    demo.stop();
}

/// What panels and rules ask for is what a gateway shows, down to the values of labels, and every
/// metric of the program has a panel.
#[tokio::test]
async fn panels_and_rules_ask_for_what_there_is() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let mut shown = Shown::default();
    for (region, _) in REGIONS {
        let metrics = demo.metrics(region).await;
        assert_eq!(promtool(&["check", "metrics"], &metrics), "", "{region}");
        shown.read(&metrics);
    }
    demo.stop();
    shown.read(&probing(data.path(), &demo).await);
    let panels: Vec<String> = panels().iter().map(Panel::filled).collect();
    let rules = ["alerts.yaml", "recording.yaml"].into_iter().flat_map(read);
    let rules: Vec<String> = rules.map(|rule| rule.expression).collect();
    for expression in panels.iter().chain(&rules) {
        let asked = selectors(expression);
        assert!(!asked.is_empty(), "{expression}");
        for selector in &asked {
            shown.has(selector, expression);
        }
        for label in labels(expression) {
            let known = asked
                .iter()
                .any(|s| shown.labels(&s.metric).contains(&label));
            assert!(known, "no metric has the label {label}: {expression}");
        }
    }
    let paneled: BTreeSet<_> = panels.iter().flat_map(|e| selectors(e)).collect();
    for metric in METRICS.iter().filter(|m| m.name.starts_with("domicile_")) {
        let has_panel = paneled.iter().any(|s| base(&s.metric) == metric.name);
        assert!(has_panel, "{} has no panel", metric.name);
    }
}

/// One call of each kind that a panel or a rule looks at.
async fn happens(demo: &Demo) {
    for (region, zones) in REGIONS {
        let app = demo.app(zones[0]);
        for other in REGIONS.map(|(other, _)| other) {
            let path = ["org", "app"].map(|member| text(app, member)).join("/");
            let url = format!(
                "{}/{path}/users/{}",
                demo.url(other, "https"),
                text(app, "user")
            );
            let call = demo.http.get(url).bearer_auth(text(app, "user_token"));
            let status = call.send().await.unwrap().status();
            assert_eq!(
                status == StatusCode::OK,
                other == region,
                "{region} at {other}"
            );
        }
    }
    let home = demo.app("fra1");
    let url = format!(
        "{}/v1/apps/{}/move",
        demo.url("frankfurt", "admin"),
        text(home, "app_id")
    );
    let key = demo.url("frankfurt", "admin_key");
    let moved = demo.http.request(Method::POST, url).bearer_auth(key).send();
    assert_eq!(moved.await.unwrap().status(), StatusCode::CONFLICT);
}

/// What these calls move in each region.
const MOVED: [&str; 17] = [
    "domicile_requests_total{code_class=\"2xx\"}",
    "domicile_request_duration_seconds_count",
    "domicile_decision_seconds_count",
    "domicile_refusals_total{code=\"app_lives_elsewhere\"}",
    "domicile_cross_region_attempts_total",
    "domicile_egress_dials_total{verdict=\"allowed\"}",
    "domicile_upstream_duration_seconds_count",
    "domicile_upstream_healthy",
    "domicile_registry_lookups_total{result=\"elsewhere\"}",
    "domicile_registry_cache_entries{kind=\"home\"}",
    "domicile_registry_up",
    "domicile_tokens_verified_total{result=\"valid\"}",
    "domicile_audit_entries_total",
    "domicile_audit_last_checkpoint_timestamp_seconds",
    "domicile_certificate_expiry_timestamp_seconds",
    "domicile_upstream_certificate_expiry_timestamp_seconds",
    "process_open_fds",
];

/// A query of the dashboard.
struct Panel {
    expression: String,
    legend: String,
}

impl Panel {
    /// With its variables put in as Grafana does, for all regions.
    fn filled(&self) -> String {
        let filled = self.expression.replace("$region", ".+");
        filled.replace("$__rate_interval", "1m")
    }

    /// Shows only what happened, so it may be empty.
    fn is_filtered(&self) -> bool {
        self.expression.contains(") > 0")
    }

    /// The legend's labels are the series'.
    fn names(&self, series: &Value) {
        for piece in self.legend.split("{{").skip(1) {
            let label = piece.split("}}").next().unwrap();
            let has = series["metric"][label].is_string();
            assert!(has, "{} has no {label}: {series}", self.expression);
        }
    }
}

fn dashboard() -> Value {
    let board = std::fs::read_to_string(chart("dashboard.json")).unwrap();
    serde_json::from_str(&board).unwrap()
}

fn panels() -> Vec<Panel> {
    let board = dashboard();
    let variables = board["templating"]["list"].as_array().unwrap();
    let query = "label_values(domicile_build_info, region)";
    let region = variables.iter().find(|v| v["name"] == "region").unwrap();
    assert_eq!(region["query"]["query"], query);
    let panels = board["panels"].as_array().unwrap().iter();
    let panels = panels.filter(|panel| panel["type"] != "row");
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let panels: Vec<_> = targets
        .map(|target| {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            let expression = text(target, "expr").to_owned();
            assert!(expression.contains("region=~\"$region\""), "{expression}");
            Panel {
                expression,
                legend: text(target, "legendFormat").to_owned(),
            }
        })
        .collect();
    assert!(panels.len() > 30);
    panels
}

struct Rule {
    name: String,
    expression: String,
    severity: String,
    annotations: Value,
}

fn read(file: &str) -> Vec<Rule> {
    let rules: Value =
        serde_yaml::from_str(&std::fs::read_to_string(chart(file)).unwrap()).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let rules = rules.map(|rule| Rule {
        name: rule["alert"]
            .as_str()
            .or(rule["record"].as_str())
            .unwrap()
            .to_owned(),
        expression: text(rule, "expr").to_owned(),
        severity: rule["labels"]["severity"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        annotations: rule["annotations"].clone(),
    });
    rules.collect()
}

/// What gateways show: each metric's labels, each label's values.
#[derive(Default)]
struct Shown(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Shown {
    fn read(&mut self, exposition: &str) {
        for line in exposition.lines().filter(|line| !line.starts_with('#')) {
            let (series, _) = line.rsplit_once(' ').unwrap();
            for selector in selectors(series) {
                let metric = self.0.entry(selector.metric).or_default();
                for (label, value) in selector.matchers {
                    metric.entry(label).or_default().insert(value);
                }
            }
        }
    }

    fn labels(&self, metric: &str) -> BTreeSet<String> {
        let own = self.0.get(metric).into_iter().flat_map(BTreeMap::keys);
        own.cloned().chain(ADDED.map(str::to_owned)).collect()
    }

    fn has(&self, selector: &Selector, expression: &str) {
        if selector.metric == "up" {
            return;
        }
        let metric = self.0.get(&selector.metric);
        let metric = metric.unwrap_or_else(|| panic!("no {}: {expression}", selector.metric));
        let own = selector.matchers.iter();
        for (label, values) in own.filter(|(label, _)| !ADDED.contains(&label.as_str())) {
            let known = metric.get(label);
            let known = known.unwrap_or_else(|| panic!("no label {label}: {expression}"));
            for value in values.split('|') {
                assert!(known.contains(value), "no {label}={value}: {expression}");
            }
        }
    }
}

/// Labels that the scrape adds.
const ADDED: [&str; 4] = ["region", "job", "instance", "exported_region"];

/// The name of a histogram's series without its end.
fn base(metric: &str) -> &str {
    metric.strip_suffix("_bucket").unwrap_or(metric)
}

/// What it printed; it must succeed.
fn promtool(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("scripts/test installs Debian's package prometheus");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(output.status.success(), "promtool {arguments:?}: {told}");
    told
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

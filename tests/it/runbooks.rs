//! Whoever is woken by an alert finds what to do, and what is written there can be looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ALERTS: &str = "helm/domicile/files/alerts.yaml";

#[test]
fn every_alert_leads_to_a_section_of_the_runbooks() {
    let alerts = read(ALERTS);
    let anchors: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook_url:"))
        .map(|url| url.trim().split_once('#'))
        .collect();
    let told = alerts.lines().filter(|l| l.trim().starts_with("- alert:"));
    assert!(anchors.len() > 20 && anchors.len() == told.count());
    let runbooks = read("docs/runbooks.md");
    let sections: BTreeSet<_> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    for anchor in anchors {
        // Headings that are their own anchors: lower case and hyphens.
        let (document, anchor) = anchor.unwrap();
        assert_eq!(document, "docs/runbooks.md");
        assert!(sections.contains(anchor), "{anchor} has no section");
    }
}

#[test]
fn metrics_of_the_operators_documents_exist() {
    let there = read("docs/metrics.md");
    let there: BTreeSet<_> = metrics(&there).collect();
    let mut named = 0;
    for document in [
        "runbooks.md",
        "operations.md",
        "audit-guide.md",
        "threat-model.md",
    ] {
        let text = read(&format!("docs/{document}"));
        for metric in metrics(&text) {
            assert!(is_there(metric, &there), "docs/{document}: {metric}");
            named += 1;
        }
    }
    assert!(named > 50, "only {named} were found");
}

#[test]
fn a_metric_that_is_not_there_is_found() {
    let there = BTreeSet::from(["domicile_registry_up"]);
    let found: Vec<_> =
        metrics("`domicile_registry_up`, '^domicile_registry_', domicile_up{}").collect();
    let is_there = found.iter().map(|metric| is_there(metric, &there));
    assert!(is_there.eq([true, true, false]), "{found:?}");
}

/// A name, or the beginning of several in a search.
fn is_there(metric: &str, there: &BTreeSet<&str>) -> bool {
    there.contains(metric)
        || metric.ends_with('_') && there.iter().any(|known| known.starts_with(metric))
}

/// All names that begin with `domicile_`.
fn metrics(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    words.filter(|word| word.starts_with("domicile_"))
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

//! What the documents and examples show is what the program has.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use domicile::config;
use domicile::domain::Code;
use domicile::observe::{Kind, Label, METRICS, Values};

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

#[test]
fn every_refusal_is_explained() {
    let errors = document("errors.md");
    for code in Code::ALL {
        let named = format!("`{}`", code.as_str());
        assert!(errors.contains(&named), "{named} is not in docs/errors.md");
    }
}

/// The tables of `metrics.md` are made from the program's own: `UPDATE_DOCS=1` in the environment
/// writes them.
#[test]
fn the_document_of_metrics_is_the_programs_table() {
    let path = root().join("docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let made = format!("{before}{BEGIN}\n\n{}\n{END}{after}", tables());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let differs = made.lines().zip(text.lines()).find(|(a, b)| a != b);
    let told = "docs/metrics.md is not what the program says: run this test with UPDATE_DOCS=1";
    assert!(made == text, "{told}: {differs:?}");
}

const BEGIN: &str = "<!-- made by tests/it/documents.rs -->";
const END: &str = "<!-- end -->";

fn tables() -> String {
    let mut out = String::from("| metric | kind | unit | labels | what |\n|---|---|---|---|---|\n");
    for of in METRICS {
        let kind = match of.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<String> = of.labels.iter().map(label).collect();
        let (name, unit, labels) = (of.name, unit(of.name), labels.join("; "));
        let what = [of.help, of.detail].join(" ");
        let what = what.trim_end();
        writeln!(out, "| `{name}` | {kind} | {unit} | {labels} | {what} |").unwrap();
    }
    out.push_str("\n| histogram | upper bounds of its buckets, in seconds |\n|---|---|\n");
    for of in METRICS {
        if let Kind::Histogram(bounds) = of.kind {
            let bounds: Vec<String> = bounds.iter().map(ToString::to_string).collect();
            writeln!(out, "| `{}` | {} |", of.name, bounds.join(", ")).unwrap();
        }
    }
    out
}

/// The unit that a name ends with.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let ends = |with: &str| name.ends_with(with);
    if ends("_timestamp_seconds") || ends("_start_time_seconds") {
        "unix seconds"
    } else if ends("_seconds") {
        "seconds"
    } else if ends("_bytes") {
        "bytes"
    } else {
        "1"
    }
}

fn label(label: &Label) -> String {
    let from = match label.values {
        Values::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Values::Channels => "`one_to_one`, `group`, `room`, `general`".to_owned(),
        Values::Codes => "a code".to_owned(),
        Values::Here => "the gateway's".to_owned(),
        Values::Regions => "the catalogue's".to_owned(),
        Values::Zones => "the gateway's".to_owned(),
        Values::ZonesOrNone => "the gateway's, `none`".to_owned(),
        Values::Other(what) => what.to_owned(),
    };
    format!("`{}`: {from}", label.name)
}

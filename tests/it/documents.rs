//! What the documents and examples show is what the program has.

use std::fs;
use std::path::{Path, PathBuf};

use domicile::config;
use domicile::domain::{Code, RegionId, ZoneId};
use domicile::observe::Metrics;

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

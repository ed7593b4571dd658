use std::fs;

use super::complete::{NOW, checked, complete, expect};
use crate::config::keys::render;
use crate::config::load_checked;

#[test]
fn a_complete_configuration_has_no_faults_and_makes_nothing() {
    let fixture = complete();
    let report = checked(&fixture);
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.warnings.len(), 1, "{report}");
    assert!(!fixture.path("data").exists());
    let (config, _) = load_checked(&fixture.gateway(), NOW).unwrap();
    assert_eq!(config.region.as_str(), "frankfurt");
}

#[test]
fn faults_of_the_files_come_with_those_of_the_configuration() {
    let fixture = complete().and("limits: {head: 1}\n");
    fs::remove_file(fixture.path("tls/fra.key")).unwrap();
    fs::remove_file(fixture.path("keys/frankfurt.seal")).unwrap();
    let paths: Vec<String> = checked(&fixture)
        .faults
        .into_iter()
        .map(|fault| fault.path)
        .collect();
    assert_eq!(
        paths,
        ["tls.certificates[0].key", "keys.seal.file", "limits.head"]
    );
    assert!(load_checked(&fixture.gateway(), NOW).is_err());
}

#[test]
fn the_pin_key_is_in_the_catalogue() {
    let pin = "keys.pin.file:27:";
    let write = |line: &str| {
        let fixture = complete();
        fixture.write_private("keys/frankfurt.pin", line);
        fixture
    };
    let other_id = write(&render("fra-2027", &[7; 32]));
    expect(
        &other_id,
        &format!("{pin} the key fra-2027 is not in the catalogue"),
    );
    let other_key = write(&render("fra-2026", &[8; 32]));
    let problem = "the key fra-2026 is another one than that of the catalogue";
    expect(&other_key, &format!("{pin} {problem}"));
    let older = write(&format!(
        "{}{}",
        *render("fra-2026", &[7; 32]),
        *render("old", &[8; 32])
    ));
    assert!(checked(&older).is_ok());
    let over = complete().with_region(
        "regions/frankfurt.yaml",
        "{id: fra-2026",
        "{id: fra-2026, not_after: \"2027-01-01T00:00:00Z\"",
    );
    let problem = "the key fra-2026 is past its not_after: new pins would not verify";
    expect(&over, &format!("{pin} {problem}"));
}

#[test]
fn key_files_are_private() {
    let fixture = complete();
    fixture.write_private("keys/frankfurt.seal", "seal-1\n");
    expect(
        &fixture,
        "keys.seal.file:26: keys/frankfurt.seal:1: is not ID base64",
    );
    if cfg!(unix) {
        fixture.set_mode("keys/frankfurt.seal", 0o644);
        let problem = "keys/frankfurt.seal: has mode 0644, so others may read it";
        expect(&fixture, &format!("keys.seal.file:26: {problem}"));
    }
}

#[test]
fn the_data_folder_can_be_made() {
    let fixture = complete().with("data_dir: data", "data_dir: tls/fra.crt");
    let faults = checked(&fixture).faults;
    assert_eq!((faults.len(), faults[0].path.as_str()), (1, "data_dir"));
    let below = complete().with("data_dir: data", "data_dir: tls/fra.crt/data");
    assert_eq!(checked(&below).faults[0].path, "data_dir");
    let deep = complete().with("data_dir: data", "data_dir: a/b/c");
    assert!(checked(&deep).is_ok());
    assert!(!deep.path("a").exists());
}

//! All faults of all files in one run; and no text makes the reader panic.

use std::path::Path;

use proptest::prelude::*;

use super::fixture::{FRANKFURT, Fixture, GATEWAY, short};
use crate::config::read::Document;
use crate::config::{Fault, gateway};

#[test]
fn ten_faults_are_told_in_one_run() {
    let faults = Fixture::new()
        .with("data_dir: data", "data_dirr: data")
        .with("0.0.0.0:8443", "0.0.0.0")
        .with("key: tls/fra.key", "kee: tls/fra.key")
        .with("10.71.0.0/16\"]", "10.71.0.0/16\", \"0.0.0.0/0\"]")
        .with("10.71.0.10:8443", "10.99.0.10:8443")
        .with("{path: registry.redb}", "{path: 5}")
        .and("tokens: {max_age: 48h}\n")
        .and("limits:\n  head: 1KiB\n  connect: 3\n")
        .with_region("regions/beijing.yaml", "bj1", "fra1")
        .faults();
    assert_eq!(
        short(&faults),
        [
            "data_dir:: is missing",
            "data_dirr:3: unknown field \"data_dirr\"",
            "listen.https:5: is not an address and a port",
            "tls.certificates[0].key:11: is missing",
            "tls.certificates[0].kee:11: unknown field \"kee\"",
            "zones.fra1.egress[1]:15: 0.0.0.0/0 is too wide",
            "zones.fra1.upstreams.rest[0]:17: 10.99.0.10 is outside the egress ranges",
            "registry.embedded.path:24: is a number",
            "tokens.max_age:28: 48h is out of range",
            "limits.head:30: 1KiB is out of range",
            "limits.connect:31: has no unit",
            "zones[0]:4: fra1 is a zone of beijing too",
        ]
    );
    let files: Vec<&str> = faults
        .iter()
        .map(|f| f.file.rsplit('/').next().unwrap())
        .collect();
    assert!(files[..11].iter().all(|file| *file == "gateway.yaml"));
    assert_eq!(files[11], "frankfurt.yaml");
    assert!(faults.iter().all(|fault| !fault.expected.is_empty()));
}

#[test]
fn an_alias_has_the_line_of_its_field() {
    let fixture = Fixture::new()
        .with("  fra1:\n", "  fra1: &zone\n")
        .and("tokens: {max_age: &age 48h, clock_skew: *age}\n");
    let lines: Vec<_> = fixture.faults().iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [Some(28), Some(28)]);
}

/// Each field of the fixture, made unknown by a letter more, is told with its own line.
#[test]
fn every_field_has_its_line() {
    for (i, line) in GATEWAY.lines().enumerate() {
        let Some((name, _)) = line.split_once(':') else {
            continue;
        };
        let mut text: Vec<String> = GATEWAY.lines().map(str::to_owned).collect();
        text[i] = line.replacen(name, &format!("{name}Zzz"), 1);
        let fault = faults_of(&text.join("\n"))
            .into_iter()
            .find(|f| f.path.contains("Zzz"));
        let expected = fault.map(|fault| fault.line);
        assert_eq!(expected, Some(Some(i + 1)), "{line}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert!(faults_of(&["\u{feff}", GATEWAY].concat()).is_empty());
}

fn faults_of(text: &str) -> Vec<Fault> {
    let path = Path::new("gateway.yaml");
    let document = Document::parse(path, text.as_bytes().to_vec()).unwrap();
    gateway::read(&document);
    document.finish().0
}

fn read(text: &str) {
    if let Ok(document) = Document::parse(Path::new("gateway.yaml"), text.as_bytes().to_vec()) {
        let _ = gateway::read(&document);
        let _ = document.finish();
    }
}

/// Reads a text as one file of a catalogue, and meets the rules between the files.
fn read_region(text: &str) {
    let fixture = Fixture::new();
    fixture.write("regions/frankfurt.yaml", text);
    let _ = fixture.faults();
}

const ODD: &str = "[ \\n\\-:,\\[\\]{}&*!|>'\"#%@?a-c0-9é]{0,80}";
const BIT: &str = "[ \\n\\-:,\\[\\]{}&*!|>'\"#a0]{0,4}";

fn changed(text: &str, at: usize, length: usize, put: &str) -> String {
    let at = at.min(text.len());
    let end = (at + length).min(text.len());
    format!("{}{put}{}", &text[..at], &text[end..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_panics(text in ODD) {
        read(&text);
    }

    #[test]
    fn no_change_of_a_right_text_panics(at in 0usize..1200, length in 0usize..40, put in BIT) {
        read(&changed(GATEWAY, at, length, &put));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_region_panics(text in ODD, at in 0usize..600, length in 0usize..40, put in BIT) {
        read_region(&text);
        read_region(&changed(FRANKFURT, at, length, &put));
    }
}

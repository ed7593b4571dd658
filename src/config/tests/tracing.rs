//! `tracing`, in builds with an exporter and without.

use std::path::Path;

use super::fixture::short;
use crate::config::read::Document;
use crate::config::tracing::{Exporter, TracingSection, read};
use crate::config::{Scheme, TraceParents};

const GOOD: &str = "endpoint: \"https://otel.example.com:4318\", egress: [\"10.71.0.60\"]";

fn section(text: &str, exporter: Exporter) -> (Option<TracingSection>, Vec<String>) {
    let path = Path::new("gateway.yaml");
    let document = Document::parse(path, text.as_bytes().to_vec()).unwrap();
    let read = document.root().section(|s| {
        let item = s.take("tracing").unwrap();
        read(&item, false, exporter)
    });
    let faults = document.finish().0;
    (read.flatten(), short(&faults))
}

fn faulty(text: &str, expected: &str) {
    let (_, faults) = section(text, Exporter::Built);
    assert!(faults[0].starts_with(expected), "{text}: {faults:?}");
}

#[test]
fn a_collector_has_ranges_of_its_own() {
    let (read, faults) = section(&format!("tracing: {{otlp: {{{GOOD}}}}}"), Exporter::Built);
    assert!(faults.is_empty(), "{faults:?}");
    let tracing = read.unwrap().tracing;
    assert!((tracing.sample_ratio - 0.01).abs() < f64::EPSILON);
    assert_eq!(tracing.parents, TraceParents::Trusted);
    let collector = tracing.collector;
    assert_eq!(collector.egress[0].to_string(), "10.71.0.60/32");
    let endpoint = collector.endpoint;
    assert_eq!((endpoint.scheme, endpoint.port), (Scheme::Tls, 4318));
}

#[test]
fn a_build_without_an_exporter_refuses_the_section() {
    let text = format!("tracing: {{otlp: {{{GOOD}}}}}");
    let (_, faults) = section(&text, Exporter::LeftOut);
    assert_eq!(faults, ["tracing:1: is not in this build"]);
    assert_eq!(Exporter::HERE == Exporter::Built, cfg!(feature = "otel"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let otlp = |otlp: &str| format!("tracing: {{otlp: {{{otlp}}}}}");
    let with = |more: &str| format!("tracing: {{{more}, otlp: {{{GOOD}}}}}");
    faulty("tracing: {}", "tracing.otlp:1: is missing");
    faulty(
        &otlp("egress: [\"10.71.0.60\"]"),
        "tracing.otlp.endpoint:1: is missing",
    );
    faulty(
        &otlp("endpoint: \"https://otel.example.com\""),
        "tracing.otlp.egress:1: is missing",
    );
    for (egress, problem) in [("[]", "is empty"), ("[\"0.0.0.0/0\"]", "is too wide")] {
        let text = otlp(&format!(
            "endpoint: \"https://10.71.0.60\", egress: {egress}"
        ));
        let (_, faults) = section(&text, Exporter::Built);
        assert!(faults.iter().any(|f| f.contains(problem)), "{faults:?}");
    }
    faulty(
        &otlp("endpoint: \"https://10.72.0.60\", egress: [\"10.71.0.60\"]"),
        "tracing.otlp.endpoint:1: 10.72.0.60 is outside the egress ranges",
    );
    faulty(
        &otlp("endpoint: \"http://10.71.0.60\", egress: [\"10.71.0.60\"]"),
        "tracing.otlp.endpoint:1: is plain text",
    );
    for ratio in ["1.5", "-0.1", "2", ".nan"] {
        faulty(
            &with(&format!("sample_ratio: {ratio}")),
            "tracing.sample_ratio:1: is out of range",
        );
    }
    faulty(
        &with("sample_ratio: all"),
        "tracing.sample_ratio:1: is a text",
    );
    faulty(&with("parents: everybody"), "tracing.parents:1: is");
}

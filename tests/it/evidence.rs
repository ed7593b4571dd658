//! The tests and files that documents name as evidence are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Documents that promise something by the name of a test or a file.
const DOCUMENTS: [&str; 2] = ["audit-guide.md", "threat-model.md"];

#[test]
fn what_documents_name_as_evidence_is_there() {
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
        for span in code_spans(&text).filter(|span| is_path(span)) {
            let fault = missing(span);
            assert!(fault.is_none(), "docs/{document}: `{span}`: {fault:?}");
            named += 1;
        }
    }
    assert!(named > 100, "only {named} were found");
}

#[test]
fn what_is_not_there_is_found() {
    for wrong in [
        "src/zone/egres.rs",
        "tests/it/evidence.rs::nothing_of_that_name",
        "tests/it/evidences.rs::what_is_not_there_is_found",
    ] {
        assert!(is_path(wrong) && missing(wrong).is_some(), "{wrong}");
    }
    assert_eq!(
        missing("tests/it/evidence.rs::what_is_not_there_is_found"),
        None
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What stands between single backticks on one line.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// `src/…`, `tests/…` and their like, with or without `::function`.
fn is_path(span: &str) -> bool {
    const ROOTS: [&str; 8] = [
        "src/",
        "tests/",
        "crates/",
        "docs/",
        "fuzz/",
        "scripts/",
        "packaging/",
        "benches/",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.:".contains(c);
    ROOTS.iter().any(|root| span.starts_with(root)) && span.chars().all(plain)
}

pub fn missing(span: &str) -> Option<&'static str> {
    let (path, function) = span.split_once("::").unwrap_or((span, ""));
    let path = root().join(path);
    if function.is_empty() {
        return (!path.exists()).then_some("no such file");
    }
    let Ok(source) = fs::read_to_string(path) else {
        return Some("no such file");
    };
    // By itself, or in the table of a macro.
    let (alone, listed) = (format!("fn {function}("), format!("{function}, "));
    let mut lines = source.lines().map(str::trim_start);
    let found = lines.any(|line| line.contains(&alone) || line.starts_with(&listed));
    (!found).then_some("no such function")
}

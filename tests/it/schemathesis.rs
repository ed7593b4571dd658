//! Schemathesis against the served OpenAPI document, with all its checks on: no 5xx, no status that
//! is not documented, no answer that breaks its schema, no bad request that is let in
//! (`tests/schemathesis.toml`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::demo::Demo;

#[test]
fn the_admin_api_does_what_its_document_says() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let home = &demo.document["regions"]["virginia"];
    let said = |member: &str| home[member].as_str().unwrap().to_owned();
    let output = Command::new(schemathesis())
        .args(["--no-color", "--config-file"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", said("admin"))])
        .env("DOMICILE_ADMIN_KEY", said("admin_key"))
        .env("DOMICILE_CA", demo.document["ca"].as_str().unwrap())
        .env_remove("HTTPS_PROXY")
        .current_dir(data.path())
        .output();
    let output = output.expect("scripts/test installs Schemathesis (scripts/requirements.txt)");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let tested = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Tested: "));
    let tested: usize = tested.unwrap().trim().parse().unwrap();
    assert!(tested > 30, "{text}");
}

/// The one that `scripts/test` installs, or one on the `PATH`.
fn schemathesis() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/schemathesis");
    if own.exists() {
        return own;
    }
    "schemathesis".into()
}

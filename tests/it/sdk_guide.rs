//! The SDK guide against the catalogue, the packages that the tests run, and the vendor's token
//! packages themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::pages::{blocks, page};
use crate::harness::process::system_now;

const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Its table has every region of the example catalogue, and each region's own first endpoints.
#[test]
fn the_settings_are_those_of_the_catalogue() {
    let guide = page("docs/sdk-guide.md");
    let (_, table) = guide.split_once("| region | `apiUrl`").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut regions = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let file = page(&format!("regions/{}.yaml", cells[0]));
        for (kind, cell) in ["rest", "websocket", "msync"].iter().zip(&cells[1..]) {
            let first = format!("  {kind}: [\"{}\"", cell.trim_matches('`'));
            assert!(file.contains(&first), "{}: {first}", cells[0]);
        }
        regions += 1;
    }
    assert_eq!(
        regions,
        fs::read_dir(root().join("regions")).unwrap().count()
    );
}

#[test]
fn the_packages_are_those_that_are_tested() {
    let guide = page("docs/sdk-guide.md");
    for file in ["tests/sdk", "tests/tokens-interop"] {
        let text = page(&format!("{file}/package.json"));
        let package: Value = serde_json::from_str(&text).unwrap();
        for (name, version) in package["dependencies"].as_object().unwrap() {
            let named = format!("`{name}` {}", version.as_str().unwrap());
            assert!(name == "jsdom" || guide.contains(&named), "{named}");
        }
    }
    let python = page("tests/tokens-interop/requirements.txt");
    let named = python.lines().find(|line| line.starts_with("agoraiotools"));
    let (name, version) = named.unwrap().split_once("==").unwrap();
    assert!(guide.contains(&format!("`{name}` {version}")));
}

/// The backend's examples, run as they stand there, make tokens that verify here.
#[test]
fn the_backends_examples_make_tokens() {
    let folder = root().join("tests/tokens-interop");
    let guide = blocks(&page("docs/sdk-guide.md"));
    for (language, program, flag) in [
        ("js", PathBuf::from("node"), "-e"),
        ("python", folder.join(".venv/bin/python"), "-c"),
    ] {
        let example = guide
            .iter()
            .find(|b| b.language == language && b.text.contains("CERTIFICATE"));
        let printed = Command::new(&program)
            .args([flag, &example.unwrap().text])
            .current_dir(&folder)
            .env("APP_ID", APP_ID)
            .env("CERTIFICATE", CERTIFICATE)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; {SETUP}", program.display()));
        let errors = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success(), "{errors}; {SETUP}");
        let tokens = String::from_utf8(printed.stdout).unwrap();
        let tokens: Vec<_> = tokens.lines().map(inspected).collect();
        let expected = [("user", "u7k2m9"), ("app", "")];
        assert_eq!(tokens.len(), expected.len(), "{tokens:?}");
        for (token, (kind, user)) in tokens.iter().zip(expected) {
            assert_eq!(token["valid"], true, "{language}: {token}");
            assert_eq!(token["kind"], kind);
            assert_eq!(token["user_id"], user);
            let life = token["not_after"].as_u64().unwrap() - token["issued_at"].as_u64().unwrap();
            assert_eq!(life, 3600);
        }
    }
}

const SETUP: &str = "run tests/tokens-interop/setup.sh (scripts/test does it)";

/// What `domicile tokens inspect` says.
fn inspected(token: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate");
    fs::write(&file, CERTIFICATE).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_domicile"))
        .args(["tokens", "inspect", "--output", "json", "--app-id", APP_ID])
        .args(["--now", &system_now().to_string(), "--certificate-file"])
        .args([file.as_os_str(), token.as_ref()])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

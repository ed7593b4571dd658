//! Permission is a value: forging one must not compile.
//!
//! Every file in `tests/ui` is compiled alone against the library. Its first line says how that
//! must end: `//~ ok`, or the code of the one kind of error it must have. Messages are not
//! compared: they change from compiler to compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn forging_a_permission_does_not_compile() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let target = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let wanted = source
            .lines()
            .next()
            .and_then(|l| l.strip_prefix("//~ "))
            .unwrap();
        let got = compile(&path, target.path());
        if got != wanted {
            wrong.push(format!("{}: wanted {wanted}, got {got}", path.display()));
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `ok`, or the codes of its errors, each once, in order.
fn compile(source: &Path, target: &Path) -> String {
    let deps = deps();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .args(["--error-format=json", "--cap-lints=allow", "--out-dir"])
        .arg(target)
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("domicile={}", library(&deps).display()))
        .arg(source)
        .output()
        .unwrap();
    if output.status.success() {
        return "ok".to_owned();
    }
    let messages = String::from_utf8(output.stderr).unwrap();
    let mut codes: Vec<String> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["code"]["code"].as_str().map(ToOwned::to_owned))
        .collect();
    codes.sort();
    codes.dedup();
    assert!(!codes.is_empty(), "{}: {messages}", source.display());
    codes.join(" ")
}

/// Where cargo has put the library that this test was built with.
fn deps() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

/// The newest build of the library.
fn library(deps: &Path) -> PathBuf {
    let files = std::fs::read_dir(deps).unwrap().map(|e| e.unwrap().path());
    let libraries = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libdomicile-") && name.ends_with(".rlib")
    });
    libraries
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .expect("cargo builds the library before its tests")
}

//! What cargo calls in place of the compiler (`scripts/rustc`): the profile in `benches/profile` steers what is built to
//! be shipped, by the compiler that it was made with, and nothing else. ADR 16.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// How cargo builds a crate for `--release`, and one for tests.
const SHIPPED: &[&str] = &["--crate-name", "domicile", "-C", "opt-level=3", "-C", "lto"];
const TESTED: &[&str] = &["--crate-name", "domicile", "-C", "opt-level=1", "--test"];

/// A compiler that tells what it was asked, and fails with 7 when asked to.
const TELLS: &str = r#"#!/bin/sh
case $1 in
-vV) cat "$(dirname "$0")/version" ;;
fails) exit 7 ;;
*) printf '%s\n' "$@" ;;
esac
"#;

struct Compiler {
    folder: TempDir,
}

impl Compiler {
    fn of(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("rustc");
        fs::write(&program, TELLS).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("version"), version).unwrap();
        Self { folder }
    }

    /// The one that the profile was made with.
    fn of_the_profile() -> Self {
        let version = fs::read_to_string(root().join("benches/profile/domicile.rustc"));
        Self::of(&version.unwrap())
    }

    fn run(&self, arguments: &[&str], profile: Option<&str>) -> Output {
        let mut command = Command::new(root().join("scripts/rustc"));
        command
            .arg(self.folder.path().join("rustc"))
            .args(arguments)
            .env_remove("DOMICILE_PROFILE")
            .current_dir(self.folder.path());
        if let Some(profile) = profile {
            command.env("DOMICILE_PROFILE", profile);
        }
        command.output().unwrap()
    }

    /// What the compiler was told beyond `arguments`, which must come first and as they are.
    fn more(&self, arguments: &[&str], profile: Option<&str>) -> Vec<String> {
        let output = self.run(arguments, profile);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stderr, b"");
        let told = String::from_utf8(output.stdout).unwrap();
        let mut told: Vec<String> = told.lines().map(str::to_owned).collect();
        let more = told.split_off(arguments.len());
        assert_eq!(told, arguments);
        more
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn what_ships_is_laid_out_by_the_profile() {
    let more = Compiler::of_the_profile().more(SHIPPED, None);
    let [used, quiet] = &more[..] else {
        panic!("{more:?}")
    };
    let file = used.strip_prefix("-Cprofile-use=").unwrap();
    let head = &fs::read(file).unwrap()[..8];
    // LLVM's indexed profile: it begins with this, and takes no other.
    assert_eq!(head, b"\xfflprofi\x81");
    // Cargo does not build what is newer than its profile in another way; nor should it warn for each function.
    assert_eq!(quiet, "-Cllvm-args=-no-pgo-warn-mismatch");
}

#[test]
fn nothing_else_is() {
    let compiler = Compiler::of_the_profile();
    let none: [&str; 0] = [];
    assert_eq!(compiler.more(TESTED, None), none);
    assert_eq!(compiler.more(SHIPPED, Some("off")), none);
    for own in [
        "-Cinstrument-coverage",
        "-Cprofile-use=/mine",
        "-Cprofile-generate=/mine",
    ] {
        let arguments = [SHIPPED, &[own]].concat();
        assert_eq!(compiler.more(&arguments, None), none, "{own}");
    }
    let other = Compiler::of("rustc 1.96.0 (000000000 2026-05-28)\n");
    assert_eq!(other.more(SHIPPED, None), none);
}

#[test]
fn a_profile_is_made_on_request() {
    let compiler = Compiler::of("rustc 1.96.0 (000000000 2026-05-28)\n");
    let more = compiler.more(SHIPPED, Some("/counts"));
    assert_eq!(more, ["-Cprofile-generate=/counts"]);
    assert_eq!(compiler.more(TESTED, Some("/counts")), [""; 0]);
}

#[test]
fn a_folder_that_would_be_many_is_refused() {
    let output = Compiler::of_the_profile().run(SHIPPED, Some("counts"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    assert!(output.stderr.starts_with(b"DOMICILE_PROFILE is "));
}

#[test]
fn what_the_compiler_says_is_passed_on() {
    let compiler = Compiler::of_the_profile();
    assert_eq!(compiler.run(&["fails"], None).status.code(), Some(7));
    let version = compiler.run(&["-vV"], None).stdout;
    assert!(version.starts_with(b"rustc "), "{version:?}");
}

/// Cargo finds it by the repository's own settings.
#[test]
fn cargo_asks_it() {
    let settings = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    assert!(
        settings
            .lines()
            .any(|line| line == r#"rustc-wrapper = "scripts/rustc""#),
        "{settings}"
    );
}

//! The Helm chart: `tests/helm` renders it by Helm's own SDK, holds it to the schemas of Kubernetes, and
//! has the configuration of every example checked by this program.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_chart_renders_what_gateways_start_from() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python(root))
        .args(["-B", "-m", "unittest", "discover", "-s", "tests/helm"])
        .env("DOMICILE", env!("CARGO_BIN_EXE_domicile"))
        .env("DOMICILE_FEATURES", FEATURES)
        .current_dir(root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\nscripts/test installs what it needs (scripts/requirements.txt)"
    );
    let ran = said
        .lines()
        .find_map(|line| line.strip_prefix("Ran "))
        .unwrap();
    let ran: usize = ran.split(' ').next().unwrap().parse().unwrap();
    assert!(ran > 20, "{said}");
}

/// What that build has.
const FEATURES: &str = if cfg!(feature = "otel") { "otel" } else { "" };

/// The one of `scripts/test`, or one on the `PATH` that has the packages.
fn python(root: &Path) -> PathBuf {
    let own = root.join(".venv/bin/python");
    if own.exists() {
        return own;
    }
    "python3".into()
}

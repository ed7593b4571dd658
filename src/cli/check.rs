//! `domicile check`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::output::Output;
use crate::config::{self, Fault, Warning};
use crate::domain::{Clock, SystemClock};

/// Checks configuration, certificates and keys, and tells all that is wrong at once
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A gateway's configuration; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What is printed: SPEC 4.2, and the digests of the catalogues.
#[derive(Debug, Default, Serialize)]
struct Findings {
    ok: bool,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    /// Of each file without faults, in their order.
    digests: Vec<String>,
}

/// # Errors
/// When the findings cannot be printed.
pub fn run(args: &Args) -> Outcome {
    let findings = findings(&args.config, SystemClock.unix());
    let printed = args.output.data(&findings, text);
    printed.context("cannot write to standard output")?;
    Ok(if findings.ok {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// `now` is in unix seconds.
fn findings(paths: &[PathBuf], now: u64) -> Findings {
    let mut findings = Findings::default();
    for path in paths {
        findings.add(path, now);
    }
    findings.ok = findings.faults.is_empty();
    findings
}

impl Findings {
    fn add(&mut self, path: &Path, now: u64) {
        match config::load_checked(path, now) {
            Ok((config, warnings)) => {
                self.digests.push(config.catalogue.digest.clone());
                self.warnings.extend(warnings);
            }
            Err(report) => {
                self.faults.extend(report.faults);
                self.warnings.extend(report.warnings);
            }
        }
    }
}

fn text(findings: &Findings) -> String {
    let faults = findings.faults.iter().map(ToString::to_string);
    let warnings = findings.warnings.iter().map(ToString::to_string);
    let mut lines: Vec<String> = faults.chain(warnings).collect();
    if findings.ok {
        lines.push("ok".to_owned());
    }
    let digests = findings.digests.iter();
    lines.extend(digests.map(|digest| format!("catalogue digest: {digest}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_as_documented() {
        let findings = findings(&[PathBuf::from("/nowhere/gateway.yaml")], 0);
        assert!(!findings.ok);
        let json = serde_json::to_value(&findings).unwrap();
        assert_eq!(json["ok"], false);
        let fault = json["faults"][0].as_object().unwrap();
        for member in ["file", "path", "line", "problem", "expected"] {
            assert!(fault.contains_key(member), "{member}");
        }
        assert!(text(&findings).starts_with("/nowhere/gateway.yaml"));
    }
}

//! `domicile check`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::output::Output;
use crate::config::{self, Fault, Report, Warning};

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
    let findings = findings(&args.config);
    let printed = args.output.data(&findings, text);
    printed.context("cannot write to standard output")?;
    Ok(if findings.ok {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn findings(paths: &[PathBuf]) -> Findings {
    let mut findings = Findings::default();
    for path in paths {
        findings.add(path);
    }
    findings.ok = findings.faults.is_empty();
    findings
}

impl Findings {
    fn add(&mut self, path: &Path) {
        let report = match config::load(path) {
            Ok((config, warnings)) => {
                self.digests.push(config.catalogue.digest.clone());
                Report {
                    faults: Vec::new(),
                    warnings,
                }
            }
            Err(faults) => faults.into(),
        };
        self.faults.extend(report.faults);
        self.warnings.extend(report.warnings);
    }
}

fn text(findings: &Findings) -> String {
    let faults = findings.faults.iter().map(ToString::to_string);
    let warnings = findings.warnings.iter().map(ToString::to_string);
    let mut lines: Vec<String> = faults.chain(warnings).collect();
    if findings.ok {
        lines.push("ok".to_owned());
        lines.extend(
            findings
                .digests
                .iter()
                .map(|digest| format!("catalogue digest: {digest}")),
        );
    }
    lines.join("\n")
}

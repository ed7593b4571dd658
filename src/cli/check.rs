//! `domicile check`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::output::{Output, columns};
use crate::config::{self, Config, Fault, Warning};
use crate::domain::{Clock, SystemClock};
use crate::sinks::{Crossing, Data, crossings};

/// Checks configuration, certificates and keys, and tells all that is wrong at once
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A gateway's configuration; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    /// List all that a gateway of this configuration ever sends or writes anywhere
    #[arg(long)]
    what_crosses: bool,
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
    #[serde(skip)]
    configs: Vec<Config>,
}

/// What is printed by `--what-crosses`.
#[derive(Debug, Serialize)]
struct Crossings {
    ok: bool,
    gateways: Vec<Gateway>,
}

#[derive(Debug, Serialize)]
struct Gateway {
    region: String,
    crossings: Vec<Crossing>,
}

/// # Errors
/// When the findings cannot be printed.
pub fn run(args: &Args) -> Outcome {
    let findings = findings(&args.config, SystemClock.unix());
    let printed = if args.what_crosses && findings.ok {
        args.output.data(&findings.crossings(), table)
    } else {
        args.output.data(&findings, text)
    };
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
                self.configs.push(config);
            }
            Err(report) => {
                self.faults.extend(report.faults);
                self.warnings.extend(report.warnings);
            }
        }
    }

    fn crossings(&self) -> Crossings {
        let gateway = |config: &Config| Gateway {
            region: config.region.to_string(),
            crossings: crossings(config),
        };
        Crossings {
            ok: self.ok,
            gateways: self.configs.iter().map(gateway).collect(),
        }
    }
}

fn table(crossings: &Crossings) -> String {
    let gateway = |gateway: &Gateway| {
        let head = ["sink", "leaves", "data", "protection", "destination"];
        let rows: Vec<_> = gateway.crossings.iter().map(row).collect();
        format!("region {}\n{}", gateway.region, columns(&head, &rows))
    };
    let gateways = crossings.gateways.iter().map(gateway);
    gateways.collect::<Vec<_>>().join("\n\n")
}

fn row(crossing: &Crossing) -> Vec<String> {
    let data: Vec<&str> = crossing
        .data
        .iter()
        .map(|data| Data::as_str(*data))
        .collect();
    vec![
        crossing.sink.to_owned(),
        crossing.leaves_region.as_str().to_owned(),
        data.join(", "),
        crossing.protection.clone(),
        crossing.destination.clone(),
    ]
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

    /// Of the configuration in the documents, which names no files that are there.
    #[test]
    fn what_crosses_is_told_as_documented() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let document = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
        let yaml = document.split("```yaml\n").nth(1).unwrap();
        let yaml = yaml.split("```").next().unwrap();
        let regions = format!("path: {}", root.join("regions").display());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gateway.yaml");
        std::fs::write(&file, yaml.replace("path: regions/", &regions)).unwrap();
        let findings = Findings {
            ok: true,
            configs: vec![config::load(&file).unwrap().0],
            ..Findings::default()
        };
        let told = findings.crossings();
        let json = serde_json::to_value(&told).unwrap();
        let first = &json["gateways"][0]["crossings"][0];
        assert_eq!(first["sink"], "upstream.rest");
        assert_eq!(first["region"], "frankfurt");
        assert_eq!(first["leaves_region"], "no");
        assert_eq!(first["data"][0], "content");
        assert_eq!(first["code"][0], "src/zone/egress.rs");
        let table = table(&told);
        assert!(table.starts_with("region frankfurt\nSINK "), "{table}");
        assert!(
            table.lines().any(|line| line.starts_with("ops ")),
            "{table}"
        );
    }

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

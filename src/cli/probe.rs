//! `domicile probe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::exit::{Exit, Outcome, Stop, tell};
use super::output::{Output, columns};
use super::span;
use crate::app;
use crate::config::{self, Catalogue};
use crate::domain::{AppKey, RegionId};
use crate::probe::{Canary, Dialler, Finding, Matrix, Prober, Verdict};
use crate::registry::SystemRandomness;

/// Asks for Apps at every region's public endpoints: all regions but their home must refuse.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON with the Apps to ask for: [{"app_key": "org#app", "region": R}, ...], or `demo --json`
    #[arg(long, value_name = "FILE")]
    apps: PathBuf,
    #[command(flatten)]
    regions: Regions,
    /// Certificates (PEM) that are trusted instead of the machine's own
    #[arg(long, value_name = "FILE", env = "DOMICILE_CA")]
    ca: Option<PathBuf>,
    /// How long an endpoint may take to answer
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span::span)]
    timeout: Duration,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Regions {
    /// Folder of the catalogue, regions/*.yaml
    #[arg(long, value_name = "DIR")]
    catalogue: Option<PathBuf>,
    /// A gateway's configuration, whose catalogue is used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An App's entry; a demo's has more members.
#[derive(Debug, Deserialize)]
struct Entry {
    app_key: String,
    region: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Apps {
    List(Vec<Entry>),
    /// The document of `domicile demo --json`.
    Document {
        apps: Vec<Entry>,
    },
}

#[derive(Debug)]
struct App {
    app_key: AppKey,
    home: RegionId,
}

/// # Errors
/// When the files cannot be used.
pub async fn run(args: Args) -> Outcome {
    let catalogue = args.regions.read()?;
    let apps = read_apps(&args.apps, &catalogue)?;
    let canaries: Vec<_> = apps
        .iter()
        .map(|app| Canary {
            app_key: &app.app_key,
            home: &app.home,
        })
        .collect();
    let roots = app::roots(args.ca.as_deref()).context("--ca cannot be used")?;
    let prober = Prober {
        dialler: Dialler::new(roots)?,
        randomness: Arc::new(SystemRandomness),
        patience: args.timeout,
    };
    let report = Report::of(&prober.run(&catalogue, &canaries).await);
    let printed = args.output.data(&report, table);
    printed.context("cannot write to standard output")?;
    Ok(report.exit())
}

impl Regions {
    fn read(&self) -> anyhow::Result<Arc<Catalogue>> {
        let read = match (&self.catalogue, &self.config) {
            (Some(folder), _) => config::load_catalogue(folder).map(Arc::new),
            (None, Some(file)) => config::load(file).map(|(config, _)| config.catalogue),
            (None, None) => return Err(Stop::WrongUse("which regions?".to_owned()).into()),
        };
        read.map_err(|faults| anyhow::anyhow!("{faults}"))
    }
}

fn read_apps(path: &Path, catalogue: &Catalogue) -> anyhow::Result<Vec<App>> {
    let place = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read --apps {place}"))?;
    let apps: Apps = serde_json::from_slice(&bytes).with_context(|| {
        format!("--apps {place} must be JSON: [{{\"app_key\": \"org#app\", \"region\": R}}, ...]")
    })?;
    let (Apps::List(entries) | Apps::Document { apps: entries }) = apps;
    let apps = entries.iter().map(|entry| entry.read(catalogue));
    let apps: Vec<_> = apps
        .collect::<anyhow::Result<_>>()
        .with_context(|| format!("--apps {place}"))?;
    anyhow::ensure!(!apps.is_empty(), "--apps {place} has no App in it");
    Ok(apps)
}

impl Entry {
    fn read(&self, catalogue: &Catalogue) -> anyhow::Result<App> {
        let Self { app_key, region } = self;
        let key = AppKey::parse(app_key).with_context(|| format!("the AppKey {app_key:?}"))?;
        let home = RegionId::parse(region).with_context(|| format!("the region {region:?}"))?;
        let known = catalogue.region(&home).is_some();
        anyhow::ensure!(known, "the region {home} is not in the catalogue");
        Ok(App { app_key: key, home })
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    violations: usize,
    unclear: usize,
    probes: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    home: String,
    region: String,
    transport: &'static str,
    endpoint: String,
    /// `refused` and `answered` are good.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Report {
    fn of(matrix: &Matrix) -> Self {
        let bad = matrix.findings.iter().filter(|f| !f.is_good()).count();
        let violations = matrix.violations().count();
        Self {
            ok: matrix.is_good(),
            violations,
            unclear: bad - violations,
            probes: matrix.findings.iter().map(Line::of).collect(),
        }
    }

    /// Both failures have one exit code; what is printed tells them apart.
    fn exit(&self) -> Exit {
        if self.violations > 0 {
            let n = self.violations;
            tell(&format!(
                "domicile: RESIDENCY VIOLATION: {n} probes were let in by a region that is not the App's home"
            ));
        }
        if self.unclear > 0 {
            let n = self.unclear;
            tell(&format!(
                "domicile: {n} probes have shown nothing: their endpoints did not answer as a gateway does"
            ));
        }
        if self.ok { Exit::Done } else { Exit::Failed }
    }
}

impl Line {
    fn of(finding: &Finding) -> Self {
        let (result, detail) = match &finding.verdict {
            Verdict::Refused => ("refused", None),
            Verdict::Answered => ("answered", None),
            Verdict::LetIn(evidence) => ("let_in", Some(evidence.to_string())),
            Verdict::Unclear(problem) => ("unclear", Some(whole(problem))),
        };
        Self {
            home: finding.home.to_string(),
            region: finding.region.to_string(),
            transport: finding.way.as_str(),
            endpoint: finding.endpoint.clone(),
            result,
            detail,
        }
    }
}

/// The problem and what caused it.
fn whole(problem: &crate::probe::Problem) -> String {
    let mut text = problem.to_string();
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn table(report: &Report) -> String {
    let rows: Vec<_> = report.probes.iter().map(Line::row).collect();
    let head = [
        "home",
        "region",
        "transport",
        "endpoint",
        "result",
        "detail",
    ];
    columns(&head, &rows)
}

impl Line {
    fn row(&self) -> Vec<String> {
        let detail = self.detail.clone().unwrap_or_default();
        [
            &self.home,
            &self.region,
            self.transport,
            &self.endpoint,
            self.result,
            &detail,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

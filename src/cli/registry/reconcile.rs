//! `domicile registry reconcile`: an older store, brought up to what the audit log knows.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::logs::Evidence;
use crate::audit::{Action, Actor, AuditLog, Deed, Entry, Outcome as Ended};
use crate::cli::exit::{Exit, Outcome, tell};
use crate::cli::output::{Output, members};
use crate::cli::stopped;
use crate::config::Config;
use crate::domain::AppId;
use crate::registry::{PinBytes, PutBack, ReconcileError, Registry};

/// Puts pins and tombstones that an older registry has lost back from the audit log, and believes
/// the registry anew
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stopped gateway's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder of an audit log of this region, instead of this gateway's own; several times for
    /// several gateways'
    #[arg(long = "audit-log", value_name = "DIR")]
    audit_logs: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Apps whose pins were put back.
    pins: u64,
    /// Apps that are tombstones again.
    tombstones: u64,
    /// Whether the registry is believed again.
    anchored: bool,
    /// What could not be put back.
    unresolved: Vec<Unresolved>,
}

#[derive(Debug, Serialize)]
struct Unresolved {
    app_id: String,
    problem: String,
}

/// # Errors
/// When the gateway runs, or a log is not whole: nothing is done then.
pub async fn run(args: &Args) -> Outcome {
    let config = stopped::load(&args.config)?;
    let own = [stopped::audit_dir(&config)];
    let dirs = if args.audit_logs.is_empty() {
        &own[..]
    } else {
        &args.audit_logs
    };
    let evidence = dirs.iter().map(|dir| Evidence::new(&config, dir));
    let evidence: Vec<_> = evidence.collect::<anyhow::Result<_>>()?;
    let store = stopped::any_store(&config)?;
    let log = stopped::audit_log(&config)?;
    let act = log.begin(deed(None)).await?;
    let beside = beside(&config.registry.anchor);
    let done = async {
        remove(&beside)?;
        // Compared with a new anchor, the store is believed as it is.
        let registry = stopped::registry(&config, store, beside.clone()).await?;
        if !registry.state().trusted {
            let trouble = registry.trouble().unwrap_or("it does not answer");
            bail!("the registry cannot be reached: {trouble}");
        }
        reconcile(&registry, &log, &evidence).await
    };
    let report = done
        .await
        .and_then(|report| finish(&config, &beside, report));
    let report = match report {
        Err(error) => {
            act.failed("internal").await?;
            return Err(error);
        }
        Ok(report) if report.anchored => {
            act.done().await?;
            report
        }
        Ok(report) => {
            act.failed("unresolved").await?;
            report
        }
    };
    let printed = args.output.data(&report, table);
    printed.context("it is done, but cannot be printed")?;
    if report.anchored {
        return Ok(Exit::Done);
    }
    tell(
        "Some Apps' names would be free again, so the registry is not believed. Give the audit logs of the region's other gateways with --audit-log.",
    );
    Ok(Exit::Failed)
}

/// All registrations first, then all retirements: another gateway's log may have the one or the
/// other.
async fn reconcile(
    registry: &Registry,
    log: &AuditLog,
    evidence: &[Evidence],
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for phase in [Action::Register, Action::Retire] {
        for entry in evidence.iter().flat_map(Evidence::entries) {
            let entry = entry?;
            if entry.action == phase && entry.outcome == Ended::Done {
                one(registry, log, &entry, &mut report).await?;
            }
        }
    }
    Ok(report)
}

async fn one(
    registry: &Registry,
    log: &AuditLog,
    entry: &Entry,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Some(id) = entry.app_id.as_deref().and_then(|id| AppId::parse(id).ok()) else {
        return Ok(());
    };
    let put_back = match entry.action {
        Action::Retire => registry.put_back_tombstone(&id).await,
        // Without pins it was registered before.
        _ => match pins(entry) {
            Some(pins) => registry.put_back_pins(&id, &pins).await,
            None => Ok(PutBack::Nothing),
        },
    };
    match put_back {
        Ok(PutBack::Nothing) => return Ok(()),
        Ok(PutBack::Pins) => report.pins += 1,
        Ok(PutBack::Tombstone) => report.tombstones += 1,
        Err(error @ ReconcileError::Unavailable) => return Err(error.into()),
        Err(error) => {
            report.unresolved.push(Unresolved {
                app_id: id.to_string(),
                problem: error.to_string(),
            });
            return Ok(());
        }
    }
    Ok(log.note(&deed(Some(id))).await?)
}

fn pins(entry: &Entry) -> Option<PinBytes> {
    let pins = entry.pins.as_ref()?;
    Some(PinBytes {
        id: STANDARD.decode(&pins.id).ok()?,
        key: STANDARD.decode(&pins.key).ok()?,
    })
}

/// The new anchor takes the old one's place, if nothing stays unresolved.
fn finish(config: &Config, beside: &Path, mut report: Report) -> anyhow::Result<Report> {
    if !report.unresolved.is_empty() {
        remove(beside)?;
        return Ok(report);
    }
    let anchor = &config.registry.anchor;
    let unwritable = || format!("cannot write {}", anchor.display());
    fs::rename(beside, anchor).with_context(unwritable)?;
    let folder = anchor
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|f| f.sync_all()).with_context(unwritable)?;
    report.anchored = true;
    Ok(report)
}

fn beside(anchor: &Path) -> PathBuf {
    let mut name = anchor.as_os_str().to_owned();
    name.push(".reconciled");
    PathBuf::from(name)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn deed(app_id: Option<AppId>) -> Deed {
    Deed {
        actor: Actor::Gateway,
        action: Action::Reconcile,
        app_id,
    }
}

fn table(report: &Report) -> String {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    let unresolved = report.unresolved.iter();
    let lines = unresolved.map(|app| format!("{}: {}", app.app_id, app.problem));
    value["unresolved"] = lines.collect::<Vec<_>>().into();
    members(&value)
}

//! `domicile restore`: a backup back into its own region, all of it or nothing.

mod check;
mod contents;
mod install;
mod store;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::backup::SecretArgs;
use super::exit::{Exit, Outcome, tell};
use super::output::{Output, members};
use super::stopped;
use crate::audit::{Action, Actor, AuditLog, Deed};
use crate::backup::Header;
use crate::config::Config;
use check::Refusal;
use contents::Contents;
use install::Staged;

/// Puts a backup's keys, registry and audit log back into a stopped gateway of the same region
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The gateway's configuration, with its catalogue
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The backup
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    output: Output,
}

/// What was put back.
#[derive(Debug, Serialize)]
struct Restored {
    region: String,
    created_at: String,
    /// Of the region's newest link.
    chain: Option<u64>,
    restored: Vec<&'static str>,
    /// What was there already, and stays.
    kept: Vec<&'static str>,
}

/// # Errors
/// When the backup is damaged or of another region, or the gateway has something else.
pub async fn run(args: &Args) -> Outcome {
    let config = stopped::load(&args.config)?;
    let secret = args.secret.read()?;
    let unreadable = || format!("{} cannot be restored", args.from.display());
    let mut file = File::open(&args.from).with_context(unreadable)?;
    let (header, _) = Header::read(&mut file).with_context(unreadable)?;
    if header.region != config.region.as_str() {
        return Err(refuse(&config, check::other_region(&header.region, &config)).await);
    }
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot make {}", config.data_dir.display()))?;
    // From here on no gateway runs, and no other restore.
    let target = store::Target::open(&config)?;
    install::remove_leftovers(&config)?;
    let contents = Contents::read(&args.from, &secret, &config).with_context(unreadable)?;
    let restored = match restore(&config, target, &contents, &args.from, &secret).await? {
        Ok(restored) => restored,
        Err(refusal) => return Err(refuse(&config, refusal).await),
    };
    let printed = args.output.data(&restored, table);
    printed.context("it is restored, but that cannot be printed")?;
    if restored.kept.contains(&"audit log") && !restored.kept.contains(&"anchor") {
        tell(
            "No anchor was there to tell whether this backup is the newest, and the audit log stays: run `domicile registry reconcile`, which puts back what the log knows and the backup does not.",
        );
    }
    Ok(Exit::Done)
}

async fn restore(
    config: &Config,
    target: store::Target,
    contents: &Contents,
    from: &Path,
    secret: &crate::backup::Secret,
) -> anyhow::Result<Result<Restored, Refusal>> {
    if let Err(refusal) = check::all(config, contents)? {
        return Ok(Err(refusal));
    }
    let staged = Staged::new(config, contents)?;
    let stands = target.stands(contents, from, secret).await?;
    if stands == store::Stands::Other {
        return Ok(Err(check::other_data(config)));
    }
    // The act is in the audit log before it has an effect, where there is a log.
    let log = staged.keeps_audit().then(|| audit_log(config, contents));
    let log = log.transpose()?;
    let act = match &log {
        Some(log) => Some(log.begin(deed()).await?),
        None => None,
    };
    let written = target.import(stands, contents, from, secret).await;
    let installed = match written {
        Ok(()) => staged.install(config),
        Err(error) => Err(error),
    };
    let (restored, kept) = match (installed, act) {
        (Ok(parts), Some(act)) => {
            act.done().await?;
            parts
        }
        (Ok(parts), None) => {
            stopped::audit_log(config)?.note(&deed()).await?;
            parts
        }
        (Err(error), Some(act)) => {
            act.failed("internal").await?;
            return Err(error);
        }
        (Err(error), None) => return Err(error),
    };
    Ok(Ok(Restored {
        region: contents.header.region.clone(),
        created_at: contents.header.created_at.clone(),
        chain: contents.newest.map(|link| link.n),
        restored: [vec!["registry"], restored].concat(),
        kept,
    }))
}

/// The audit log that stays. Its keys may be among what was lost.
fn audit_log(config: &Config, contents: &Contents) -> anyhow::Result<AuditLog> {
    if config.keys.pin.exists() {
        stopped::audit_log(config)
    } else {
        stopped::audit_log_of(config, &check::pin_keys(contents)?)
    }
}

fn deed() -> Deed {
    Deed {
        actor: Actor::Gateway,
        action: Action::Restore,
        app_id: None,
    }
}

async fn refuse(config: &Config, refusal: Refusal) -> anyhow::Error {
    stopped::refused(config, Action::Restore, refusal.code, refusal.problem).await
}

fn table(restored: &Restored) -> String {
    members(&serde_json::to_value(restored).unwrap_or_default())
}

//! `domicile audit export`: JSON lines, or one entry's proof.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::keys::KeyArgs;
use super::show;
use crate::audit::{Folder, head, prove};
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::print;

/// Prints all entries of an audit log as lines of JSON, or the proof of one of them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log's folder; without it a gateway is asked
    // With it, whatever the environment says of gateways plays no part.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Print the proof that this entry is in the log (c2sp.org/tlog-proof, the entry as extra data)
    #[arg(long, value_name = "INDEX", requires = "log")]
    entry: Option<u64>,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Entries that are asked for at once.
const PAGE: u16 = 1_000;

pub async fn run(args: &Args) -> Outcome {
    match (&args.log, args.entry) {
        (Some(dir), Some(index)) => proof(dir, &args.keys, index)?,
        (Some(dir), None) => from_folder(dir, &args.keys)?,
        (None, _) => from_gateway(&AdminClient::new(&args.admin)?).await?,
    }
    Ok(Exit::Done)
}

fn proof(dir: &Path, keys: &KeyArgs, index: u64) -> anyhow::Result<()> {
    let folder = Folder::new(dir);
    let proof = prove(&folder, &keys.of(&folder)?, index)?;
    line(proof.to_string().trim_end())
}

/// The entries as they lie there: whether the log is whole, `verify` says.
fn from_folder(dir: &Path, keys: &KeyArgs) -> anyhow::Result<()> {
    let folder = Folder::new(dir);
    let keys = keys.of(&folder)?;
    let note = folder
        .note()
        .context("the log's checkpoint cannot be read")?;
    let (log, _) = head(&note, &keys).context("the log's checkpoint is not believed")?;
    for entry in folder.entries(log.size()) {
        let entry = entry.context("the log is not whole: `domicile audit verify` says more")?;
        line(&String::from_utf8_lossy(&entry))?;
    }
    Ok(())
}

async fn from_gateway(client: &AdminClient) -> anyhow::Result<()> {
    let mut cursor = None;
    loop {
        let page = show::page(client, cursor, Some(PAGE)).await?;
        for entry in page["items"].as_array().into_iter().flatten() {
            line(&entry.to_string())?;
        }
        let Some(next) = page["next_cursor"].as_str() else {
            return Ok(());
        };
        let next = next.parse().ok();
        if next.is_none() || next <= cursor {
            bail!("the gateway's pages do not go on: check --admin");
        }
        cursor = next;
    }
}

fn line(text: &str) -> anyhow::Result<()> {
    print(text).context("cannot write to standard output")
}

//! `domicile serve`.

use std::path::PathBuf;

use anyhow::bail;

use super::exit::Outcome;

/// Runs gateways.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A gateway's configuration; several gateways share one registry and process
    #[arg(long, value_name = "FILE", required = true)]
    pub config: Vec<PathBuf>,
    /// Refuse to start without registry.anchor, instead of believing the registry once
    #[arg(long)]
    pub require_anchor: bool,
}

/// # Errors
/// When a gateway cannot start.
pub async fn run(_args: Args) -> Outcome {
    bail!("serve is not wired yet")
}

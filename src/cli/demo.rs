//! `domicile demo`.

use std::path::PathBuf;

use anyhow::bail;

use super::exit::Outcome;

/// Runs four regions on this machine, with their data centres and sample Apps.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first port; region n listens on it plus n, 10+n, 20+n and 30+n
    #[arg(long, value_name = "PORT", default_value_t = 7400)]
    pub port: u16,
    /// Keep everything in this folder; without it, in a temporary one
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON document about the demo, instead of a tour
    #[arg(long)]
    pub json: bool,
}

/// # Errors
/// When the demo cannot start.
pub async fn run(_args: Args) -> Outcome {
    bail!("the demo is not wired yet")
}

//! `domicile registry`: a stopped gateway's registry.

mod logs;
mod reconcile;

use clap::Subcommand;

use super::exit::Outcome;

/// Repairs a stopped gateway's registry.
#[derive(Debug, Subcommand)]
pub enum Command {
    Reconcile(reconcile::Args),
}

/// # Errors
/// When it cannot be repaired.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Reconcile(args) => reconcile::run(&args).await,
    }
}

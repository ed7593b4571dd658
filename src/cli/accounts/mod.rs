//! `domicile accounts`: who may use the admin API.

mod offline;

use clap::Subcommand;

use super::exit::Outcome;

/// Makes admin accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    Create(offline::Args),
}

/// # Errors
/// When no account can be made.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create(args) => offline::run(&args).await,
    }
}

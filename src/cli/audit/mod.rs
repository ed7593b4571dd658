//! `domicile audit`: the audit log, from a gateway or from its folder.

mod export;
mod keys;
mod show;
mod verify;

use clap::Subcommand;

use super::exit::Outcome;

/// Shows, exports and verifies audit logs.
#[derive(Debug, Subcommand)]
pub enum Command {
    Show(show::Args),
    Export(export::Args),
    Verify(verify::Args),
}

/// # Errors
/// When the gateway or the folder does not give what is asked for.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Show(args) => show::run(&args).await,
        Command::Export(args) => export::run(&args).await,
        Command::Verify(args) => verify::run(&args),
    }
}

#[cfg(test)]
mod tests;

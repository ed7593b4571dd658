//! `domicile tokens`.

mod inspect;
mod issue;

use clap::Subcommand;

use super::exit::Outcome;

/// Issues tokens, and looks into them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Issue(issue::Args),
    Inspect(inspect::Args),
}

/// # Errors
/// When no token is issued, or there is nothing to inspect.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Issue(args) => issue::run(&args).await,
        Command::Inspect(args) => inspect::run(&args),
    }
}

//! `domicile keys`: the region's seal keys.

mod rotate;
mod status;

use clap::Subcommand;

use super::exit::Outcome;

/// Replaces the seal key, and tells what each one seals.
#[derive(Debug, Subcommand)]
pub enum Command {
    Rotate(rotate::Args),
    Status(status::Args),
}

/// # Errors
/// When the key file cannot be read or written.
pub fn run(command: &Command) -> Outcome {
    match command {
        Command::Rotate(args) => rotate::run(args),
        Command::Status(args) => status::run(args),
    }
}

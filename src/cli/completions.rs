//! `domicile completions`: what shells complete.

use std::io;

use anyhow::Context;
use clap_complete::Shell;

use super::exit::{Exit, Outcome};
use super::output::print;

/// Prints a shell's completions, such as `domicile completions bash > FILE`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// # Errors
/// When standard output cannot be written.
pub fn run(args: &Args, mut command: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "domicile", &mut script);
    let script = String::from_utf8(script).map_err(io::Error::other);
    script
        .and_then(|script| print(script.trim_end()))
        .context("cannot write to standard output")?;
    Ok(Exit::Done)
}

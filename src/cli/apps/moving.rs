//! `domicile apps move`: there is no such thing.

use crate::cli::exit::{Outcome, Stop};

/// Says why an App never moves
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whatever is asked for, the answer is the same
    #[arg(
        value_name = "ANYTHING",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    anything: Vec<String>,
}

pub fn run() -> Outcome {
    Err(Stop::Refused(WHY.to_owned()).into())
}

const WHY: &str = "\
Apps never move. Nothing was sent to any gateway.

Where an App lives was chosen when it was registered, for ever: its pin is signed, every
gateway refuses another one for it, and no call, flag, file or restore changes that. Its
users' data stays in the data centre that they were promised.

To serve users from another region, register a new App there (domicile apps register)
and let its clients log in anew. Messages do not come along: what may leave a service
area is for its data's owner to decide, outside this gateway.";

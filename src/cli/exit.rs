//! How a command ends.

use std::io::{self, Write};
use std::process::ExitCode;

/// What a command returns. An error is a failure unless it is a [`Stop`].
pub type Outcome = anyhow::Result<Exit>;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    WrongUse,
    /// Policy forbids what was asked for.
    Refused,
}

/// Why a command did nothing, when that is no failure.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error("{0}")]
    WrongUse(String),
    #[error("{0}")]
    Refused(String),
}

/// Tells what went wrong, if something did, and gives the exit code.
pub fn finish(outcome: Outcome) -> ExitCode {
    let exit = outcome.unwrap_or_else(|error| {
        tell(&format!("domicile: {error:#}"));
        exit_of(&error)
    });
    ExitCode::from(exit.code())
}

/// Says something to the person at the terminal, on standard error.
pub(super) fn tell(text: &str) {
    // Nobody is there to be told that nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<Stop>() {
        Some(Stop::WrongUse(_)) => Exit::WrongUse,
        Some(Stop::Refused(_)) => Exit::Refused,
        None => Exit::Failed,
    }
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WrongUse => 2,
            Self::Refused => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_exit_codes() {
        let codes = [
            anyhow::anyhow!("the disk is full"),
            Stop::WrongUse("no such plan".to_owned()).into(),
            Stop::Refused("Apps never move".to_owned()).into(),
            anyhow::Error::from(Stop::Refused("no".to_owned())).context("register"),
        ]
        .map(|error| exit_of(&error).code());
        assert_eq!(codes, [1, 2, 3, 3]);
    }
}

//! What cannot be undone is typed again.

use std::io::{self, BufRead, Write};

use anyhow::Context;

use super::exit::Stop;

/// Asks for `word` on standard error and reads it from standard input.
///
/// # Errors
/// When something else is typed, or nothing.
pub fn typed_again(question: &str, word: &str) -> anyhow::Result<()> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} ").context("cannot ask: pass --yes instead")?;
    terminal.flush().context("cannot ask: pass --yes instead")?;
    let answer = read_line(io::stdin().lock())?;
    agrees(&answer, word)
}

fn read_line(mut input: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    input
        .read_line(&mut line)
        .context("cannot read the answer: pass --yes instead")?;
    Ok(line)
}

fn agrees(answer: &str, word: &str) -> anyhow::Result<()> {
    if answer.trim() == word {
        return Ok(());
    }
    let message =
        format!("nothing was done: {word} was not typed again (--yes skips the question)");
    Err(Stop::WrongUse(message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_itself_agrees() {
        assert!(agrees("frankfurt\n", "frankfurt").is_ok());
        for answer in ["", "\n", "y\n", "Frankfurt\n", "frankfur\n"] {
            assert!(agrees(answer, "frankfurt").is_err(), "{answer:?}");
        }
    }
}

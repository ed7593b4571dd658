//! Keys that verify a log.

use std::fs;
use std::path::Path;

use anyhow::Context;
use tlog::VerifierKey;

use crate::audit::Folder;
use crate::cli::exit::{Stop, tell};

/// `--key`.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The log's public key, NAME+HEX+BASE64, or a file with it; may be given several times, for a
    /// log whose key was replaced
    #[arg(long = "key", value_name = "VKEY")]
    keys: Vec<String>,
}

impl KeyArgs {
    /// The keys that were given, or else the folder's own, which proves little.
    ///
    /// # Errors
    /// When one of them is no key.
    pub fn of(&self, folder: &Folder) -> anyhow::Result<Vec<VerifierKey>> {
        if !self.keys.is_empty() {
            return self.given();
        }
        let text = folder
            .vkey()
            .context("no --key was given, and the folder's own vkey cannot be read")?;
        let key = VerifierKey::parse(text.trim_end());
        let key = key.context("no --key was given, and the folder's own vkey is not a key")?;
        tell(
            "warning: no --key was given, so the folder's own vkey is used: \
             whoever changed the log could have replaced it too",
        );
        Ok(vec![key])
    }

    /// # Errors
    /// When none was given, or one is no key.
    pub fn given(&self) -> anyhow::Result<Vec<VerifierKey>> {
        if self.keys.is_empty() {
            let problem = "whose signature? Name the log's public key with --key VKEY";
            return Err(Stop::WrongUse(problem.to_owned()).into());
        }
        self.keys.iter().map(|text| read(text)).collect()
    }
}

fn read(text: &str) -> anyhow::Result<VerifierKey> {
    let error = match VerifierKey::parse(text.trim()) {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let Ok(file) = fs::read_to_string(Path::new(text)) else {
        let problem = format!("--key {text} is neither a key ({error}) nor a file");
        return Err(Stop::WrongUse(problem).into());
    };
    let key = VerifierKey::parse(file.trim());
    key.map_err(|error| {
        Stop::WrongUse(format!("the file --key {text} has no key in it: {error}")).into()
    })
}

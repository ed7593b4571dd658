//! What only the files beside the configuration can tell: certificates, keys, the data folder.

mod certificate;
mod data_dir;
mod key_files;

use std::path::Path;

use super::Config;
use super::faults::{Report, Warning};
use super::load::Files;

/// Everything that is wrong with a configuration. `now` is in unix seconds.
pub fn check(path: &Path, now: u64) -> Report {
    match load_checked(path, now) {
        Ok((_, warnings)) => Report {
            faults: Vec::new(),
            warnings,
        },
        Err(report) => report,
    }
}

/// A configuration that a gateway can start with: what [`check`] finds nothing wrong with.
/// `now` is in unix seconds.
///
/// # Errors
/// All faults of all files.
pub fn load_checked(path: &Path, now: u64) -> Result<(Config, Vec<Warning>), Report> {
    let files = Files::open(path)?;
    certificate::check(&files, now);
    key_files::check(&files, now);
    data_dir::check(&files);
    Ok(files.finish()?)
}

//! Secrets: a file or a value, never both; and who may read such files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::read::Item;

/// `{file: ...}` or `{value: ...}`; a relative file starts from `base`.
pub(super) fn read(item: &Item<'_>, base: &Path) -> Option<SecretString> {
    item.section(|s| {
        let file = s.take("file");
        let value = s.take("value");
        match (file, value) {
            (Some(file), None) => of_file(&file, base),
            (None, Some(value)) => value.text("a secret").map(SecretString::from),
            (Some(_), Some(_)) => one_of_two(item, "has both a file and a value"),
            (None, None) => one_of_two(item, "has neither a file nor a value"),
        }
    })?
}

fn one_of_two<T>(item: &Item<'_>, problem: &str) -> Option<T> {
    item.fault(problem, "{file: PATH} or {value: TEXT}")
}

fn of_file(item: &Item<'_>, base: &Path) -> Option<SecretString> {
    let path = item.path(base)?;
    let text = match read_private(&path) {
        Ok(text) => text,
        Err(error) => return item.fault(error.to_string(), PRIVATE_FILE),
    };
    match text.trim_end_matches(['\r', '\n']) {
        "" => item.fault("is an empty file", PRIVATE_FILE),
        secret => Some(SecretString::from(secret)),
    }
}

const PRIVATE_FILE: &str = "a text file with the secret, mode 0600 or stricter";

/// Why a private file is not used. It shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("has mode {0:04o}, so others may read it")]
    Mode(u32),
    #[error("is longer than 64 KiB")]
    Long,
    #[error("is not UTF-8")]
    Encoding,
}

/// Far more than a secret or a file of keys needs, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The text of a file that nobody else may read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let file = File::open(path)?;
    check_mode(&file)?;
    // Room for all of it from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(PrivateFileError::Long);
    }
    let text = str::from_utf8(&bytes).map_err(|_| PrivateFileError::Encoding)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(unix)]
fn check_mode(file: &File) -> Result<(), PrivateFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & !0o600 == 0 {
        Ok(())
    } else {
        Err(PrivateFileError::Mode(mode))
    }
}

#[cfg(not(unix))]
fn check_mode(_: &File) -> Result<(), PrivateFileError> {
    Ok(())
}

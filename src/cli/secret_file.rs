//! Secrets from files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use super::exit::tell;

/// The first line of a file that is neither empty nor a `#` comment.
///
/// # Errors
/// When the file cannot be read, or has no such line.
pub fn read(path: &Path, what: &str) -> anyhow::Result<Zeroizing<String>> {
    let place = path.display();
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {what} from {place}: name a file that holds it"))?;
    let text = Zeroizing::new(text);
    warn_if_others_may_read(path, what);
    let mut lines = text.lines().map(str::trim);
    let Some(line) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else {
        bail!("{place} is empty: it must hold {what} in a line");
    };
    Ok(Zeroizing::new(line.to_owned()))
}

/// Says so when a secret's file is open to others.
pub fn warn_if_others_may_read(path: &Path, what: &str) {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let place = path.display();
        tell(&format!(
            "domicile: others on this machine may read {what} in {place}: chmod 600 it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::File::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "# from init\n\n dk_abc \nrest\n").unwrap();
        assert_eq!(read(&path, "the key").unwrap().as_str(), "dk_abc");
        fs::write(&path, "# nothing\n").unwrap();
        assert!(read(&path, "the key").is_err());
    }
}

//! `domicile keys rotate`: a new seal key in front of the others.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::cli::exit::{Exit, Outcome, tell};
use crate::cli::output::{Output, members};
use crate::cli::stopped;
use crate::config::keys::render;
use crate::config::{KeyFile, SealKey};
use crate::registry::{Randomness as _, SystemRandomness};

/// Puts a new seal key in front of the key file
///
/// A running gateway takes it over within seconds and seals all records anew, in the background; a
/// stopped one does so after its next start. The old keys stay until you take them out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// What was done. The key itself is only in the file.
#[derive(Debug, Serialize)]
struct Report {
    key_id: String,
    file: PathBuf,
    /// The ids of the keys that open what they sealed, newest first.
    older: Vec<String>,
}

/// # Errors
/// When the file is not one of keys, somebody else rotates, or it cannot be written.
pub fn run(args: &Args) -> Outcome {
    let config = stopped::load(&args.config)?;
    let now = stopped::now()?;
    let day = now.get(..10).context("this machine's clock is wrong")?;
    let report = rotate(&config.keys.seal, &format!("{}-{day}", config.region))?;
    let printed = args
        .output
        .data(&report, |report| members(&serde_json::json!(report)));
    printed.context("the new key is in the file, but that cannot be printed")?;
    tell(
        "Back the key file up. Keep the old keys in it until `domicile keys status` shows that they seal nothing.",
    );
    Ok(Exit::Done)
}

fn rotate(named: &Path, prefix: &str) -> anyhow::Result<Report> {
    // A link stays one: what it leads to is replaced.
    let file = named.canonicalize();
    let file = file.with_context(|| format!("cannot find {}", named.display()))?;
    let _alone = lock(&file)?;
    let keys = KeyFile::<SealKey>::read(&file)?;
    let older: Vec<String> = keys.keys.into_iter().map(|key| key.id).collect();
    let key_id = fresh_id(prefix, &older);
    let text = Zeroizing::new(fs::read_to_string(&file)?);
    let mut key = Zeroizing::new([0; 32]);
    SystemRandomness.fill(&mut *key)?;
    let text = in_front(&text, &render(&key_id, &key));
    // It must be a key file again, before it takes the old one's place.
    KeyFile::<SealKey>::parse(&text, &file)?;
    replace(&file, &text).with_context(|| format!("cannot replace {}", file.display()))?;
    Ok(Report {
        key_id,
        file,
        older,
    })
}

/// Keeps a second rotation out. The file beside it stays: who removes it could let two in.
fn lock(file: &Path) -> anyhow::Result<File> {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(&path);
    let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "{} is locked: another rotation is under way",
                path.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn fresh_id(prefix: &str, taken: &[String]) -> String {
    let is_free = |id: &String| !taken.contains(id);
    let numbered = (2..).map(|n: u32| format!("{prefix}-{n}"));
    let mut ids = std::iter::once(prefix.to_owned()).chain(numbered);
    // There are more numbers than lines in a file.
    ids.find(is_free).unwrap_or_default()
}

/// The line in front of the first key, behind the comments above it.
fn in_front(text: &str, line: &str) -> Zeroizing<String> {
    let is_key = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let lines = text.split_inclusive('\n');
    let head: usize = lines.take_while(|line| !is_key(line)).map(str::len).sum();
    let (head, keys) = text.split_at(head);
    // With room for all of it: growing would leave copies of keys behind.
    let mut all = Zeroizing::new(String::with_capacity(text.len() + line.len()));
    for part in [head, line, keys] {
        all.push_str(part);
    }
    all
}

/// Whole or not at all, for the same reader as before.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().context("it has no folder")?;
    let was = fs::metadata(file)?;
    let mut beside = NamedTempFile::new_in(folder)?;
    let new = beside.as_file();
    new.set_permissions(Permissions::from_mode(was.mode() & 0o600))?;
    let is = new.metadata()?;
    if (is.uid(), is.gid()) != (was.uid(), was.gid()) {
        let given = chown(beside.path(), Some(was.uid()), Some(was.gid()));
        given.context(
            "the new file cannot be given to the old one's owner: run this as that user",
        )?;
    }
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(file)?;
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# newest first\n\nold AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n# end";

    fn key_file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys.seal");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        (dir, file)
    }

    #[test]
    fn the_new_key_comes_first_and_the_rest_stays() {
        let (_dir, file) = key_file(OLD);
        let first = rotate(&file, "fra-2026-01-02").unwrap();
        let second = rotate(&file, "fra-2026-01-02").unwrap();
        assert_eq!(first.key_id, "fra-2026-01-02");
        assert_eq!(second.key_id, "fra-2026-01-02-2");
        assert_eq!(second.older, ["fra-2026-01-02", "old"]);
        let keys = KeyFile::<SealKey>::read(&file).unwrap().keys;
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["fra-2026-01-02-2", "fra-2026-01-02", "old"]);
        assert_ne!(keys[0].key, keys[1].key);
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("# newest first\n\nfra-2026-01-02-2 "),
            "{text}"
        );
        assert!(text.ends_with(&OLD[16..]), "{text}");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_leads_to_the_new_file() {
        let (dir, file) = key_file(OLD);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        rotate(&link, "k").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(KeyFile::<SealKey>::read(&file).unwrap().keys.len(), 2);
    }

    #[test]
    fn what_is_no_key_file_is_left_alone() {
        for bad in ["", "# nothing\n", "old AAECAw==\n", "no key at all\n"] {
            let (dir, file) = key_file(bad);
            rotate(&file, "k").unwrap_err();
            assert_eq!(fs::read_to_string(&file).unwrap(), bad);
            let left = fs::read_dir(dir.path()).unwrap().count();
            assert_eq!(left, 2, "the file and its lock");
        }
        let (_dir, file) = key_file(OLD);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        rotate(&file, "k").unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), OLD);
    }

    /// Control: without the lock, one of two at once loses its key.
    #[test]
    fn a_second_rotation_is_kept_out() {
        let (_dir, file) = key_file(OLD);
        let held = lock(&file).unwrap();
        let error = rotate(&file, "k").unwrap_err();
        assert!(error.to_string().contains("another rotation"), "{error}");
        drop(held);
        rotate(&file, "k").unwrap();
    }
}

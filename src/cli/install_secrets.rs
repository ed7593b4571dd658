//! `domicile install-secrets`: secret files as the gateway takes them.

use std::fs::{File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::exit::{Exit, Outcome};

/// Copies secret files to where nobody else may read them, mode 0400
///
/// A gateway takes keys and passwords from such files only. Where something else hands them out
/// (the files of a Kubernetes Secret belong to root and are read by their group), this goes first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the copies; those that are there are replaced
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// # Errors
/// When a file cannot be read or written, or is longer than a secret can be.
pub fn run(args: &Args) -> Outcome {
    for file in &args.files {
        install(file, &args.to)?;
    }
    Ok(Exit::Done)
}

fn install(from: &Path, folder: &Path) -> anyhow::Result<()> {
    let Some(name) = from.file_name() else {
        bail!("{} names no file", from.display());
    };
    let to = folder.join(name);
    let source = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let copied = copy(source, folder, &to);
    if copied.with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?
        > LONGEST
    {
        bail!("{} is longer than 64 KiB: no secret is", from.display());
    }
    Ok(())
}

/// As `config::PrivateFileError::Long`, in bytes.
const LONGEST: u64 = 64 * 1024;

/// How many bytes were read; more than [`LONGEST`] are not kept. Whoever looks sees all or nothing of the copy.
fn copy(source: File, folder: &Path, to: &Path) -> io::Result<u64> {
    let mut copy = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o400))
        .tempfile_in(folder)?;
    let length = io::copy(&mut source.take(LONGEST + 1), &mut copy)?;
    if length <= LONGEST {
        copy.persist(to)?;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn args(to: &Path, files: &[&Path]) -> Args {
        Args {
            to: to.to_owned(),
            files: files.iter().map(|&file| file.to_owned()).collect(),
        }
    }

    #[test]
    fn copies_are_for_nobody_else_and_replace_older_ones() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = from.path().join("seal");
        for text in ["one", "another"] {
            fs::write(&source, text).unwrap();
            fs::set_permissions(&source, Permissions::from_mode(0o440)).unwrap();
            run(&args(to.path(), &[&source])).unwrap();
            let copy = to.path().join("seal");
            assert_eq!(fs::read_to_string(&copy).unwrap(), text);
            assert_eq!(
                fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
                0o400
            );
            fs::remove_file(&source).unwrap();
        }
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_secret_is_not_copied() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let long = from.path().join("long");
        fs::write(&long, vec![b'x'; LONGEST as usize + 1]).unwrap();
        for source in [long.as_path(), &from.path().join("absent"), from.path()] {
            assert!(
                run(&args(to.path(), &[source])).is_err(),
                "{}",
                source.display()
            );
        }
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    }
}

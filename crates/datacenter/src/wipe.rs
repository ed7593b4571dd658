//! Files that are overwritten before they go. What a file system or a disk keeps of them elsewhere (copies,
//! journals, snapshots, worn-out blocks) is out of reach from here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Removes a file, if it is there, with its content.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => {
            overwrite(&file)?;
            fs::remove_file(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts zeros in the place of a file's bytes, durably.
pub(crate) fn overwrite(mut file: &File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let piece = left.min(ZEROS.len() as u64);
        // As much as the constant, which fits.
        let piece = usize::try_from(piece).unwrap_or(ZEROS.len());
        file.write_all(&ZEROS[..piece])?;
        left -= piece as u64;
    }
    file.sync_all()
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_file_open_finds_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content = vec![7; ZEROS.len() + 3];
        fs::write(&path, &content).unwrap();
        let other_name = folder.path().join("link");
        fs::hard_link(&path, &other_name).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other_name).unwrap(), vec![0; content.len()]);
        remove(&path).unwrap();
    }
}

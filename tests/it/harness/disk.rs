//! Real small disks, each in a mount namespace of its own, and what fills them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a test once more, in a process that sees a small disk: there this gives the disk's folder, here
/// nothing when it has ended well. Temporary folders are on it as well. The test there says [`FULL`] at its end.
///
/// # Panics
/// When the test fails there.
pub fn small_disk(test: &str, size: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size={size} none \"$0\" && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains(FULL), "{text}");
    None
}

/// A file that takes all of the disk but some bytes, while it lives.
pub struct Ballast(PathBuf);

impl Ballast {
    pub fn on(disk: &Path, room: u64) -> Self {
        let path = disk.join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        let mut length = 0;
        while file.write_all(&[0; 4096]).is_ok() {
            length += 4096;
        }
        file.set_len(length - room).unwrap();
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// So that a test that was not found, or did nothing, is no success.
pub const FULL: &str = "the disk was full";
const FOLDER: &str = "DOMICILE_TEST_SMALL_DISK";

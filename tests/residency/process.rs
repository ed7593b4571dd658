//! Processes at sites.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::network::Network;

/// A process that is killed, by its own id, when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

const DOMICILE: &str = env!("CARGO_BIN_EXE_domicile");
/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

impl Process {
    /// Starts `domicile` at a site. What it says goes to `log`.
    pub fn domicile(
        network: &Network,
        site: &str,
        log: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        Self::start(network, site, DOMICILE, log, configure)
    }

    pub fn start(
        network: &Network,
        site: &str,
        program: &str,
        log: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = network.command(site, program);
        configure(&mut command);
        let file = File::options().create(true).append(true).open(log);
        let file = file.unwrap();
        command.stdout(Stdio::from(file.try_clone().unwrap()));
        let child = command.stderr(Stdio::from(file)).spawn().unwrap();
        let log = log.to_owned();
        Self { child, log }
    }

    /// Everything it said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// What it has said, once it is there.
    pub fn wait_for(&mut self, word: &str) {
        self.wait("its word", |process| process.said().contains(word));
    }

    /// Ends it with no time for anything.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end, without waiting.
    pub fn tell_to_end(&self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.unwrap().success());
    }

    pub fn end(mut self) {
        self.tell_to_end();
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("does not end: {}", self.said());
    }

    fn wait(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if holds(self) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended ({status}) before {what}: {}", self.said());
            }
            std::thread::sleep(PAUSE);
        }
        panic!("waited in vain for {what}: {}", self.said());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A real etcd for tests: one member on this machine, on ports that were free a moment ago, its
//! data in memory. `ETCD` names another program than the one on the `PATH`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Ended, by its own process id, when this is dropped or the test's process ends.
pub struct EtcdProcess {
    folder: PathBuf,
    /// Removes the folder, unless the guard does.
    _owned: Option<TempDir>,
    ports: (u16, u16),
    files: Option<TlsFiles>,
    /// Flags besides the usual ones.
    more: Vec<String>,
    guard: Option<Child>,
}

/// What its TLS is made of (PEM).
#[derive(Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Waits until nobody holds its standard input any more, and ends etcd then: also when the tests
/// were killed. A static is never dropped, so the folder's end is here, too.
const GUARD: &str = r#"folder=$1; shift; "$@" & pid=$!; cat >/dev/null; kill -9 $pid; wait $pid
    if [ -n "$folder" ]; then rm -rf "$folder"; fi"#;
const TRIES: usize = 5;
const READY: &str = "serving client traffic";
const WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

impl EtcdProcess {
    pub fn start() -> Self {
        Self::new(None, Vec::new(), false)
    }

    pub fn with_tls(files: TlsFiles) -> Self {
        Self::with_flags(files, Vec::new())
    }

    /// With TLS, and with these flags of etcd's.
    pub fn with_flags(files: TlsFiles, more: Vec<String>) -> Self {
        Self::new(Some(files), more, false)
    }

    #[allow(dead_code, reason = "a bench uses it")]
    /// With room for millions of Apps.
    pub fn roomy() -> Self {
        Self::new(
            None,
            vec!["--quota-backend-bytes=17179869184".to_owned()],
            false,
        )
    }

    /// For a static.
    pub fn for_ever() -> Self {
        Self::new(None, Vec::new(), true)
    }

    fn new(files: Option<TlsFiles>, more: Vec<String>, forever: bool) -> Self {
        let owned = tempfile::Builder::new().prefix("etcd-").tempdir_in(place());
        let owned = owned.unwrap();
        let folder = owned.path().to_owned();
        let owned = if forever {
            let _kept = owned.keep();
            None
        } else {
            Some(owned)
        };
        let mut etcd = Self {
            folder,
            _owned: owned,
            ports: (0, 0),
            files,
            more,
            guard: None,
        };
        for _ in 0..TRIES {
            etcd.ports = (free_port(), free_port());
            if etcd.begin() {
                return etcd;
            }
            etcd.stop();
        }
        let log = fs::read_to_string(etcd.log()).unwrap_or_default();
        panic!("etcd does not start (is etcd-server installed?): {log}");
    }

    pub fn url(&self) -> String {
        let scheme = if self.files.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://localhost:{}", self.ports.0)
    }

    /// Kills it. Its data stay.
    pub fn stop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            guard.wait().unwrap();
        }
    }

    /// Starts it again, where it was, with the data it had.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.begin(), "etcd does not start again");
    }

    /// Keeps a copy of its data, as a snapshot would.
    pub fn save(&mut self) {
        self.stop();
        self.copy("data", "saved");
        self.restart();
    }

    /// Puts the copy in the place of its data, as a restore would.
    pub fn roll_back(&mut self) {
        self.stop();
        self.copy("saved", "data");
        self.restart();
    }

    fn copy(&self, from: &str, to: &str) {
        let copied = Command::new("sh")
            .args([
                "-c",
                "rm -rf \"$2\" && cp -a \"$1\" \"$2\"",
                "copy",
                from,
                to,
            ])
            .current_dir(&self.folder)
            .status();
        assert!(copied.unwrap().success());
    }

    /// Whether it serves.
    fn begin(&mut self) -> bool {
        let log = fs::File::create(self.log()).unwrap();
        let removed = if self._owned.is_none() {
            self.folder.as_path()
        } else {
            Path::new("")
        };
        let program = std::env::var_os("ETCD").unwrap_or_else(|| "etcd".into());
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(GUARD).arg("guard").arg(removed);
        guard.arg(program).args(self.arguments());
        guard.stdin(Stdio::piped()).stdout(log.try_clone().unwrap());
        guard.stderr(log).current_dir(&self.folder);
        self.guard = Some(guard.spawn().unwrap());
        for _ in 0..WITHIN.as_millis() / PAUSE.as_millis() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            if log.contains(READY) {
                return true;
            }
            if ["address already in use", "not found", "\"fatal\""]
                .iter()
                .any(|w| log.contains(w))
            {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }

    fn arguments(&self) -> Vec<String> {
        let peers = format!("http://127.0.0.1:{}", self.ports.1);
        let client = self.url().replace("localhost", "127.0.0.1");
        let mut all = vec![
            "--data-dir=data".to_owned(),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            // It elects itself at once.
            "--heartbeat-interval=20".to_owned(),
            "--election-timeout=200".to_owned(),
            "--logger=zap".to_owned(),
        ];
        if let Some(files) = &self.files {
            all.push(format!("--cert-file={}", files.certificate.display()));
            all.push(format!("--key-file={}", files.key.display()));
        }
        all.extend(self.more.iter().cloned());
        all
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for EtcdProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

/// In memory, where there is such a place: nobody needs these data after the test.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

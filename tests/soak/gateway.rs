//! The gateway under test: the real binary in a process of its own, looked at from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use tokio::time::Instant;

use crate::region::Region;
use crate::series::Sample;
use crate::site::Site;

/// `limits.drain`: a task that never ends would hold the gateway's end up for so long.
pub const DRAIN: Duration = Duration::from_secs(120);

/// The test waits no longer for anything. Generous, since machines are slow at times.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Gateway {
    child: Child,
    http: Client,
    ops: SocketAddr,
    began: Instant,
}

impl Gateway {
    pub async fn start(region: &Region, site: &Site) -> Self {
        let errors = std::fs::File::create(region.file("stderr")).unwrap();
        let child = Command::new(binary())
            .args(["serve", "--cores", "1", "--config"])
            .arg(region.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut gateway = Self {
            child,
            http: client(site),
            ops: site.ops,
            began: Instant::now(),
        };
        gateway.is_ready(region).await;
        gateway
    }

    async fn is_ready(&mut self, region: &Region) {
        let url = format!("http://{}/readyz", self.ops);
        let deadline = Instant::now() + PATIENCE;
        while !matches!(self.http.get(&url).send().await, Ok(answer) if answer.status() == 200) {
            let is_alive = self.child.try_wait().unwrap().is_none();
            let said = || std::fs::read_to_string(region.file("stderr")).unwrap();
            assert!(
                is_alive && Instant::now() < deadline,
                "it does not start: {}",
                said()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A client of the admin API and of ops.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// What the process has now.
    pub fn sample(&self) -> Sample {
        let proc = format!("/proc/{}", self.child.id());
        let read = |name: &str| std::fs::read_to_string(Path::new(&proc).join(name)).unwrap();
        let (memory, status) = (read("smaps_rollup"), read("status"));
        // Pages that the allocator has given back already and that nobody has fetched yet.
        let lazy = number(&memory, "LazyFree:");
        Sample {
            at: self.began.elapsed().as_secs_f64(),
            tokens: 0,
            anonymous: (number(&memory, "Anonymous:") - lazy) * 1024.0,
            resident: number(&status, "VmRSS:") * 1024.0,
            threads: number(&status, "Threads:"),
            files: std::fs::read_dir(format!("{proc}/fd")).unwrap().count() as f64,
        }
    }

    /// How many threads there are of each name.
    pub fn threads(&self) -> BTreeMap<String, usize> {
        let mut threads = BTreeMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        // One may end meanwhile.
        let name = |task: PathBuf| std::fs::read_to_string(task.join("comm")).ok();
        for name in tasks.filter_map(|task| name(task.unwrap().path())) {
            *threads.entry(name.trim_end().to_owned()).or_default() += 1;
        }
        threads
    }

    /// The sum of a metric's series that have this label.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let url = format!("http://{}/metrics", self.ops);
        let answer = self.http.get(url).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let lines = text.lines().filter(|line| {
            let series = line.strip_prefix(name);
            series.is_some_and(|s| s.starts_with(['{', ' ']) && s.contains(label))
        });
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        lines.map(value).sum()
    }

    /// Tells it to end. Whether that took less time than there is for what does not end by itself.
    pub async fn ends_by_itself(&mut self) -> bool {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.unwrap().success());
        let deadline = Instant::now() + DRAIN / 2;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `SOAK_BINARY`, or the one that was built with the test.
#[expect(clippy::disallowed_methods, reason = "a test's own choice")]
fn binary() -> String {
    let other = std::env::var("SOAK_BINARY");
    other.unwrap_or_else(|_| env!("CARGO_BIN_EXE_domicile").to_owned())
}

/// The number of a line such as `VmRSS:  1234 kB`; 0 without one.
fn number(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.map_or(0.0, |number| number.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
fn client(site: &Site) -> Client {
    Client::builder()
        .no_proxy()
        .http1_only()
        .tls_danger_accept_invalid_certs(true)
        .resolve("admin.frankfurt.test", site.admin)
        // The admin API ends each connection after 5 minutes, whatever is under way on it.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

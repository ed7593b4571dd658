//! The binary in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domicile::domain::{Clock as _, SystemClock};

use super::scrape::Metrics;
use super::{World, eventually, in_time};

/// A `domicile serve` of one region, on the addresses of [`super::Plan::listens_on`].
pub struct Process {
    child: Child,
    log: PathBuf,
    pub https: SocketAddr,
    pub http: SocketAddr,
    pub ops: SocketAddr,
    pub msync: SocketAddr,
}

/// The machine's time, which the binary lives in, in unix seconds.
pub fn system_now() -> u32 {
    u32::try_from(SystemClock.unix()).unwrap()
}

impl Process {
    /// A loopback address for test number `n` of this process.
    pub fn own_ip(n: u8) -> String {
        let pid = std::process::id();
        format!("127.{}.{}.{n}", 100 + pid % 100, 1 + pid / 100 % 250)
    }

    /// Starts it with the world's one configuration, and waits until it is ready.
    pub async fn serve(world: &World, environment: &[(&str, &str)]) -> Self {
        let config = world.configure().remove(0);
        let log = world.root().join("stderr");
        Self::start(&config, &world.plan.ip, log, environment).await
    }

    /// Starts it with a configuration that listens on the ports of [`super::Plan::listens_on`].
    pub async fn start(
        config: &Path,
        ip: &str,
        log: PathBuf,
        environment: &[(&str, &str)],
    ) -> Self {
        let ip: std::net::IpAddr = ip.parse().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_domicile"))
            .args(["serve", "--cores", "1", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            log,
            https: SocketAddr::new(ip, 7401),
            http: SocketAddr::new(ip, 7402),
            ops: SocketAddr::new(ip, 7404),
            msync: SocketAddr::new(ip, 7405),
        };
        process.is_ready().await;
        process
    }

    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    async fn is_ready(&mut self) {
        in_time("the gateway to listen", async {
            while tokio::net::TcpStream::connect(self.https).await.is_err() {
                if self.child.try_wait().unwrap().is_some() {
                    panic!("the gateway does not start: {}", self.logged());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    pub async fn metrics(&self) -> Metrics {
        Metrics::scrape(self.ops).await
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// Tells it to end, and gives what it logged.
    pub async fn end(mut self) -> String {
        self.signal("TERM");
        self.has_ended().await
    }

    /// Waits until it has ended well, and gives what it logged.
    pub async fn has_ended(&mut self) -> String {
        eventually("the gateway to end", || {
            self.child.try_wait().unwrap().is_some()
        })
        .await;
        let log = self.logged();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {log}");
        log
    }

    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

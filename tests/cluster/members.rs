//! The three members of etcd, each at a site of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use serde_json::Value;

use crate::harness::certificates::{self, Wish};
use crate::residency::network::Network;
use crate::residency::process::Process;

pub struct Members {
    members: [Option<Process>; COUNT],
    root: PathBuf,
}

const COUNT: usize = 3;
/// Where they all are.
pub const ADDRESSES: &str = "10.80.0.0/16";
/// How long they may be without a leader that knows of itself.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

impl Members {
    pub fn start(network: &Network, root: &Path) -> Self {
        let mut members = Self {
            members: [None, None, None],
            root: root.to_owned(),
        };
        for n in 0..COUNT {
            members.certify(n);
        }
        members.start_all(network);
        members.prepare(network);
        members
    }

    /// All members' URLs, as in a gateway's configuration.
    pub fn endpoints() -> String {
        let urls: Vec<_> = (0..COUNT).map(|n| format!("\"{}\"", client(n))).collect();
        urls.join(", ")
    }

    pub fn kill(&self, n: usize) {
        self.members[n].as_ref().unwrap().kill();
    }

    pub fn begin(&mut self, network: &Network, n: usize) {
        let log = self.root.join(format!("etcd-{n}.log"));
        let file = |end: &str| self.root.join(format!("etcd-{n}.{end}"));
        let member = Process::start(network, &site(n), "etcd", &log, |command| {
            command.args(["--name", &name(n)]);
            command.arg("--data-dir").arg(file("data"));
            command.args(["--listen-client-urls", &client(n)]);
            command.args(["--advertise-client-urls", &client(n)]);
            command.args(["--listen-peer-urls", &peer(n)]);
            command.args(["--initial-advertise-peer-urls", &peer(n)]);
            command.args(["--initial-cluster", &cluster()]);
            command.arg("--cert-file").arg(file("crt"));
            command.arg("--key-file").arg(file("key"));
            command.arg("--logger=zap");
        });
        self.members[n] = Some(member);
    }

    /// Keeps a snapshot of this name; of the leader, which knows everything.
    pub fn save(&self, network: &Network, name: &str) {
        let leader = self.leader(network);
        let saved = self.ctl(network, leader, &["snapshot", "save", &self.snapshot(name)]);
        saved.unwrap();
    }

    /// As etcd's manual says: all members are made anew of the snapshot.
    pub fn restore(&mut self, network: &Network, name: &str) {
        for member in &mut self.members {
            drop(member.take());
        }
        for n in 0..COUNT {
            let data = self.root.join(format!("etcd-{n}.data"));
            fs::remove_dir_all(&data).unwrap();
            let (snapshot, own) = (self.snapshot(name), self::name(n));
            let (peer, cluster) = (peer(n), cluster());
            let arguments = [
                "snapshot",
                "restore",
                &snapshot,
                "--name",
                &own,
                "--initial-advertise-peer-urls",
                &peer,
                "--initial-cluster",
                &cluster,
                "--data-dir",
                data.to_str().unwrap(),
            ];
            network.run(&site(n), "etcdctl", &arguments);
        }
        self.start_all(network);
        self.leader(network);
    }

    fn start_all(&mut self, network: &Network) {
        (0..COUNT).for_each(|n| self.begin(network, n));
    }

    fn snapshot(&self, name: &str) -> String {
        self.root.join(format!("{name}.db")).display().to_string()
    }

    /// Who leads, as soon as somebody does.
    pub fn leader(&self, network: &Network) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(leader) = (0..COUNT).find(|n| self.leads(network, *n)) {
                return leader;
            }
            assert!(Instant::now() < until, "nobody leads");
            std::thread::sleep(PAUSE);
        }
    }

    fn leads(&self, network: &Network, n: usize) -> bool {
        let said = self.ctl(network, n, &["endpoint", "status", "-w", "json"]);
        let said = said.map_or(Value::Null, |said| serde_json::from_str(&said).unwrap());
        let status = &said[0]["Status"];
        !status.is_null() && status["leader"] == status["header"]["member_id"]
    }

    /// What etcdctl printed, or what was wrong.
    fn ctl(&self, network: &Network, n: usize, arguments: &[&str]) -> Result<String, String> {
        let password = fs::read_to_string(self.root.join("root.password")).unwrap();
        let user = format!("root:{}", password.trim());
        let mut command = network.command(&site(n), "etcdctl");
        command.args(["--endpoints", &client(n), "--user", &user, "--cacert"]);
        command.arg(self.root.join("ca.crt")).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    fn certify(&self, n: usize) {
        let pair = certificates::issue(&Wish::address(&address(n)));
        let file = |end: &str| self.root.join(format!("etcd-{n}.{end}"));
        fs::write(file("crt"), &pair.certificate).unwrap();
        fs::write(file("key"), &pair.key).unwrap();
    }

    /// As docs/registry.md says.
    fn prepare(&mut self, network: &Network) {
        for member in self.members.iter_mut().flatten() {
            member.wait_for("serving client traffic");
        }
        let at = |name: &str| self.root.join(name).display().to_string();
        let password = at("root.password");
        fs::write(&password, "the-clusters-root\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        let domicile = env!("CARGO_BIN_EXE_domicile");
        let arguments = [
            "registry",
            "init-etcd",
            "--endpoint",
            &client(0),
            "--catalogue",
            &at("regions"),
            "--root-password-file",
            &password,
            "--passwords",
            &at("passwords"),
            "--ca",
            &at("ca.crt"),
        ];
        // It may be run again, and on a busy machine etcd may be too slow for the first time.
        let until = Instant::now() + PATIENCE;
        loop {
            let output = network.command(&site(0), domicile).args(arguments).output();
            let output = output.unwrap();
            if output.status.success() {
                return;
            }
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(Instant::now() < until, "init-etcd: {said}");
        }
    }
}

/// The sites, and their addresses.
pub fn sites() -> impl Iterator<Item = (String, String)> {
    (0..COUNT).map(|n| (site(n), address(n)))
}

fn site(n: usize) -> String {
    format!("member-{n}")
}

fn name(n: usize) -> String {
    format!("m{n}")
}

pub fn address(n: usize) -> String {
    format!("10.80.{n}.10")
}

fn client(n: usize) -> String {
    format!("https://{}:2379", address(n))
}

fn peer(n: usize) -> String {
    format!("http://{}:2380", address(n))
}

fn cluster() -> String {
    let all: Vec<_> = (0..COUNT)
        .map(|n| format!("{}={}", name(n), peer(n)))
        .collect();
    all.join(",")
}

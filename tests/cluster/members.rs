//! The three members of etcd, each at a site of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::certificates::{self, Wish};
use crate::residency::network::Network;
use crate::residency::process::Process;

pub struct Members {
    members: [Option<Process>; COUNT],
    root: PathBuf,
}

const COUNT: usize = 3;

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

    /// Keeps a snapshot.
    pub fn save(&self, network: &Network) {
        self.ctl(network, 0, &["snapshot", "save", &self.snapshot()]);
    }

    /// As etcd's manual says: all members are made anew of the snapshot.
    pub fn restore(&mut self, network: &Network) {
        for member in &mut self.members {
            drop(member.take());
        }
        for n in 0..COUNT {
            let data = self.root.join(format!("etcd-{n}.data"));
            fs::remove_dir_all(&data).unwrap();
            let (name, peer, cluster) = (name(n), peer(n), cluster());
            let snapshot = self.snapshot();
            let arguments = [
                "snapshot",
                "restore",
                &snapshot,
                "--name",
                &name,
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
    }

    fn start_all(&mut self, network: &Network) {
        (0..COUNT).for_each(|n| self.begin(network, n));
    }

    fn snapshot(&self) -> String {
        self.root.join("snapshot.db").display().to_string()
    }

    pub fn leader(&self, network: &Network) -> usize {
        let of = |n| {
            let said = self.ctl(network, n, &["endpoint", "status", "-w", "json"]);
            let said: Value = serde_json::from_str(&said).unwrap();
            let status = &said[0]["Status"];
            status["leader"] == status["header"]["member_id"]
        };
        (0..COUNT).find(|n| of(*n)).expect("somebody leads")
    }

    fn ctl(&self, network: &Network, n: usize, arguments: &[&str]) -> String {
        let password = fs::read_to_string(self.root.join("root.password")).unwrap();
        let (user, endpoint) = (format!("root:{}", password.trim()), client(n));
        let ca = self.root.join("ca.crt");
        let access = ["--endpoints", &endpoint, "--user", &user, "--cacert"];
        let all = [&access[..], &[ca.to_str().unwrap()], arguments].concat();
        network.run(&site(n), "etcdctl", &all)
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
        fs::write(&password, "the-cluster's\n".replace('\'', "-")).unwrap();
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
        network.run(&site(0), domicile, &arguments);
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

fn address(n: usize) -> String {
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

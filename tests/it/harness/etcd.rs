//! A real etcd as the registry of a [`World`]: TLS, a user and a role for each region, made by
//! `domicile registry init-etcd`.

#[path = "../../../src/registry/tests/etcd/process.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod process;

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use process::{EtcdProcess, TlsFiles};

use super::certificates::{self, Pair, Wish};
use super::process::Process;
use super::{Wire, World};

pub struct Etcd {
    process: EtcdProcess,
    folder: PathBuf,
    /// Whether it asks for client certificates.
    asks: bool,
}

impl Etcd {
    /// Starts it, in the folder of the world's files.
    pub fn start(world: &World) -> Self {
        Self::with_flags(world, &[])
    }

    /// The same, and it lets nobody in without a certificate of the CA.
    pub fn asking_for_certificates(world: &World) -> Self {
        let ca = world.root().join("etcd/ca.crt");
        let ca = format!("--trusted-ca-file={}", ca.display());
        let mut etcd = Self::with_flags(world, &["--client-cert-auth", &ca]);
        etcd.asks = true;
        etcd
    }

    pub fn with_flags(world: &World, flags: &[&str]) -> Self {
        let folder = world.root().join("etcd");
        fs::create_dir(&folder).unwrap();
        let pair = certificates::issue(&Wish::names(&["localhost"]));
        let files = TlsFiles {
            certificate: folder.join("etcd.crt"),
            key: folder.join("etcd.key"),
        };
        fs::write(&files.certificate, pair.certificate).unwrap();
        fs::write(&files.key, pair.key).unwrap();
        fs::write(folder.join("ca.crt"), certificates::ca()).unwrap();
        private(&folder.join("root.password"), "root's\n");
        show(&folder, &client());
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        Self {
            process: EtcdProcess::with_flags(files, flags.collect()),
            folder,
            asks: false,
        }
    }

    /// From now on clients show this certificate.
    pub fn clients_show(&self, pair: &Pair) {
        show(&self.folder, pair);
    }

    /// What its administrator does with etcd's own tool; the error is what it said.
    pub fn ctl(&self, arguments: &[&str], input: &[u8]) -> Result<String, String> {
        let mut command = Command::new("etcdctl");
        command.args(["--endpoints", &self.process.url(), "--user", "root:root's"]);
        command.arg("--cacert").arg(self.folder.join("ca.crt"));
        command.args(arguments).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("is etcd-client installed?");
        let sent = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            sent.unwrap();
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// Forgets everything but the newest state.
    pub fn compact(&self) {
        let status = self.ctl(&["endpoint", "status", "-w", "json"], b"");
        let status: serde_json::Value = serde_json::from_str(&status.unwrap()).unwrap();
        let newest = &status[0]["Status"]["header"]["revision"];
        self.ctl(&["compact", &newest.to_string()], b"").unwrap();
    }

    /// What its administrator does.
    pub fn init(&self, catalogue: &Path, more: &[&str]) -> Output {
        let file = |name: &str| self.folder.join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args(["registry", "init-etcd", "--output", "json"]);
        command.args(["--endpoint", &self.process.url()]);
        command.arg("--catalogue").arg(catalogue);
        command
            .arg("--root-password-file")
            .arg(file("root.password"));
        command.arg("--passwords").arg(file("passwords"));
        command.arg("--ca").arg(file("ca.crt")).args(more);
        if self.asks {
            command.arg("--certificate").arg(file("client.crt"));
            command.arg("--key").arg(file("client.key"));
        }
        command.output().unwrap()
    }

    /// A `registry.etcd` of a region.
    pub fn section(&self, region: &str) -> String {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let password = file(&format!("passwords/{region}.password"));
        let identity = if self.asks {
            let (certificate, key) = (file("client.crt"), file("client.key"));
            format!(", certificate: {certificate}, key: {key}")
        } else {
            String::new()
        };
        format!(
            "etcd: {{endpoints: [\"{}\"], username: {region}, password: {{file: {password}}}, tls: {{ca: {}{identity}}}}}",
            self.process.url(),
            file("ca.crt"),
        )
    }

    /// A region's password.
    pub fn password(&self, region: &str) -> String {
        let path = self.folder.join(format!("passwords/{region}.password"));
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// Kills it; what it has written stays.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    pub fn restart(&mut self) {
        self.process.restart();
    }

    pub fn save(&mut self) {
        self.process.save();
    }

    pub fn roll_back(&mut self) {
        self.process.roll_back();
    }
}

impl World {
    /// Has the world's gateways, which are not running yet, use that etcd.
    pub fn uses(&mut self, etcd: &Etcd) {
        let made = etcd.init(&self.root().join("regions"), &[]);
        assert!(made.status.success(), "{made:?}");
        let regions = self.plan.regions.clone();
        let sections: Vec<_> = regions.iter().map(|r| (*r, etcd.section(r))).collect();
        self.edit(move |region, yaml| {
            let section = sections.iter().find(|(r, _)| *r == region).unwrap();
            yaml.replace("embedded: {path: ../registry.redb}", &section.1)
        });
    }

    /// A second gateway of a region, as a process of its own; before the first one starts.
    pub fn twin(&self, region: &str, n: u8) -> Twin {
        let (from, to) = (
            self.root().join(region),
            self.root().join(format!("twin-{n}")),
        );
        self.configure();
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        let ip = Process::own_ip(n);
        let config = to.join("gateway.yaml");
        let mut yaml = fs::read_to_string(&config).unwrap();
        for (listener, port) in [
            ("https", 7401),
            ("http", 7402),
            ("admin", 7403),
            ("ops", 7404),
            ("msync", 7405),
        ] {
            let any = format!("{listener}: \"127.0.0.1:0\"");
            yaml = yaml.replace(&any, &format!("{listener}: \"{ip}:{port}\""));
        }
        fs::write(&config, yaml).unwrap();
        Twin { config, ip }
    }

    /// What `/readyz` says: the status, and the registry's detail.
    pub async fn readiness(&self, region: &str) -> (u16, String) {
        readiness(self.addresses(region).ops.unwrap()).await
    }
}

/// A gateway that is to be started.
pub struct Twin {
    config: PathBuf,
    ip: String,
}

impl Twin {
    pub async fn start(&self) -> Process {
        let log = self.config.with_file_name("stderr");
        Process::start(&self.config, &self.ip, log, &[]).await
    }
}

pub async fn readiness(ops: SocketAddr) -> (u16, String) {
    let mut wire = Wire::plain(ops).await;
    wire.send("GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")
        .await;
    let answer = wire.answer().await;
    let json = answer.json();
    let checks = json["checks"].as_array().unwrap();
    let registry = checks.iter().find(|c| c["name"] == "registry").unwrap();
    (
        answer.status,
        registry["detail"].as_str().unwrap().to_owned(),
    )
}

/// What etcd's JSON gateway accepts of a client: without a common name.
pub fn client() -> Pair {
    certificates::issue(&Wish::uri("domicile://etcd/client").nameless())
}

fn show(folder: &Path, pair: &Pair) {
    fs::write(folder.join("client.crt"), &pair.certificate).unwrap();
    fs::write(folder.join("client.key"), &pair.key).unwrap();
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

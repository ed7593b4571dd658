//! A configuration that is right, in a folder of its own, to be broken by a test.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::config::{Config, Fault, Faults, Warning, load};

pub(super) const GATEWAY: &str = r#"region: frankfurt
catalogue: {path: regions/}
data_dir: data
listen:
  https: "0.0.0.0:8443"
  msync: "0.0.0.0:6717"
  admin: "0.0.0.0:9443"
  ops: "0.0.0.0:9090"
tls:
  certificates:
    - {certificate: tls/fra.crt, key: tls/fra.key}
  names: ["Chat.Example.net"]
zones:
  fra1:
    egress: ["10.71.0.0/16"]
    upstreams:
      rest: ["https://10.71.0.10:8443"]
      websocket: ["wss://10.71.0.20:8444/websocket"]
      msync: ["tls://10.71.0.30:6717"]
    channels:
      room: {rest: ["https://10.71.0.11:8443"]}
    tls: {ca: tls/ca.crt}
registry:
  embedded: {path: registry.redb}
keys:
  seal: {file: keys/frankfurt.seal}
  pin: {file: keys/frankfurt.pin}
"#;

pub(super) const FRANKFURT: &str = r#"region: frankfurt
location: Frankfurt, Germany
service_area: europe
zones: [fra1]
endpoints:
  rest: ["https://a71.chat.example.com"]
  websocket: ["wss://msync-api-71.chat.example.com/websocket"]
  msync: ["msync-im-71-tls.chat.example.com:443"]
  admin: ["https://admin-71.chat.example.com:9443"]
pin_keys:
  - {id: fra-2026, key: "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="}
"#;

pub(super) const BEIJING: &str = r#"region: beijing
location: Beijing, China
service_area: mainland-china
zones: [bj1, vip6]
endpoints:
  rest: ["https://a1.chat.example.com"]
  websocket: ["wss://msync-api.chat.example.com/websocket"]
  msync: ["msync-im-tls.chat.example.com:443"]
  admin: ["https://admin.chat.example.com:9443"]
pin_keys:
  - {id: bj-2026, key: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=", not_after: "2030-01-01T00:00:00Z"}
"#;

pub(super) struct Fixture {
    folder: TempDir,
    gateway: String,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let fixture = Self {
            folder: TempDir::new().unwrap(),
            gateway: GATEWAY.to_owned(),
        };
        fixture.write("regions/frankfurt.yaml", FRANKFURT);
        fixture.write("regions/beijing.yaml", BEIJING);
        fixture
    }

    /// A text of `gateway.yaml`, that must be there, becomes another.
    pub(super) fn with(mut self, from: &str, to: &str) -> Self {
        self.gateway = replaced(&self.gateway, from, to);
        self
    }

    /// The same in a file of the catalogue.
    pub(super) fn with_region(self, file: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        self.write(file, replaced(&text, from, to));
        self
    }

    /// Lines at the end of `gateway.yaml`.
    pub(super) fn and(mut self, lines: &str) -> Self {
        self.gateway.push_str(lines);
        self
    }

    pub(super) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file that only its owner reads.
    pub(super) fn write_private(&self, file: &str, text: impl AsRef<[u8]>) {
        self.write(file, text);
        self.set_mode(file, 0o600);
    }

    #[cfg(unix)]
    pub(super) fn set_mode(&self, file: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(self.path(file), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    pub(super) fn set_mode(&self, _: &str, _: u32) {}

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes `gateway.yaml` and gives its path.
    pub(super) fn gateway(&self) -> PathBuf {
        self.write("gateway.yaml", &self.gateway);
        self.path("gateway.yaml")
    }

    pub(super) fn load(&self) -> Result<(Config, Vec<Warning>), Faults> {
        load(&self.gateway())
    }

    pub(super) fn good(&self) -> (Config, Vec<Warning>) {
        self.load().unwrap_or_else(|faults| panic!("{faults}"))
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(faults) => faults.faults,
        }
    }

    /// The only fault, as `path:line: problem`.
    #[track_caller]
    pub(super) fn expect(&self, expected: &str) {
        let faults = self.faults();
        assert_eq!(short(&faults), [expected], "{faults:#?}");
    }
}

pub(super) fn short(faults: &[Fault]) -> Vec<String> {
    let line = |fault: &Fault| fault.line.map_or_else(String::new, |line| line.to_string());
    let text = |fault: &Fault| format!("{}:{}: {}", fault.path, line(fault), fault.problem);
    faults.iter().map(text).collect()
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the text");
    text.replacen(from, to, 1)
}

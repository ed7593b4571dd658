//! The whole of it: four regions with gateways and data centres of their own, clients, and one etcd,
//! each at its site, run by the real binary.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{self, App};
use super::fake::{self, Fake};
use super::names::Names;
use super::network::Network;
use super::places::{CLIENTS, CLIENTS_ADDRESS, ETCD, ETCD_ADDRESS, PLACES, Place, Zone, place};
use super::process::Process;
use crate::harness::certificates::{self, Pair, Wish};

/// Dropped in this order: processes before the network that they are in.
pub struct Lab {
    gateways: HashMap<&'static str, Process>,
    centres: HashMap<&'static str, Process>,
    _etcd: Process,
    pub fake: Fake,
    pub names: Names,
    pub network: Network,
    owners: HashMap<&'static str, String>,
    pub apps: Vec<App>,
    root: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let network = sites();
        fake::write_ca(&root.path().join("ca.crt"));
        let owners = PLACES.map(|place| (place.region, make_region(root.path(), place)));
        let etcd = start_etcd(&network, root.path());
        prepare_etcd(&network, root.path());
        let names = Names::serve(place("frankfurt").gateway());
        let home = fake_address();
        names.set(fake::NAME, &[&[&home]]);
        let mut lab = Self {
            gateways: HashMap::new(),
            centres: HashMap::new(),
            _etcd: etcd,
            fake: Fake::start(),
            names,
            network,
            owners: owners.into(),
            apps: Vec::new(),
            root,
        };
        for place in PLACES {
            place.zones().for_each(|zone| lab.start_centre(place, zone));
            lab.start_gateway(place);
        }
        PLACES.into_iter().for_each(client::wait_for);
        for place in PLACES {
            for zone in place.zones() {
                let app = lab.register(place, zone, &format!("{}-app", zone.id));
                lab.apps.push(app);
            }
        }
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn app(&self, zone: &str) -> &App {
        self.apps.iter().find(|app| app.zone.id == zone).unwrap()
    }

    /// An App of this zone, with a user.
    pub fn register(&self, place: Place, zone: Zone, name: &str) -> App {
        let wish = json!({"org": "proof", "app": name, "region": place.region, "zone": zone.id});
        let made = client::administer(place, &self.owners[place.region], &wish);
        App::new(place, zone, &made)
    }

    /// A file with all Apps, to be asked for by `domicile probe`.
    pub fn canaries(&self) -> PathBuf {
        let apps = self.apps.iter();
        let apps = apps.map(|app| json!({"app_key": app.app_key, "region": app.place.region}));
        let file = self.path("canaries.json");
        fs::write(&file, Value::from_iter(apps).to_string()).unwrap();
        file
    }

    pub fn start_gateway(&mut self, place: Place) {
        let folder = self.path(place.region);
        let log = folder.join("gateway.log");
        let gateway = Process::domicile(&self.network, &place.gateway(), &log, |command| {
            command.args(["serve", "--cores", "1", "--config"]);
            command.arg(folder.join("gateway.yaml"));
            // Somebody abroad who would take everything.
            let abroad = PLACES.into_iter().find(|other| *other != place).unwrap();
            let proxy = abroad.zones().next().unwrap().address();
            for variable in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
                command.env(variable, format!("http://{proxy}:8443"));
                command.env(variable.to_lowercase(), format!("http://{proxy}:8443"));
            }
        });
        self.gateways.insert(place.region, gateway);
    }

    pub fn gateway(&mut self, place: Place) -> Process {
        self.gateways.remove(place.region).unwrap()
    }

    pub fn start_centre(&mut self, place: Place, zone: Zone) {
        let folder = self.path(place.region);
        let log = folder.join(format!("{}.log", zone.id));
        let ca = self.path("ca.crt");
        let mut centre = Process::domicile(&self.network, &place.centre(), &log, |command| {
            let address = zone.address();
            command.args(["datacenter", "--region", place.region, "--zone", zone.id]);
            command.arg("--data").arg(folder.join(zone.id));
            command.args(["--rest", &format!("{address}:8443")]);
            command.args(["--websocket", &format!("{address}:8444")]);
            command.args(["--msync", &format!("{address}:6717")]);
            command.arg("--gateway-ca").arg(ca);
            let tls = |end: &str| folder.join(format!("tls/{}.{end}", zone.id));
            command.arg("--certificate").arg(tls("crt"));
            command.arg("--key").arg(tls("key"));
        });
        centre.wait_for("REST");
        self.centres.insert(zone.id, centre);
    }

    pub fn stop_centre(&mut self, zone: &str) {
        self.centres.remove(zone).unwrap().end();
    }

    /// Adds to a gateway's configuration; it takes a restart.
    pub fn configure(&self, place: Place, lines: &str) {
        let file = self.path(place.region).join("gateway.yaml");
        let yaml = fs::read_to_string(&file).unwrap();
        fs::write(file, format!("{yaml}{lines}")).unwrap();
    }

    /// What etcd's administrator does by hand.
    pub fn etcdctl(&self, arguments: &[&str], input: &[u8]) -> String {
        let ca = self.path("ca.crt");
        let password = fs::read_to_string(self.path("root.password")).unwrap();
        let user = format!("root:{}", password.trim());
        let endpoint = format!("https://{ETCD_ADDRESS}:2379");
        let access = ["--endpoints", &endpoint, "--user", &user, "--cacert"];
        let all = [&access[..], &[ca.to_str().unwrap()], arguments].concat();
        self.network.feed(ETCD, "etcdctl", &all, input)
    }

    /// For the report, when something is wrong.
    pub fn logs(&self) -> String {
        let tail = |process: &Process| {
            let said = process.said();
            let lines = said.lines().filter(|line| !line.contains("\"INFO\""));
            let lines: Vec<_> = lines.collect();
            lines[lines.len().saturating_sub(10)..].join("\n")
        };
        let logs = self.gateways.iter();
        let logs = logs.map(|(region, gateway)| format!("-- {region}\n{}\n", tail(gateway)));
        logs.collect()
    }
}

/// The last number of a machine's address where nobody listens.
pub const SILENT: u8 = 30;

/// The address of the machine that answers as the test wants.
pub fn fake_address() -> String {
    let zone = place("frankfurt").zones().next().unwrap();
    zone.machine(fake::MACHINE).to_string()
}

fn sites() -> Network {
    let mut network = Network::new();
    for place in PLACES {
        network.site(&place.gateway(), &[place.gateway_address()]);
        let zones: Vec<_> = place.zones().map(Zone::address).collect();
        network.site(&place.centre(), &zones);
        network.write_etc(&place.gateway(), "resolv.conf", "nameserver 127.0.0.1\n");
    }
    let zone = place("frankfurt").zones().next().unwrap();
    let centre = place("frankfurt").centre();
    // One that answers as the test wants, and one that never listens.
    network.also(&centre, zone.machine(fake::MACHINE));
    network.also(&centre, zone.machine(SILENT));
    network.site(ETCD, &[ETCD_ADDRESS]);
    network.site(CLIENTS, &[CLIENTS_ADDRESS]);
    network.write_etc(CLIENTS, "hosts", &hosts());
    network
}

/// Clients know the names of all regions.
fn hosts() -> String {
    let lines = PLACES.map(|place| {
        let names = place.names().join(" ");
        format!("{} {names}\n", place.gateway_address())
    });
    lines.concat()
}

/// Keys, catalogue entry, certificates and configuration; gives the owner's key.
fn make_region(root: &Path, place: Place) -> String {
    let folder = root.join(place.region);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(["init", "--output", "json", "--region", place.region]);
    command.arg("--data").arg(&folder);
    for zone in place.zones() {
        command.args(["--zone", zone.id]);
    }
    let area = format!("area-{}", place.region);
    command.args(["--location", place.region, "--service-area", &area]);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "init: {error}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    list(root, place);
    certify(&folder, place);
    fs::write(folder.join("gateway.yaml"), gateway_yaml(root, place)).unwrap();
    made["admin_key"].as_str().unwrap().to_owned()
}

/// Puts the region into the catalogue, with endpoints that clients here can reach.
fn list(root: &Path, place: Place) {
    let file = format!("regions/{}.yaml", place.region);
    let made = fs::read_to_string(root.join(place.region).join(&file)).unwrap();
    let (before, rest) = made.split_once("endpoints:").unwrap();
    let (_, keys) = rest.split_once("pin_keys:").unwrap();
    let name = |service| place.name(service);
    let endpoints = format!(
        "endpoints:\n  rest: [\"https://{}:8443\"]\n  websocket: [\"wss://{}:8443/websocket\"]\n  \
         msync: [\"{}:6717\"]\n  admin: [\"https://{}:9443\"]\n",
        name("rest"),
        name("ws"),
        name("msync"),
        name("admin")
    );
    fs::create_dir_all(root.join("regions")).unwrap();
    fs::write(
        root.join(file),
        format!("{before}{endpoints}pin_keys:{keys}"),
    )
    .unwrap();
}

fn certify(folder: &Path, place: Place) {
    let tls = folder.join("tls");
    fs::create_dir_all(&tls).unwrap();
    let write = |name: &str, pair: &Pair| {
        fs::write(tls.join(format!("{name}.crt")), &pair.certificate).unwrap();
        fs::write(tls.join(format!("{name}.key")), &pair.key).unwrap();
    };
    write(
        place.region,
        &certificates::issue(&Wish::names(&place.names())),
    );
    let identity = format!("domicile://region/{}/gateway", place.region);
    write("gateway", &certificates::issue(&Wish::uri(&identity)));
    for zone in place.zones() {
        let wish = Wish::address(&zone.address().to_string());
        write(zone.id, &certificates::issue(&wish));
    }
}

fn gateway_yaml(root: &Path, place: Place) -> String {
    let (region, root) = (place.region, root.display());
    let zones: String = place.zones().map(|zone| zone_yaml(place, zone)).collect();
    format!(
        "region: {region}\n\
         catalogue: {{path: ../regions/}}\n\
         data_dir: .\n\
         listen: {{https: \"{https}\", msync: \"{msync}\", admin: \"{admin}\", ops: \"{ops}\"}}\n\
         tls: {{certificates: [{{certificate: tls/{region}.crt, key: tls/{region}.key}}]}}\n\
         zones:\n{zones}\
         registry:\n\
         \x20 etcd:\n\
         \x20   endpoints: [\"https://{ETCD_ADDRESS}:2379\"]\n\
         \x20   username: {region}\n\
         \x20   password: {{file: {root}/passwords/{region}.password}}\n\
         \x20   tls: {{ca: {root}/ca.crt}}\n\
         keys: {{seal: {{file: keys/{region}.seal}}, pin: {{file: keys/{region}.pin}}}}\n\
         limits: {{drain_grace: 0s, drain: 5s, connect: 1s, first_byte: 10s}}\n",
        https = place.https(),
        msync = place.msync(),
        admin = place.admin(),
        ops = place.ops(),
    )
}

/// Frankfurt's groups and rooms are at the machine that answers as the test wants.
fn zone_yaml(place: Place, zone: Zone) -> String {
    let address = zone.address();
    let channels = if place.region == "frankfurt" {
        let (name, port) = (fake::NAME, fake::BY_NAME);
        let (fake, other) = (fake_address(), fake::BY_ADDRESS);
        format!(
            "    channels:\n      room: {{rest: [\"https://{name}:{port}\"]}}\n      \
             group: {{rest: [\"https://{fake}:{other}\"]}}\n"
        )
    } else {
        String::new()
    };
    format!(
        "  {id}:\n    egress: [\"{prefix}\"]\n    upstreams:\n      rest: [\"https://{address}:8443\"]\n      \
         websocket: [\"wss://{address}:8444/websocket\"]\n      msync: [\"tls://{address}:6717\"]\n      \
         msync_preamble: true\n    \
         tls: {{ca: ../ca.crt, certificate: tls/gateway.crt, key: tls/gateway.key}}\n{channels}",
        id = zone.id,
        prefix = zone.prefix(),
    )
}

fn start_etcd(network: &Network, root: &Path) -> Process {
    let pair = certificates::issue(&Wish::address(&ETCD_ADDRESS.to_string()));
    let (certificate, key) = (root.join("etcd.crt"), root.join("etcd.key"));
    fs::write(&certificate, &pair.certificate).unwrap();
    fs::write(&key, &pair.key).unwrap();
    let log = root.join("etcd.log");
    let mut etcd = Process::start(network, ETCD, "etcd", &log, |command| {
        let client = format!("https://{ETCD_ADDRESS}:2379");
        let peers = "http://127.0.0.1:2380";
        command.arg("--data-dir").arg(root.join("etcd"));
        command.args(["--listen-client-urls", &client]);
        command.args(["--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", peers]);
        command.args(["--initial-advertise-peer-urls", peers]);
        command.args(["--initial-cluster", &format!("default={peers}")]);
        command.arg("--cert-file").arg(&certificate);
        command.arg("--key-file").arg(&key).arg("--logger=zap");
    });
    etcd.wait_for("serving client traffic");
    etcd
}

/// As docs/registry.md says: users, roles, the list of regions.
fn prepare_etcd(network: &Network, root: &Path) {
    let password = root.join("root.password");
    fs::write(
        &password,
        "root's password of the proof\n".replace([' ', '\''], "-"),
    )
    .unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let endpoint = format!("https://{ETCD_ADDRESS}:2379");
    let at = |name: &str| root.join(name).display().to_string();
    let arguments = [
        "registry",
        "init-etcd",
        "--endpoint",
        &endpoint,
        "--catalogue",
        &at("regions"),
        "--root-password-file",
        &at("root.password"),
        "--passwords",
        &at("passwords"),
        "--ca",
        &at("ca.crt"),
    ];
    network.run(ETCD, env!("CARGO_BIN_EXE_domicile"), &arguments);
}

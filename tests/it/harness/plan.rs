//! What a world is to be like, and its files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domicile::admin::{AdminKey, OwnerFile};
use domicile::config::keys::write_new;
use domicile::config::{KeyFile, PinSigningKey};
use domicile::registry::{Store, SystemRandomness};

use super::certificates;

/// The regions and their zones, in the order of their numbers.
pub const REGIONS: [(&str, &[&str]); 4] = [
    ("beijing", &["bj1", "vip6"]),
    ("singapore", &["sg1"]),
    ("frankfurt", &["fra1"]),
    ("virginia", &["va1"]),
];

/// The region that a zone belongs to.
pub fn region_of(zone: &str) -> &'static str {
    let found = REGIONS.iter().find(|(_, zones)| zones.contains(&zone));
    found.unwrap_or_else(|| panic!("there is no zone {zone}")).0
}

/// The `m` of 127.(40+n).m.0/24, and `n`.
fn numbers(zone: &str) -> (u8, u8) {
    for (n, (_, zones)) in (1..).zip(REGIONS) {
        if let Some((m, _)) = (1..).zip(zones).find(|(_, z)| **z == zone) {
            return (n, m);
        }
    }
    panic!("there is no zone {zone}")
}

/// Where a zone's data centre number `k` listens.
pub fn ip_of(zone: &str, k: u8) -> IpAddr {
    let (n, m) = numbers(zone);
    Ipv4Addr::new(127, 40 + n, m, 10 + k).into()
}

/// The names of a region, as clients use them.
pub fn rest_name(region: &str) -> String {
    format!("rest.{region}.test")
}

pub fn names(region: &str) -> Vec<String> {
    let hosts = ["rest", "ws", "msync", "admin"].map(|kind| format!("{kind}.{region}.test"));
    hosts
        .into_iter()
        .chain([format!("{region}.localhost")])
        .collect()
}

/// Builds a [`super::World`].
pub struct Plan {
    pub(super) regions: Vec<&'static str>,
    pub(super) cores: usize,
    pub(super) limits: BTreeMap<String, String>,
    pub(super) hint: &'static str,
    pub(super) require_name: bool,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) max_age: String,
    /// Data centres of a zone, beyond the first.
    pub(super) more: BTreeMap<&'static str, u8>,
    /// Channels of a zone with a data centre of their own.
    pub(super) channels: Vec<(&'static str, &'static str)>,
    /// Other texts for a zone's REST upstreams; `{port}` is the first data centre's.
    pub(super) upstreams: BTreeMap<&'static str, Vec<String>>,
    /// Another URL for a zone's WebSocket upstream.
    pub(super) websockets: BTreeMap<&'static str, String>,
    pub(super) egress: BTreeMap<&'static str, String>,
    pub(super) sessions: bool,
    pub(super) reference: bool,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) level: &'static str,
    pub(super) ip: String,
    pub(super) ports: BTreeMap<&'static str, u16>,
    pub(super) edits: Vec<Edit>,
}

/// A change to a region's `gateway.yaml`, before it is written.
pub type Edit = Box<dyn Fn(&str, String) -> String + Send + Sync>;

impl Default for Plan {
    fn default() -> Self {
        Self {
            regions: vec!["beijing", "frankfurt"],
            cores: 1,
            limits: BTreeMap::new(),
            hint: "region",
            require_name: true,
            trusted_proxies: Vec::new(),
            max_age: "24h".to_owned(),
            more: BTreeMap::new(),
            channels: Vec::new(),
            upstreams: BTreeMap::new(),
            sessions: true,
            websockets: BTreeMap::new(),
            egress: BTreeMap::new(),
            reference: false,
            store: None,
            level: "info",
            ip: "127.0.0.1".to_owned(),
            ports: BTreeMap::new(),
            edits: Vec::new(),
        }
        .limit("drain_grace", "0s")
        .limit("drain", "1s")
        .limit("connections_per_address", "20000")
    }
}

impl Plan {
    pub fn regions(mut self, regions: &[&'static str]) -> Self {
        self.regions = regions.to_vec();
        self
    }

    /// All four regions.
    pub fn everywhere(self) -> Self {
        self.regions(&REGIONS.map(|(region, _)| region))
    }

    /// Threads that serve traffic; one by default.
    pub fn cores(mut self, cores: usize) -> Self {
        self.cores = cores;
        self
    }

    /// One of `limits`, such as `("body_idle", "300ms")`.
    pub fn limit(mut self, name: &str, value: &str) -> Self {
        self.limits.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `refusals.hint: none`
    pub fn without_hints(mut self) -> Self {
        self.hint = "none";
        self
    }

    /// `tls.require_name: false`
    pub fn without_required_name(mut self) -> Self {
        self.require_name = false;
        self
    }

    pub fn trusted_proxy(mut self, range: &str) -> Self {
        self.trusted_proxies.push(range.to_owned());
        self
    }

    /// `tokens.max_age`
    pub fn max_age(mut self, age: &str) -> Self {
        self.max_age = age.to_owned();
        self
    }

    /// So many data centres in a zone, all for all channels.
    pub fn centres(mut self, zone: &'static str, count: u8) -> Self {
        self.more.insert(zone, count - 1);
        self
    }

    /// A data centre for one channel of a zone alone.
    pub fn channel(mut self, zone: &'static str, channel: &'static str) -> Self {
        self.channels.push((zone, channel));
        self
    }

    /// Other URLs for a zone's REST upstreams; `{port}` becomes the data centre's port.
    pub fn upstreams(mut self, zone: &'static str, urls: &[&str]) -> Self {
        let urls = urls.iter().map(ToString::to_string).collect();
        self.upstreams.insert(zone, urls);
        self
    }

    /// Another URL for a zone's WebSocket upstream; `{port}` becomes the data centre's port.
    pub fn websocket(mut self, zone: &'static str, url: &str) -> Self {
        self.websockets.insert(zone, url.to_owned());
        self
    }

    /// No upstreams for SDK sessions: what is dialled is for REST.
    pub fn rest_only(mut self) -> Self {
        self.sessions = false;
        self
    }

    /// Another egress range of a zone.
    pub fn egress(mut self, zone: &'static str, range: &str) -> Self {
        self.egress.insert(zone, range.to_owned());
        self
    }

    /// The real reference data centre in every zone, instead of ones that record.
    pub fn reference(mut self) -> Self {
        self.reference = true;
        self
    }

    /// The registry's store; an embedded one of its own by default.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// `log.level`
    pub fn level(mut self, level: &'static str) -> Self {
        self.level = level;
        self
    }

    /// Fixed addresses, for a gateway in a process of its own: ports 7401 (https), 7402 (http),
    /// 7403 (admin), 7404 (ops) and 7405 (msync) of a loopback address that nobody else uses.
    pub fn listens_on(mut self, ip: &str) -> Self {
        self.ip = ip.to_owned();
        let listeners = ["https", "http", "admin", "ops", "msync"];
        self.ports = listeners.into_iter().zip(7401..).collect();
        self
    }

    pub(super) fn zones(&self) -> Vec<&'static str> {
        let here = REGIONS
            .iter()
            .filter(|(region, _)| self.regions.contains(region));
        here.flat_map(|(_, zones)| zones.iter().copied()).collect()
    }

    /// Everything but `gateway.yaml`: catalogue, keys, owners, certificates. Made once.
    pub(super) fn lay_out(&self, root: &Path, now: u64) {
        fs::create_dir_all(root.join("regions")).unwrap();
        for region in &self.regions {
            let dir = root.join(region);
            fs::create_dir_all(&dir).unwrap();
            make_keys(&dir, region);
            make_owner(&dir, now);
            let pair = certificates::server(&names(region));
            private(&dir.join("tls.key"), &pair.key);
            fs::write(dir.join("tls.crt"), pair.certificate).unwrap();
            fs::write(
                root.join(format!("regions/{region}.yaml")),
                entry(&dir, region),
            )
            .unwrap();
        }
    }

    /// Writes a region's `gateway.yaml`. `centres` gives the addresses of a zone or a zone's channel.
    pub(super) fn configure(
        &self,
        root: &Path,
        region: &str,
        centres: impl Fn(&str, Option<&str>) -> Vec<SocketAddr>,
        sessions: impl Fn(&str) -> Option<(SocketAddr, SocketAddr)>,
    ) -> PathBuf {
        let zones = REGIONS.iter().find(|(r, _)| *r == region).unwrap().1;
        let zones: String = zones
            .iter()
            .map(|zone| self.zone(zone, &centres, sessions(zone)))
            .collect();
        let limits: Vec<String> = self
            .limits
            .iter()
            .map(|(k, v)| format!("{k}: {v}"))
            .collect();
        let proxies: Vec<String> = self
            .trusted_proxies
            .iter()
            .map(|p| format!("{p:?}"))
            .collect();
        let port = |listener: &str| self.ports.get(listener).copied().unwrap_or(0);
        let yaml = format!(
            "region: {region}\n\
             catalogue: {{path: ../regions/}}\n\
             data_dir: .\n\
             allow_plaintext: true\n\
             listen:\n\
             \x20 https: \"{ip}:{https}\"\n\
             \x20 http: \"{ip}:{http}\"\n\
             \x20 msync: \"{ip}:{msync}\"\n\
             \x20 admin: \"{ip}:{admin}\"\n\
             \x20 ops: \"{ip}:{ops}\"\n\
             \x20 trusted_proxies: [{proxies}]\n\
             tls:\n\
             \x20 certificates: [{{certificate: tls.crt, key: tls.key}}]\n\
             \x20 names: [\"{region}.localhost\"]\n\
             \x20 require_name: {name}\n\
             zones:\n{zones}\
             registry:\n\
             \x20 embedded: {{path: ../registry.redb}}\n\
             \x20 anchor: registry.anchor\n\
             keys: {{seal: {{file: seal.key}}, pin: {{file: pin.key}}}}\n\
             tokens: {{max_age: {age}}}\n\
             refusals: {{hint: {hint}}}\n\
             limits: {{{limits}}}\n\
             log: {{level: {level}}}\n",
            ip = self.ip,
            https = port("https"),
            http = port("http"),
            msync = port("msync"),
            admin = port("admin"),
            ops = port("ops"),
            proxies = proxies.join(", "),
            name = self.require_name,
            age = self.max_age,
            hint = self.hint,
            limits = limits.join(", "),
            level = self.level,
        );
        let yaml = self
            .edits
            .iter()
            .fold(yaml, |yaml, edit| edit(region, yaml));
        let path = root.join(region).join("gateway.yaml");
        fs::write(&path, yaml).unwrap();
        path
    }

    fn zone(
        &self,
        zone: &str,
        centres: &impl Fn(&str, Option<&str>) -> Vec<SocketAddr>,
        sessions: Option<(SocketAddr, SocketAddr)>,
    ) -> String {
        let (n, m) = numbers(zone);
        let egress = self.egress.get(zone).cloned();
        let egress = egress.unwrap_or_else(|| format!("127.{}.{m}.0/24", 40 + n));
        let listed = |addresses: Vec<SocketAddr>| {
            let urls: Vec<String> = addresses
                .iter()
                .map(|a| format!("\"http://{a}\""))
                .collect();
            urls.join(", ")
        };
        let rest = match self.upstreams.get(zone) {
            None => listed(centres(zone, None)),
            Some(urls) => {
                let port = centres(zone, None)[0].port().to_string();
                let urls = urls
                    .iter()
                    .map(|u| format!("{:?}", u.replace("{port}", &port)));
                urls.collect::<Vec<_>>().join(", ")
            }
        };
        let sessions = self.sessions(zone, sessions);
        let mut yaml = format!(
            "\x20 {zone}:\n\
             \x20   egress: [\"{egress}\"]\n\
             \x20   upstreams: {{rest: [{rest}]{sessions}}}\n"
        );
        let own: Vec<_> = self.channels.iter().filter(|(z, _)| *z == zone).collect();
        if !own.is_empty() {
            yaml += "\x20   channels:\n";
        }
        for (_, channel) in own {
            let rest = listed(centres(zone, Some(channel)));
            writeln!(yaml, "\x20     {channel}: {{rest: [{rest}]}}").unwrap();
        }
        if self.reference {
            writeln!(yaml, "\x20   gateway_secret: {{value: {SECRET}}}").unwrap();
        }
        yaml
    }
}

impl Plan {
    /// The zone's session upstreams, as members behind its REST ones.
    fn sessions(&self, zone: &str, sessions: Option<(SocketAddr, SocketAddr)>) -> String {
        let Some((websocket, msync)) = sessions.filter(|_| self.sessions) else {
            return String::new();
        };
        let websocket = match self.websockets.get(zone) {
            Some(url) => url.replace("{port}", &websocket.port().to_string()),
            None => format!("ws://{websocket}/websocket"),
        };
        format!(", websocket: [\"{websocket}\"], msync: [\"tcp://{msync}\"], msync_preamble: true")
    }
}

/// What gateways show the reference data centres.
pub const SECRET: &str = "between-the-two-of-us";

fn make_keys(dir: &Path, region: &str) {
    for name in ["seal", "pin"] {
        let mut key = [0; 32];
        domicile::registry::Randomness::fill(&SystemRandomness, &mut key).unwrap();
        write_new(
            &dir.join(format!("{name}.key")),
            &format!("{region}-test"),
            &key,
        )
        .unwrap();
    }
}

fn make_owner(dir: &Path, now: u64) {
    let key = AdminKey::generate(&SystemRandomness).unwrap();
    private(&dir.join("admin.key"), key.expose());
    OwnerFile::new(&key.hash(), now)
        .write(&dir.join("owner.json"))
        .unwrap();
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The region's file of the catalogue.
fn entry(dir: &Path, region: &str) -> String {
    let file = KeyFile::<PinSigningKey>::read(&dir.join("pin.key")).unwrap();
    let key = STANDARD.encode(file.newest().unwrap().public_key().unwrap());
    let zones = REGIONS
        .iter()
        .find(|(r, _)| *r == region)
        .unwrap()
        .1
        .join(", ");
    format!(
        "region: {region}\n\
         location: {region}\n\
         service_area: europe\n\
         zones: [{zones}]\n\
         endpoints:\n\
         \x20 rest: [\"https://rest.{region}.test\"]\n\
         \x20 websocket: [\"wss://ws.{region}.test/websocket\"]\n\
         \x20 msync: [\"msync.{region}.test:443\"]\n\
         \x20 admin: [\"https://admin.{region}.test:9443\"]\n\
         pin_keys:\n\
         \x20 - {{id: {region}-test, key: \"{key}\"}}\n"
    )
}

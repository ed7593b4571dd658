//! What crosses the router, seen twice: by named nftables counters, and in a capture of every link.
//!
//! The counters take every packet, of whatever protocol and with or without a payload, so an attempt
//! to connect counts. The capture gives payload bytes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::network::{Network, ROUTER, at};
use super::places::{CLIENTS, CLIENTS_ADDRESS, ETCD_ADDRESS, PLACES, Place, Zone};

/// From a region's gateway to a prefix: what a counter is called.
pub type Way = (&'static str, &'static str);

/// Packets and bytes, headers included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    pub packets: u64,
    pub bytes: u64,
}

/// Whatever is no zone, no client and not etcd: other gateways, and the rest of the world.
pub const ELSEWHERE: &str = "elsewhere";

/// Puts the counters into the router.
pub fn install(network: &Network) {
    network.feed(ROUTER, "nft", &["-f", "-"], ruleset().as_bytes());
}

/// What was counted since the last time.
pub fn take(network: &Network) -> BTreeMap<Way, Count> {
    ask(network, "reset")
}

/// The same, without beginning anew.
pub fn look(network: &Network) -> BTreeMap<Way, Count> {
    ask(network, "list")
}

fn ask(network: &Network, verb: &str) -> BTreeMap<Way, Count> {
    let printed = network.run(ROUTER, "nft", &["-j", verb, "counters"]);
    let document: Value = serde_json::from_str(&printed).unwrap();
    let objects = document["nftables"].as_array().unwrap().iter();
    let counters = objects.filter_map(|object| object.get("counter"));
    counters
        .map(|counter| {
            let name = counter["name"].as_str().unwrap();
            let number = |member: &str| counter[member].as_u64().unwrap();
            let count = Count {
                packets: number("packets"),
                bytes: number("bytes"),
            };
            let way = ways().into_iter().find(|way| called(*way) == name);
            (way.unwrap(), count)
        })
        .collect()
}

/// Every gateway with every zone, and with everything else.
pub fn ways() -> Vec<Way> {
    let to = |place: Place| {
        let zones = zones().map(move |zone| (place.region, zone.id));
        zones.chain([(place.region, ELSEWHERE)])
    };
    PLACES.into_iter().flat_map(to).collect()
}

/// Whether nothing at all may go this way.
pub fn is_foreign((region, to): Way) -> bool {
    let place = super::places::place(region);
    !place.zones().any(|zone| zone.id == to)
}

fn called((region, to): Way) -> String {
    format!("{region}_to_{to}")
}

/// nftables 0.9 and later; each statement on a line of its own.
/// nftables 0.9 and later; each statement on a line of its own.
fn ruleset() -> String {
    let mut text = String::from("table ip proof {\n");
    for way in ways() {
        text.push_str(&format!("  counter {} {{ }}\n", called(way)));
    }
    text.push_str("  chain crossing {\n    type filter hook forward priority 0; policy accept;\n");
    for place in PLACES {
        for zone in zones() {
            text.push_str(&rule(place, &zone.prefix(), (place.region, zone.id)));
        }
        let known = zones().map(Zone::prefix);
        let known = known.chain([ETCD_ADDRESS, CLIENTS_ADDRESS].map(|ip| ip.to_string()));
        let known = format!("!= {{ {} }}", known.collect::<Vec<_>>().join(", "));
        text.push_str(&rule(place, &known, (place.region, ELSEWHERE)));
    }
    text.push_str("  }\n}\n");
    text
}

fn rule(from: Place, to: &str, way: Way) -> String {
    let (link, counter) = (from.gateway(), called(way));
    format!("    iifname \"{link}\" ip daddr {to} counter name {counter}\n")
}

fn zones() -> impl Iterator<Item = Zone> {
    PLACES.into_iter().flat_map(Place::zones)
}

/// A capture of every link of the router, being written.
pub struct Capture {
    child: Child,
    file: PathBuf,
}

/// One packet that has left the router.
pub struct Packet {
    /// Unix seconds.
    pub time: f64,
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
    /// Bytes of TCP payload.
    pub payload: u64,
}

/// Linux' name for a packet that goes out, in the header of a capture of all links.
const OUTGOING: &str = "sll.pkttype == 4";

impl Capture {
    pub fn start(network: &Network, file: PathBuf) -> Self {
        let mut command = network.command(ROUTER, "dumpcap");
        // Heads are enough: the payload's length follows from them.
        command.args(["-q", "-P", "-i", "any", "-s", "128", "-f", "tcp", "-w"]);
        let mut child = command.arg(&file).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut lines = said.lines();
        let mut heard = Vec::new();
        // It says where it writes once it listens.
        let ready = lines.by_ref().any(|line| {
            heard.push(line.unwrap());
            heard.last().unwrap().starts_with("File:")
        });
        assert!(ready, "dumpcap does not capture: {heard:?}");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, file }
    }

    /// Ends it, and gives what was captured: everything before now.
    pub fn finish(mut self) -> Vec<Packet> {
        self.catch_up();
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.unwrap().success());
        self.child.wait().unwrap();
        let mut tshark = Command::new("tshark");
        tshark
            .arg("-r")
            .arg(&self.file)
            .args(["-Y", OUTGOING, "-T", "fields"]);
        for field in ["frame.time_epoch", "ip.src", "ip.dst", "tcp.len"] {
            tshark.args(["-e", field]);
        }
        let read = tshark.output().expect("is tshark installed?");
        let error = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "tshark: {error}");
        let text = String::from_utf8(read.stdout).unwrap();
        text.lines().filter_map(Packet::parse).collect()
    }
}

impl Capture {
    /// Waits until a last attempt to connect is in the file: what came before it is, too.
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    fn catch_up(&self) {
        let place = PLACES[0];
        let last = SocketAddr::from((place.gateway_address(), NOBODY));
        let refused = at(CLIENTS, || TcpStream::connect(last).is_err());
        assert!(refused, "somebody listens on port {NOBODY}");
        let (from, to) = (CLIENTS_ADDRESS.octets(), place.gateway_address().octets());
        let addresses = [from, to].concat();
        // Behind the addresses, and two bytes of the source's port.
        let is_last = |w: &[u8]| w.starts_with(&addresses) && w[10..] == NOBODY.to_be_bytes();
        for _ in 0..TRIES {
            let bytes = std::fs::read(&self.file).unwrap();
            if bytes.windows(12).any(is_last) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("the capture does not get on");
    }
}

/// A port where no gateway listens.
const NOBODY: u16 = 9;
const TRIES: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(20);

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Packet {
    /// Nothing for what is no IPv4.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let time = fields.next()?.parse().ok()?;
        let from = fields.next()?.parse().ok()?;
        let to = fields.next()?.parse().ok()?;
        let payload = fields.next()?.parse().ok()?;
        Some(Self {
            time,
            from,
            to,
            payload,
        })
    }

    /// Which way it went, if it came from a gateway and has one that is counted.
    pub fn way(&self) -> Option<Way> {
        let mut gateways = PLACES.into_iter();
        let from = gateways.find(|place| place.gateway_address() == self.from)?;
        if [ETCD_ADDRESS, CLIENTS_ADDRESS].contains(&self.to) {
            return None;
        }
        let to = zones().find(|zone| zone.holds(self.to));
        Some((from.region, to.map_or(ELSEWHERE, |zone| zone.id)))
    }
}

//! What was counted, scenario by scenario, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::counters::{self, Count, Packet, Way};
use super::scenarios::{Scenario, Seen};

#[derive(Debug, Serialize)]
pub struct Report {
    pub ok: bool,
    /// Whether the capture has as many packets as the counters, but for those that were under way when
    /// these were read.
    pub complete: bool,
    pub scenarios: Vec<Line>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub struct Line {
    pub name: &'static str,
    pub seconds: f64,
    /// From gateways to data centres (and other gateways) of other regions. All must be 0.
    pub foreign: Crossing,
    /// From gateways to their own data centres.
    pub home: Crossing,
    /// What must at least have gone home, in bytes of payload, and to which zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_home: Option<(&'static str, u64)>,
    /// Each way that something went, from region to zone.
    pub ways: BTreeMap<String, Crossing>,
    #[serde(flatten)]
    pub seen: Seen,
}

/// What went one way.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Crossing {
    /// Packets by nftables, of any kind: an attempt to connect is one.
    pub packets: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// Packets of TCP, by the capture.
    pub captured_packets: u64,
    /// Bytes of TCP payload, by the capture.
    pub payload_bytes: u64,
}

/// What is known of a scenario before the capture is read.
pub struct Tried {
    pub scenario: Scenario,
    /// Unix seconds.
    pub from: f64,
    pub until: f64,
    pub counts: BTreeMap<Way, Count>,
    pub seen: Seen,
}

impl Report {
    pub fn new(tried: Vec<Tried>, packets: &[Packet]) -> Self {
        let scenarios: Vec<_> = tried.into_iter().map(|t| Line::new(t, packets)).collect();
        let total = |count: fn(&Crossing) -> u64| -> u64 {
            let ways = scenarios.iter().flat_map(|line| line.ways.values());
            ways.map(count).sum()
        };
        let (counted, captured) = (total(|c| c.packets), total(|c| c.captured_packets));
        let complete = counted.abs_diff(captured) <= counted / UNDER_WAY;
        Self {
            ok: complete && scenarios.iter().all(Line::is_good),
            complete,
            scenarios,
        }
    }

    pub fn markdown(&self) -> String {
        let mut text = String::from(HEAD);
        for line in &self.scenarios {
            let (foreign, home) = (line.foreign, line.home);
            let verdict = if line.is_good() {
                "proven"
            } else {
                "**FAILED**"
            };
            let checks = line.seen.checks.len();
            let row = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {checks} | {:.1} | {verdict} |",
                line.name,
                foreign.payload_bytes,
                foreign.packets,
                foreign.bytes,
                home.payload_bytes,
                home.packets,
                line.seconds
            );
            row.unwrap();
        }
        text.push_str(&self.failures());
        text
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        if !self.complete {
            text.push_str("\nThe capture and the counters differ in the number of packets.\n");
        }
        for line in self.scenarios.iter().filter(|line| !line.is_good()) {
            writeln!(text, "\n## {}\n", line.name).unwrap();
            for (way, crossing) in &line.ways {
                writeln!(text, "- {way}: {crossing:?}").unwrap();
            }
            for check in line.seen.checks.iter().filter(|check| !check.ok) {
                writeln!(text, "- {}: found {}", check.what, check.found).unwrap();
            }
        }
        text
    }
}

/// One packet in so many may be under way while the counters are read.
const UNDER_WAY: u64 = 100;

const HEAD: &str = "# What crossed the borders between regions\n\n\
     From gateways to other regions, by nftables counters (packets of any kind, an attempt to connect is one) and by a\n\
     capture of every link (TCP payload); and for comparison from gateways to their own data centres.\n\n\
     | scenario | foreign payload, bytes | foreign packets | foreign bytes | home payload, bytes | home packets | answers checked | seconds | |\n\
     |---|---|---|---|---|---|---|---|---|\n";

impl Line {
    fn new(tried: Tried, packets: &[Packet]) -> Self {
        let mut ways: BTreeMap<Way, Crossing> = BTreeMap::new();
        for (way, count) in &tried.counts {
            let crossing = ways.entry(*way).or_default();
            (crossing.packets, crossing.bytes) = (count.packets, count.bytes);
        }
        let within = |packet: &&Packet| packet.time >= tried.from && packet.time < tried.until;
        for packet in packets.iter().filter(within) {
            if let Some(way) = packet.way() {
                let crossing = ways.entry(way).or_default();
                crossing.captured_packets += 1;
                crossing.payload_bytes += packet.payload;
            }
        }
        let sum = |foreign: bool| {
            let some = ways
                .iter()
                .filter(|(way, _)| counters::is_foreign(**way) == foreign);
            some.fold(Crossing::default(), |sum, (_, crossing)| sum.and(*crossing))
        };
        let some = |crossing: &Crossing| crossing.packets + crossing.captured_packets > 0;
        let went = ways.iter().filter(|(_, crossing)| some(crossing));
        let went = went.map(|((region, to), crossing)| (format!("{region} to {to}"), *crossing));
        Self {
            name: tried.scenario.name,
            seconds: tried.until - tried.from,
            foreign: sum(true),
            home: sum(false),
            expected_home: tried.scenario.at_home,
            ways: went.collect(),
            seen: tried.seen,
        }
    }

    /// Whether nothing crossed, what should go home did, and every answer was as it must be.
    fn is_good(&self) -> bool {
        let foreign = self.foreign;
        let nothing = foreign.packets + foreign.bytes + foreign.captured_packets == 0;
        let home = self.expected_home.is_none_or(|(zone, bytes)| {
            let mut ways = self.ways.iter();
            let way = ways.find(|(way, _)| way.ends_with(&format!(" to {zone}")));
            way.is_some_and(|(_, crossing)| crossing.payload_bytes >= bytes)
        });
        nothing && home && self.seen.checks.iter().all(|check| check.ok)
    }
}

impl Crossing {
    const fn and(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            captured_packets: self.captured_packets + other.captured_packets,
            payload_bytes: self.payload_bytes + other.payload_bytes,
        }
    }
}

//! The packet-level proof: four regions, each a network of its own behind one router that counts and
//! captures. Whatever is tried, no packet goes from a gateway to another region (P1, P8).
//!
//! Needs root, iproute2, nftables, tshark and etcd. `docs/residency-proof.md` tells of it.
//!
//! The test fails when a control is taken out. Seen: `Egress::allows` (`src/zone/egress.rs`) saying
//! yes to everything fails the scenarios about names.

mod client;
mod counters;
mod fake;
mod lab;
mod names;
mod network;
mod places;
mod process;
mod report;
mod scenarios;
mod staging;
mod tampering;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use counters::Capture;
use lab::Lab;
use report::{Report, Tried};
use scenarios::{Scenario, Seen};

#[test]
fn no_packet_goes_to_another_region() {
    let mut lab = Lab::new();
    counters::install(&lab.network);
    staging::tells_what_crosses(&lab);
    let capture = Capture::start(&lab.network, lab.path("links.pcap"));
    counters::take(&lab.network);
    let mut tried: Vec<Tried> = Vec::new();
    for scenario in scenarios::all() {
        let from = tried.last().map_or_else(now, |last| last.until);
        tried.push(attempt(&mut lab, scenario, from));
    }
    let report = Report::new(tried, &capture.finish());
    let folder = write(&report);
    assert!(
        report.ok,
        "see {}\n{}\n{}",
        folder.display(),
        report.markdown(),
        lab.logs()
    );
}

/// Runs a scenario, and takes all that was counted since the one before.
fn attempt(lab: &mut Lab, scenario: Scenario, from: f64) -> Tried {
    let mut seen = Seen::default();
    (scenario.run)(lab, &mut seen);
    let counts = counters::take(&lab.network);
    Tried {
        scenario,
        from,
        until: now(),
        counts,
        seen,
    }
}

/// For people and for programs, beside the build; `RESIDENCY_REPORT` names another folder.
#[expect(clippy::disallowed_methods, reason = "where a test writes its report")]
fn write(report: &Report) -> PathBuf {
    let folder = std::env::var("RESIDENCY_REPORT").map_or_else(
        |_| Path::new(env!("CARGO_TARGET_TMPDIR")).join("residency"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("report.md"), report.markdown()).unwrap();
    let json = serde_json::to_string_pretty(report).unwrap();
    std::fs::write(folder.join("report.json"), json).unwrap();
    folder
}

/// The clock that captures are stamped by, in unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "a capture's clock is the machine's"
)]
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

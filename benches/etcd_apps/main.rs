//! What Apps in etcd cost, with the real binary and a real etcd whose data are in memory:
//! `cargo bench --bench etcd_apps -- 1000 1000000`.
//!
//! For each number of Apps: the start, a look-up of an App that the gateway has not seen, many at once of
//! one App, how long a change takes to reach another gateway under load, registrations, memory, disk.
//! The Apps are registered by the registry's own code into a file first, and put into etcd entry by entry.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench's own helpers")]
#![allow(dead_code, reason = "other benches use the rest of what is shared")]
#![expect(
    clippy::print_stdout,
    reason = "a bench says what it found, for people"
)]

#[path = "../control/gateway.rs"]
mod gateway;
#[path = "../../src/registry/tests/etcd/process.rs"]
mod process;
#[path = "../control/region.rs"]
mod region;

mod etcd;
mod figures;

use domicile::domain::{Clock, SystemClock};
use etcd::Etcd;
use region::Region;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only wants to see that it starts.
    if arguments.iter().any(|arg| arg == "--test") {
        return;
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 100_000];
    }
    let mut columns = Vec::new();
    for size in &sizes {
        columns.push(measure(*size).await);
    }
    print(&sizes, &columns);
}

type Column = Vec<(&'static str, String)>;

async fn measure(apps: usize) -> Column {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let region = Region::new(&folder.path().join("one"), 1);
    let began = millis();
    region.fill(apps).await;
    tell(&format!(
        "{apps} Apps are made in {} s",
        (millis() - began) / 1_000
    ));
    let began = millis();
    let etcd = Etcd::of(&region).await;
    tell(&format!(
        "they are in etcd after {} s",
        (millis() - began) / 1_000
    ));
    let twin = region.twin(&folder.path().join("two"), 2);
    region.served_from(&etcd.url());
    twin.served_from(&etcd.url());
    let mut column = etcd.size(apps).await;
    column.extend(figures::of(&region, &twin, &etcd, apps).await);
    column
}

/// Progress, which nobody keeps.
fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn print(sizes: &[usize], columns: &[Column]) {
    let heads: Vec<String> = sizes.iter().map(|size| format!("{size} Apps")).collect();
    println!("| | {} |", heads.join(" | "));
    println!("|---|{}", "--:|".repeat(sizes.len()));
    for (row, (name, _)) in columns[0].iter().enumerate() {
        let values: Vec<&str> = columns.iter().map(|column| &*column[row].1).collect();
        println!("| {name} | {} |", values.join(" | "));
    }
}

/// The machine's time, in unix milliseconds.
fn millis() -> u64 {
    SystemClock.unix_millis()
}

//! The control plane's figures, with the real binary, over its real API:
//! `cargo bench --bench control`.
//!
//! 1. How many registrations a second the admin API takes, and that none is lost to a kill -9.
//! 2. What 1,000,000 Apps cost beside 1,000: reading one, the first page of the list, the decision
//!    on an App that the gateway has not seen; memory, disk, and the start.
//!
//! `APPS` (1,000,000) and `REGISTRATIONS` (20,000) make it smaller. Both gateways of the second
//! part run side by side and are asked in turn, so that other work on the machine hits both.

#![allow(clippy::unwrap_used, reason = "a bench's own helpers")]
#![expect(
    clippy::print_stdout,
    reason = "a bench says what it found, for people"
)]

#[allow(dead_code, reason = "the bench of Apps in etcd uses the rest")]
mod gateway;
mod growth;
#[allow(dead_code, reason = "the bench of Apps in etcd uses the rest")]
mod region;
mod storm;

use domicile::domain::{Clock, SystemClock};
use region::Region;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let registrations = number("REGISTRATIONS", 20_000);
    storm::run(Region::new(&folder.path().join("storm"), 1), registrations).await;
    let few = Region::new(&folder.path().join("few"), 2);
    let many = Region::new(&folder.path().join("many"), 3);
    growth::run(few, many, number("APPS", 1_000_000)).await;
}

#[expect(clippy::disallowed_methods, reason = "a bench's own size")]
fn number(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// The machine's time, in unix milliseconds.
fn millis() -> u64 {
    SystemClock.unix_millis()
}

//! Builders over real servers: gateways, data centres that record, clients that send any byte.
//!
//! A test makes a [`World`], registers Apps in it, sends [`Call`]s or raw bytes, looks at what the
//! data centres saw, and ends with [`World::finish`], which checks that nothing went astray.

pub mod apps;
pub mod audit;
pub mod balancer;
pub mod call;
pub mod centre;
pub mod certificates;
pub mod chat_sdk;
#[cfg(feature = "otel")]
pub mod collector;
pub mod demo;
pub mod disk;
pub mod etcd;
pub mod front;
pub mod head;
pub mod im;
mod isolation;
pub mod log;
pub mod pages;
pub mod plan;
pub mod process;
pub mod prometheus;
pub mod region;
pub mod relay;
pub mod scrape;
pub mod script;
pub mod sdk;
pub mod store;
pub mod wire;
pub mod world;

use std::time::Duration;

pub use apps::{TestApp, Wish};
pub use call::{Call, Http2, Via};
pub use demo::Demo;
pub use etcd::Etcd;
pub use plan::{Plan, REGIONS, rest_name};
pub use script::{Answer as Said, Reply};
pub use store::FaultyStore;
pub use wire::{Answer, Wire};
pub use world::World;

/// No test waits longer for anything. Generous, since machines are slow at times.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The future's value, before the deadline.
///
/// # Panics
/// When it does not come.
pub async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    let value = tokio::time::timeout(DEADLINE, future).await;
    value.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits until the condition holds.
///
/// # Panics
/// When it does not before the deadline.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    in_time(what, waiting).await;
}

//! One request, forward only: classify, locate, admit, bind, prepare, send, filter.

mod departure;
mod discovery;
mod parent;
mod refusal;
mod reject;
mod reply;
mod route;
mod upgrade;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::auth::Gate;
use crate::call::{Names, Peer};
use crate::config::{Catalogue, Config, Hint, Limits, Tokens};
use crate::domain::{Clock, RegionId};
use crate::observe::{Metrics, Plane, Recorder, RequestRecord, Tracer};
use crate::pace::Pacer;
use crate::per_address::PerAddress;
use crate::registry::{Locator, Registry};
use crate::zone::{Homes, References, Zones};

pub use departure::Departure;
pub use refusal::{Endpoints, Refusal};
pub use reject::{Rejection, Row, Side, row, shown};
pub use reply::Reply;
pub use route::Begun;
pub use upgrade::ForwardedFor;

/// What all cores of a gateway share under one configuration. Read on the hot path, never written there.
pub struct Shared {
    pub region: RegionId,
    pub catalogue: Arc<Catalogue>,
    pub names: Names,
    pub references: References,
    pub limits: Limits,
    pub hint: Hint,
    pub tokens: Tokens,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub audit: Arc<AuditLog>,
    pub registry: Arc<Registry>,
    pub homes: Homes,
    discoveries: PerAddress,
    departure: Arc<Departure>,
    tracer: Option<Arc<Tracer>>,
}

/// The running parts that a gateway is made of, besides its configuration.
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub audit: Arc<AuditLog>,
    pub registry: Arc<Registry>,
    pub homes: Homes,
    pub references: References,
    /// The same for all configurations that the gateway ever had.
    pub departure: Arc<Departure>,
    pub tracer: Option<Arc<Tracer>>,
}

impl Shared {
    pub fn new(config: &Config, parts: Parts) -> Self {
        Self {
            region: config.region.clone(),
            catalogue: Arc::clone(&config.catalogue),
            names: Names::new(config.tls.names.own.iter().cloned()),
            references: parts.references,
            limits: config.limits.clone(),
            hint: config.hint,
            tokens: config.tokens,
            discoveries: PerAddress::new(discovery::PER_MINUTE, Arc::clone(&parts.clock)),
            clock: parts.clock,
            metrics: parts.metrics,
            audit: parts.audit,
            registry: parts.registry,
            homes: parts.homes,
            departure: parts.departure,
            tracer: parts.tracer,
        }
    }

    /// From now on each answer ends its connection.
    pub fn leave(&self) {
        self.departure.leave();
    }

    pub fn is_leaving(&self) -> bool {
        self.departure.is_leaving()
    }

    /// From now on requests are refused as `draining`.
    pub fn drain(&self) {
        self.departure.drain();
    }

    pub fn is_draining(&self) -> bool {
        self.departure.is_draining()
    }
}

/// One core's gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    locator: Locator,
    gate: Gate,
    zones: Zones,
    recorder: Arc<Recorder>,
    pacer: Arc<Pacer>,
}

/// A client's connection, as far as its requests care.
#[derive(Debug)]
pub struct Client {
    pub peer: Peer,
    pub plane: Plane,
}

impl Gateway {
    /// `cores`: with how many it divides what may be remembered.
    pub fn new(
        shared: &Arc<Shared>,
        pacer: &Arc<Pacer>,
        tasks: &TaskTracker,
        cores: usize,
    ) -> Self {
        let tokens = shared.tokens;
        let apps = remembered(shared.registry.capacity(), cores);
        Self {
            locator: Locator::new(Arc::clone(&shared.registry), apps),
            gate: Gate::new(
                tokens.max_age,
                tokens.clock_skew,
                Arc::clone(&shared.clock),
                Arc::clone(&shared.metrics),
            ),
            zones: Zones::new(
                &shared.homes,
                shared.limits.in_flight_per_channel,
                pacer,
                tasks,
            ),
            recorder: Arc::new(Recorder::new(
                Arc::clone(&shared.metrics),
                shared.tracer.clone(),
            )),
            pacer: Arc::clone(pacer),
            shared: Arc::clone(shared),
        }
    }

    /// Starts the record of a session.
    pub fn record(&self, plane: Plane) -> RequestRecord {
        let mut record = RequestRecord::start(&self.recorder, plane, &http::Method::GET);
        record.trace(None);
        record
    }

    pub const fn pacer(&self) -> &Arc<Pacer> {
        &self.pacer
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Housekeeping, now and then.
    pub fn sweep(&self) {
        self.zones.sweep();
    }
}

/// Apps that a core remembers: all cores together as many as the gateway, but each of them a few.
fn remembered(capacity: u64, cores: usize) -> usize {
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    (capacity / cores.max(1)).max(FEW_APPS)
}

/// Also of a small cache, or with many cores.
const FEW_APPS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_divide_what_may_be_remembered() {
        for (capacity, cores, each) in [
            (1_000_000, 1, 1_000_000),
            (1_000_000, 4, 250_000),
            (1_000_000, 64, FEW_APPS),
            (7, 1, FEW_APPS),
            (1_000_000, 0, 1_000_000),
        ] {
            assert_eq!(remembered(capacity, cores), each, "{capacity}, {cores}");
        }
    }
}
